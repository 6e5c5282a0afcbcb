"""A root key wrapped by a passphrase, as text that may be printed or kept where others could see it.

One JSON object on one line. The passphrase goes through scrypt with parameters that cost 128 MB of memory and about
half a second a guess; the key opens with the passphrase alone, whatever becomes of the vault.
"""

import base64
import secrets
import unicodedata

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from holdfast.errors import InputError
from holdfast.vault.keys import KEY_BYTES, SALT_BYTES, ZERO_NONCE, RootKey

_COST, _BLOCK, _PARALLEL = 1 << 17, 8, 1
_COST_MAX = 1 << 22
"""4 GB: a file that asks for more is not one of ours."""
PASSPHRASE_MIN = 12
"""Characters. What is shorter can be tried out, whatever a guess costs."""


class _Export(msgspec.Struct, kw_only=True):
    holdfast_root_key_export: int
    vault_id: str
    root_id: str
    kdf: str
    n: int
    r: int
    p: int
    salt: str
    sealed: str


def wrap_with_passphrase(root: RootKey, vault_id: str, passphrase: str) -> str:
    """The export's text, other characters each time. Raises InputError for a passphrase that is too short."""
    if len(passphrase) < PASSPHRASE_MIN:
        raise InputError(
            f"the passphrase has {len(passphrase)} characters; it needs {PASSPHRASE_MIN}",
            field="passphrase",
            hint="Five or six words that nobody would guess do.",
        )
    salt = secrets.token_bytes(SALT_BYTES)
    key = _derive(passphrase, salt, _COST, _BLOCK, _PARALLEL)
    sealed = AESGCM(key).encrypt(ZERO_NONCE, root.secret, _associated(1, vault_id, root.id.hex()))
    export = _Export(
        holdfast_root_key_export=1,
        vault_id=vault_id,
        root_id=root.id.hex(),
        kdf="scrypt",
        n=_COST,
        r=_BLOCK,
        p=_PARALLEL,
        salt=_text(salt),
        sealed=_text(sealed),
    )
    return msgspec.json.encode(export).decode()


def unwrap_with_passphrase(text: str, passphrase: str) -> RootKey:
    """The root key. Raises InputError for another passphrase and for text that is no export."""
    try:
        export = msgspec.json.decode(text.strip(), type=_Export)
        salt, sealed = base64.b64decode(export.salt, validate=True), base64.b64decode(export.sealed, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"this is no export of a root key: {error}", field="export") from error
    if (export.holdfast_root_key_export, export.kdf) != (1, "scrypt") or not 1 < export.n <= _COST_MAX:
        raise InputError("this export of a root key is of a kind that this version does not know", field="export")
    try:
        key = _derive(passphrase, salt, export.n, export.r, export.p)
        root = RootKey(AESGCM(key).decrypt(ZERO_NONCE, sealed, _associated(1, export.vault_id, export.root_id)))
    except (InvalidTag, ValueError) as error:
        raise InputError(
            "the passphrase does not open this export, or the export was changed", field="passphrase"
        ) from error
    return root


def _derive(passphrase: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    # The same passphrase typed on another system may come in another Unicode form.
    typed = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt, KEY_BYTES, cost, block, parallel).derive(typed)


def _associated(version: int, vault_id: str, root_id: str) -> bytes:
    return f"holdfast-root-export/{version}/{vault_id}/{root_id}".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
