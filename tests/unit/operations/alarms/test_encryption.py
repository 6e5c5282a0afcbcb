import base64
import gzip
import random
import zlib

import pytest

from holdfast.operations.alarms.encryption import BlobChange, Signs, commonest_extension, entropy, looks_encrypted

NOISE = random.Random(7).randbytes
TEXT = " ".join(random.Random(1).choices(["alpha", "beta", "gamma", "delta", "invoice", "total"], k=5_000)).encode()


@pytest.mark.parametrize("size", [256, 300, 1_000, 4_096, 16_384])
def test_random_bytes_look_encrypted_however_few(size: int) -> None:
    assert all(looks_encrypted(NOISE(size)) for _ in range(50))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        NOISE(255),
        TEXT[:16_384],
        base64.b64encode(NOISE(16_384)),
        NOISE(16_384).hex().encode(),
        gzip.compress(TEXT),
        zlib.compress(TEXT),
        b"%PDF-1.7\n" + NOISE(10_000),
        b"PK\x03\x04" + NOISE(10_000),
        b"\xff\xd8\xff\xe0" + NOISE(10_000),
        b"\0\0\0\x20ftypisom" + NOISE(10_000),
        bytes(16_384),
    ],
)
def test_what_people_keep_does_not(data: bytes) -> None:
    assert not looks_encrypted(data)


def test_entropy_is_in_bits_a_byte() -> None:
    assert entropy(b"aaaa") == 0
    assert entropy(b"abab") == 1
    assert entropy(bytes(range(256))) == 8


def test_names_and_types_before_and_after() -> None:
    locked = BlobChange("report.docx.locked", "application/octet-stream", "report.docx", "application/msword")
    assert locked.is_renamed and locked.is_untyped
    edited = BlobChange("new.docx", "application/msword; charset=x", "old.docx", "application/msword")
    assert not edited.is_renamed and not edited.is_untyped
    assert not BlobChange("a.bin", None).is_renamed and not BlobChange("a.bin", None, "a.bin", None).is_untyped
    assert commonest_extension([locked, edited, locked]) == ".locked"
    assert commonest_extension([edited]) is None


@pytest.mark.parametrize(
    ("signs", "alarming"),
    [
        (Signs(replaced=30, sampled=30, turned=20), True),
        (Signs(replaced=19, sampled=19, turned=19), False),
        (Signs(replaced=300, sampled=64, turned=10), False),
        (Signs(replaced=300, renamed=290, untyped=280, sampled=0), True),
        (Signs(replaced=300, renamed=290, untyped=0, sampled=64, turned=1), False),
        (Signs(new=100, new_sampled=64, new_encrypted=60, others_sampled=32, others_encrypted=1), True),
        (Signs(new=100, new_sampled=64, new_encrypted=60, others_sampled=32, others_encrypted=30), False),
        (Signs(new=100, new_sampled=64, new_encrypted=60), False),
        (Signs(new=100, new_sampled=64, new_encrypted=3, others_sampled=32), False),
        (Signs(), False),
    ],
)
def test_many_signs_together_are_alarming(signs: Signs, alarming: bool) -> None:
    assert signs.are_alarming is alarming
