from hypothesis import given
from hypothesis import strategies as st

from holdfast.catalog.rows import KeyRange

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab\ud7ff\ue000\U0010ffff"), max_size=4)


def _contains(within: KeyRange, key: str) -> bool:
    low = key.encode() >= within.low.encode() if within.includes_low else key.encode() > within.low.encode()
    if within.high is None:
        return low
    return low and (
        key.encode() <= within.high.encode() if within.includes_high else key.encode() < within.high.encode()
    )


@given(TEXT, TEXT)
def test_the_range_of_a_prefix_has_exactly_the_keys_that_begin_so(prefix: str, key: str) -> None:
    assert _contains(KeyRange.of_prefix(prefix), key) == key.startswith(prefix)
    assert _contains(KeyRange.of_prefix(prefix), prefix + key)


@given(TEXT, TEXT, TEXT, TEXT, TEXT)
def test_ranges_narrow(prefix: str, after: str, first: str, last: str, key: str) -> None:
    within = KeyRange.of_prefix(prefix).after(after).within(first, last)
    expected = key.startswith(prefix) and key > after and first <= key <= last
    assert _contains(within, key) == expected
    assert _contains(KeyRange().after(None), key)
