"""The checksum that a record gives of its blob, and whether the bytes that came have it. No I/O."""

import base64
import binascii
import hashlib
import re
from typing import Any

from holdfast.errors import SourceFailed

__all__ = ["Checksum", "ChecksumDiffers"]

_BY_SIZE = {16: "md5", 20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
_NAMED = re.compile(r"(md5|sha-?1|sha-?256|sha-?384|sha-?512)[=:]\s*(.+)", re.IGNORECASE)


class ChecksumDiffers(SourceFailed):
    """Other bytes came than the record announces."""

    code = "checksum_differs"


class Checksum:
    """Fed with a blob's bytes from the first to the last."""

    def __init__(self, text: str) -> None:
        """`text` as the record has it: MD5, SHA-1, SHA-256, SHA-384 or SHA-512, in hex or base64 of either alphabet,
        with or without its name before it (`sha256:...`). Raises SourceFailed for anything else.
        """
        named = _NAMED.fullmatch(text.strip())
        self._expected = _digest(named[2] if named else text.strip())
        self.algorithm = _BY_SIZE.get(len(self._expected), "")
        if not self.algorithm or (named and named[1].replace("-", "").lower() != self.algorithm):
            raise SourceFailed(
                f"the checksum {text[:100]!r} of the blob is of no known kind",
                hint="If it is another kind of checksum, take `checksum` out of the definition.",
            )
        self._hasher: Any = hashlib.new(self.algorithm, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        self._hasher.update(data)

    def verify(self, what: str) -> None:
        """Raises ChecksumDiffers."""
        found: bytes = self._hasher.digest()
        if found != self._expected:
            raise ChecksumDiffers(
                f"{what}: the {self.algorithm} of what came is {found.hex()}, "
                f"but the record says {self._expected.hex()}",
                hint="Did something else come, such as a description of the file? Look at the blob's `headers`.",
            )


def _digest(text: str) -> bytes:
    """The bytes that hex or base64 stands for; none where it is neither."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        pass
    packed = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
