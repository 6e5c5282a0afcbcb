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


@pytest.mark.parametrize(
    "text",
    [
        "a[::0]",
        "(" * 3000 + "a" + ")" * 3000,
        "!" * 5000 + "a",
        "a[" + "9" * 5000 + "]",
        "`" + "[" * 4000 + "]" * 4000 + "`",
    ],
)
def test_what_only_breaks_jmespath_is_no_selector(text: str) -> None:
    with pytest.raises(DefinitionError, match="is no selector"):
        Selector(text)


@pytest.mark.parametrize(
    "text",
    [
        "|".join(["[@,@][]"] * 40), "[@,@].[@,@].[@,@].[@,@].[@,@].[@,@].[@,@].[@,@].[@,@].[@,@].[@,@]",
        "|".join(["join('', [@,@])"] * 40), "map(&[@,@], @)[]|" * 20 + "@", "|".join(["{a: @, b: @}.*"] * 40),
        "map(&`[" + ",".join("1" * 2000) + "]`, @)[]",
    ],
)  # fmt: skip
def test_a_selector_does_not_multiply_what_it_is_given(text: str) -> None:
    with pytest.raises(DefinitionError, match="would repeat"):
        Selector(text)


def test_a_selector_may_put_fields_together() -> None:
    text = (
        "items[*].{id: id, name: join(' ', [first, last]), kind: kind || 'none', tags: tags[?contains(['a','b'], @)]}"
    )
    found = Selector(text).find({"items": [{"id": 1, "first": "A", "last": "B", "tags": ["a", "c"]}]})
    assert found == [{"id": 1, "name": "A B", "kind": "none", "tags": ["a"]}]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("contains(@, `1`)", "text"), ("ceil(to_number('1e400'))", {}), ("floor(to_number('nan'))", {}),
        ("sort(@)", [1, "a" * 10_000]),
    ],
)  # fmt: skip
def test_a_function_that_does_not_fit_makes_a_page_unreadable(text: str, value: object) -> None:
    with pytest.raises(PageUnreadable, match="does not fit") as caught:
        Selector(text).find(value)
    assert len(str(caught.value)) < 600


def test_what_is_nested_too_deeply_for_a_selector_is_unreadable() -> None:
    value: object = 1
    for _ in range(5_000):
        value = {"a": value}
    with pytest.raises(PageUnreadable, match="too deeply"):
        Selector("a == b").find({"a": value, "b": _copied(value)})


def _copied(value: object) -> object:
    levels = 0
    while isinstance(value, dict):
        value, levels = value["a"], levels + 1
    for _ in range(levels):
        value = {"a": value}
    return value
