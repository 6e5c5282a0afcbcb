from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.vault import digests

KEY = bytes(range(32))


def test_bulk_digests_equal_single_ones_and_depend_on_everything():
    keys, raws = ["1", "2", "ü"], [b"{}", b'{"a":1}', b"{}"]
    found = digests.record_digests(KEY, "issues", keys, raws)
    assert found == [digests.record_digest(KEY, "issues", key, raw) for key, raw in zip(keys, raws, strict=True)]
    others = [
        digests.record_digest(bytes(32), "issues", "1", b"{}"),
        digests.record_digest(KEY, "comments", "1", b"{}"),
        digests.record_digest(KEY, "issues", "1", b"{} "),
    ]
    assert len({*found, *others}) == 6
    assert {len(digest) for digest in found} == {16}


def test_a_blob_in_pieces_has_the_digest_of_the_whole():
    pieces = digests.blob_digest(KEY)
    for piece in (b"ab", b"", b"c" * 100_000):
        pieces.update(piece)
    assert pieces.digest() == digests.content_digest(KEY, b"ab" + b"c" * 100_000)


@given(st.lists(st.binary(min_size=16, max_size=16)), st.randoms())
def test_a_state_sum_is_free_of_order_and_can_be_taken_back(found: list[bytes], random: Any):
    other = found.copy()
    random.shuffle(other)
    total = digests.add(digests.EMPTY_SUM, found)
    assert total == digests.add(digests.EMPTY_SUM, other)
    assert len(total) == 16
    assert digests.subtract(total, other) == digests.EMPTY_SUM


def test_a_record_with_a_blob_counts_as_one_value_bound_to_both():
    assert len({digests.with_blob(b"a" * 16, b"b" * 16), digests.with_blob(b"b" * 16, b"a" * 16)}) == 2
    assert len(digests.with_blob(b"a" * 16, b"b" * 16)) == 16
