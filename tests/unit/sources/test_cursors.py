"""The greatest value of an incremental field, whatever notation the source uses."""

import pytest

from holdfast.errors import PageUnreadable
from holdfast.sources.cursors import greatest


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", "2026-01-01T00:00:00Z"], "2026-01-03T00:00:00Z"),
        (["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"], "2026-01-01T00:00:00.5Z"),
        (["2026-01-01T01:00:00+02:00", "2026-01-01T00:00:00+00:00"], "2026-01-01T00:00:00+00:00"),
        (["2026-01-01", "2026-01-01T00:00:01Z"], "2026-01-01T00:00:01Z"),
        (["Tue, 06 Jan 2026 00:00:00 GMT", "Wed, 31 Dec 2025 00:00:00 GMT"], "Tue, 06 Jan 2026 00:00:00 GMT"),
        (["9", "10"], "10"),
        (["-2", "-10"], "-2"),
        (["1699999999.000200", "1700000000.000100"], "1700000000.000100"),
        (["1e3", "999"], "1e3"),
        (["100000000000000000000000", "99999999999999999999999"], "100000000000000000000000"),
        (["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"], "01BX5ZZKBKACTAV9WEVGEMMVRZ"),
    ],
)
def test_greatest(values: list[str], expected: str | None) -> None:
    assert greatest(values) == expected
    assert greatest(reversed(values)) == expected


@pytest.mark.parametrize("values", [["2026-01-01T00:00:00Z", "7"], ["01/02/2026", "02/01/2026"], ["3.4.26", "x"]])
def test_values_without_a_certain_order_are_refused(values: list[str]) -> None:
    with pytest.raises(PageUnreadable, match="order"):
        greatest(values)


@pytest.mark.parametrize("values", [["1e99999999999999999999", "7"], ["half \ud83d"], ["a\0b", "c"]])
def test_values_that_nobody_can_keep_or_compare_are_refused(values: list[str]) -> None:
    with pytest.raises(PageUnreadable):
        greatest(values)
