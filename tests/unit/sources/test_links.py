"""RFC 8288 as servers write it."""

import pytest

from holdfast.sources.links import next_link


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (['<https://x/?a=1,2>; rel="next", <https://x/last>; rel="last"'], "https://x/?a=1,2"),
        (['<https://x/first>; rel="first"', '<https://x/2>; rel="next"'], "https://x/2"),
        (["<https://x/2>;rel=next"], "https://x/2"),
        (['<https://x/2>; title="a, \\"b\\"; rel=next"; rel="prev"'], None),
        (['<https://x/2>; title="x"; REL="last Next"'], "https://x/2"),
        (['<https://x/next>; rel="last"'], None),
        (['<2?page=next>; rel="nextish"'], None),
        (["< /relative > ; rel = next"], "/relative"),
    ],
)
def test_next_link(values: list[str], expected: str | None) -> None:
    assert next_link(values) == expected
