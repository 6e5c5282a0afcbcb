"""Whether a backup's blobs look as if somebody had encrypted them: contents that are noise where they were none,
content types that tell nothing any more, names with other extensions.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

SAMPLE_BYTES = 16 * 1024
"""The beginning of a blob, where formats have their marks and encryption leaves none."""
_FEWEST_BYTES = 256
_FEWEST_REPLACED = 20
_FEWEST_NEW = 50
_MOST = 0.5
_FEW = 0.1
_TELLS_NOTHING = frozenset({None, "", "application/octet-stream", "binary/octet-stream", "application/x-unknown"})
_MARKS = (
    b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c",
    b"Rar!", b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF", b"OggS", b"ID3", b"\xff\xfb",
    b"\xff\xf3", b"fLaC", b"%PDF", b"\x1aE\xdf\xa3", b"FLV", b"\0\0\x01\xba", b"\xd0\xcf\x11\xe0", b"\x04\x22\x4d\x18",
    b"wOF2", b"wOFF", b"SQLite format 3\0", b"\x7fELF", b"MZ", b"-----BEGIN", b"{\\rtf", b"x\x01", b"x^", b"x\x9c",
    b"x\xda",
)  # fmt: skip
"""What compressed and other dense formats begin with: they are as dense as noise, but say what they are."""
_MARKED_LATER = ((4, b"ftyp"), (4, b"jP  "), (257, b"ustar"))


def looks_encrypted(beginning: bytes) -> bool:
    """Whether the beginning of a blob is as even as random bytes are, and no format that is dense by nature."""
    if len(beginning) < _FEWEST_BYTES or beginning.startswith(_MARKS):
        return False
    if any(beginning[at : at + len(mark)] == mark for at, mark in _MARKED_LATER):
        return False
    # So much less than 8 bits are random bytes on average, with so few of them; twice that is far beyond chance.
    shortfall = 255 / (2 * math.log(2) * len(beginning))
    return entropy(beginning) > 8 - 2 * shortfall


def entropy(data: bytes) -> float:
    """Bits a byte, by how often each value occurs."""
    total = len(data)
    return -sum(count / total * math.log2(count / total) for count in Counter(data).values())


@dataclass(frozen=True)
class BlobChange:
    """What a backup did to one record's blob, as names and types tell; None: it had none before."""

    name: str | None
    content_type: str | None
    old_name: str | None = None
    old_content_type: str | None = None

    @property
    def is_renamed(self) -> bool:
        """It has another extension than before."""
        return bool(self.name and self.old_name) and _extension(self.name) != _extension(self.old_name)

    @property
    def is_untyped(self) -> bool:
        """It had a content type and has none that tells anything."""
        return _plain(self.content_type) in _TELLS_NOTHING and _plain(self.old_content_type) not in _TELLS_NOTHING


@dataclass(frozen=True)
class Signs:
    """What was seen, in numbers."""

    replaced: int = 0
    renamed: int = 0
    untyped: int = 0
    sampled: int = 0
    """Replaced blobs whose beginnings were read, before and after."""
    turned: int = 0
    """Those of them that look encrypted and did not."""
    new: int = 0
    new_sampled: int = 0
    new_encrypted: int = 0
    others_sampled: int = 0
    """Older blobs, to compare new ones with: where all look encrypted, new ones may as well."""
    others_encrypted: int = 0
    extension: str | None = None
    """The one that most renamed ones have now."""

    @property
    def could_alarm(self) -> bool:
        """Whether there are enough for it to be worth reading any."""
        return self.replaced >= _FEWEST_REPLACED or self.new >= _FEWEST_NEW

    @property
    def are_alarming(self) -> bool:
        if self.replaced >= _FEWEST_REPLACED:
            if self.sampled and self.turned >= _MOST * self.sampled:
                return True
            if self.renamed >= _MOST * self.replaced and self.untyped >= _MOST * self.replaced:
                return True
        return (
            self.new >= _FEWEST_NEW
            and self.new_encrypted >= _MOST * max(self.new_sampled, 1)
            and self.others_sampled >= 10
            and self.others_encrypted <= _FEW * self.others_sampled
        )


def commonest_extension(changes: Sequence[BlobChange]) -> str | None:
    """Of those that have another one than before."""
    found = Counter(_extension(change.name) for change in changes if change.is_renamed)
    return found.most_common(1)[0][0] or None if found else None


def _extension(name: str | None) -> str:
    return PurePosixPath((name or "").replace("\\", "/").replace("\0", "")).suffix.lower()


def _plain(content_type: str | None) -> str | None:
    return None if content_type is None else content_type.partition(";")[0].strip().lower()
