import jmespath
import pytest

from holdfast.definitions.selectors import Selector, selector
from holdfast.errors import DefinitionError, PageUnreadable

RECORD = {"a": {"b": [1, {"c": None}]}, "total-count": 3, "updated_at": None, "created_at": "2024"}


@pytest.mark.parametrize("text", ["a", "a.b", "a.b.c", "nothing", "nothing.at.all", "updated_at"])
def test_plain_names_find_what_jmespath_finds(text: str) -> None:
    assert Selector(text).path == tuple(text.split("."))
    assert Selector(text).find(RECORD) == jmespath.search(text, RECORD)


def test_empty_text_is_the_whole_value() -> None:
    assert Selector("").find(RECORD) is RECORD


def test_a_name_with_a_hyphen_needs_no_quotes() -> None:
    assert Selector("total-count").find(RECORD) == 3


@pytest.mark.parametrize(("text", "found"), [("a.b[1].c", None), ("a.b[0]", 1), ("updated_at || created_at", "2024")])
def test_everything_else_is_jmespath(text: str, found: object) -> None:
    assert Selector(text).path is None
    assert Selector(text).find(RECORD) == found


@pytest.mark.parametrize("value", [None, 3, "text", [1], []])
def test_nothing_is_found_where_there_is_no_object(value: object) -> None:
    assert Selector("a.b").find(value) is None


@pytest.mark.parametrize("text", ["a..b", "a b", "a[", "no_such_function(", "'unclosed"])
def test_a_bad_selector_is_a_definition_error(text: str) -> None:
    with pytest.raises(DefinitionError, match="is no selector"):
        Selector(text)


def test_a_function_that_does_not_fit_is_an_unreadable_page() -> None:
    with pytest.raises(PageUnreadable, match="does not fit"):
        Selector("length(created_at) && abs(created_at)").find(RECORD)


def test_compiled_selectors_are_kept() -> None:
    assert selector("a.b") is selector("a.b")
