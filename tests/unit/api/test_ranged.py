"""The name in a Content-Disposition can neither end the header nor lead out of a folder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.api.ranged import disposition


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (None, "attachment"),
        ("", "attachment"),
        ("plain name.txt", 'attachment; filename="plain name.txt"'),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\temp\\a.txt", 'attachment; filename="a.txt"'),
        ("ä.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%A4.png"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
    ],
)
def test_names(name: str | None, header: str) -> None:
    assert disposition(name) == header


@given(st.text())
def test_no_name_breaks_out(name: str) -> None:
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') in (0, 2)
