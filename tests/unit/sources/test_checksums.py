import base64
import hashlib

import pytest

from holdfast.errors import SourceFailed
from holdfast.sources.checksums import Checksum, ChecksumDiffers

DATA = b"some bytes of a file"


def verify(text: str, data: bytes = DATA) -> None:
    checksum = Checksum(text)
    checksum.update(data[:5])
    checksum.update(data[5:])
    checksum.verify("the blob of record 7")


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_every_form_of_a_checksum_is_understood(algorithm: str) -> None:
    digest = hashlib.new(algorithm, DATA).digest()
    for text in (digest.hex(), digest.hex().upper(), base64.b64encode(digest).decode(),
                 base64.urlsafe_b64encode(digest).decode().rstrip("=")):  # fmt: skip
        for before in ("", f"{algorithm}:", f"{algorithm.upper()}=", f"{algorithm}: "):
            verify(before + text)
            with pytest.raises(ChecksumDiffers, match=f"the blob of record 7: the {algorithm} of what came is"):
                verify(before + text, DATA + b"!")
    verify(f"sha-256:{hashlib.sha256(DATA).hexdigest()}")


@pytest.mark.parametrize("text", ["", "abc", "9-2", "0" * 8, "crc32c=AAAAAA==", "sha256:" + "0" * 32, "ü" * 32])
def test_what_is_no_known_checksum_is_a_failure_that_shows_it(text: str) -> None:
    with pytest.raises(SourceFailed, match="of no known kind"):
        Checksum(text)
