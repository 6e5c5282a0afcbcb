"""`vault.json`: the one object in the clear. Says that here is a vault and of which format; sealed with a MAC.

Its own form is the same in every format, so that each version can say of a newer vault that it is one.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass

import msgspec

from holdfast.errors import Damaged, VaultError
from holdfast.vault import names
from holdfast.vault.keys import CustomerKeys, derive

FORMAT = 1


@dataclass(frozen=True)
class Marker:
    vault_id: str
    created_at: str
    format: int = FORMAT

    def encode(self, installation: CustomerKeys) -> bytes:
        """The object's bytes: the same for the same vault, so that a reader can compare them whole."""
        signed = f"{self.format}\n{self.vault_id}\n{self.created_at}".encode()
        mac = hmac.new(derive(installation.digest, "marker"), signed, hashlib.sha256).hexdigest()
        fields = {"holdfast_vault": self.format, "id": self.vault_id, "created": self.created_at, "mac": mac}
        return json.dumps(fields, indent=1).encode() + b"\n"


class _Fields(msgspec.Struct):
    holdfast_vault: int
    id: str
    created: str


def decode(data: bytes, installation: CustomerKeys) -> Marker:
    """Raises Damaged, or VaultError (code `vault_format_newer`) where this version cannot read the vault."""
    try:
        fields = msgspec.json.decode(data, type=_Fields)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _damaged() from error
    marker = Marker(fields.id, fields.created, fields.holdfast_vault)
    if marker.encode(installation) != data:
        raise _damaged()
    if marker.format > FORMAT:
        raise VaultError(
            f"this vault has format {marker.format}, which this version of Holdfast does not read",
            hint="Use the version that wrote it, or a newer one.",
            code="vault_format_newer",
        )
    return marker


def _damaged() -> Damaged:
    return Damaged(f"{names.MARKER} is damaged", object_name=names.MARKER, hint="`holdfast repair` writes it anew.")
