import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import StorageError
from holdfast.storage.names import check_name, check_prefix, is_name


@given(st.lists(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,30}", fullmatch=True), min_size=1, max_size=6))
def test_lowercase_segments_make_a_name(segments: list[str]) -> None:
    name = "/".join(segments)
    assert is_name(name)
    assert check_name(name) == name
    assert check_prefix(name[: len(name) // 2]) == name[: len(name) // 2]


@given(st.text())
def test_no_name_leaves_its_folder_or_hides(text: str) -> None:
    if is_name(text):
        assert text == text.lower()
        assert text.isascii()
        assert not any(segment.startswith(".") or not segment for segment in text.split("/"))


def test_an_unsafe_name_is_quoted_in_the_message() -> None:
    with pytest.raises(StorageError, match=r"'\.\./x\\n' is not a name"):
        check_name("../x\n")
