"""Variables change in the text of a document, and nothing else does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.definitions.document import Variable
from holdfast.definitions.drafts import is_draft, load_any, new_draft
from holdfast.definitions.editing import add_variable, replace_variable
from holdfast.definitions.loading import load
from holdfast.errors import DefinitionError

_REST = """
connection:  # where it is
  base_url: https://api.example
endpoints:
  - {name: items, path: /items, id: id}
"""
_BLOCK = f"""# A comment at the top
holdfast: 1
name: Notes
variables:
  # the first one
  - key: token   # not this
    name: |
      Access
      token

  - {{key: region, default: eu}}  # the second one

# before the connection
{_REST}# at the end
"""
_DOCUMENTS = {
    "block": _BLOCK,
    "indentless": f"holdfast: 1\nname: N\nvariables:\n- key: token\n  optional: true\n- key: region{_REST}",
    "flow list": f"holdfast: 1\nname: N\nvariables: [{{key: token}}, {{key: region}}]{_REST}",
    "trailing comma": f"holdfast: 1\nname: N\nvariables: [\n  {{key: token}},\n  {{key: region}},\n]{_REST}",
    "json": '{"holdfast": 1, "name": "N", "variables": [{"key": "token"}, {"key": "region"}], "connection": '
    '{"base_url": "https://api.example"}, "endpoints": [{"name": "items", "path": "/items", "id": "id"}]}',
    "variables last": f"holdfast: 1\nname: N{_REST}variables:\n  - key: token\n  - key: region",
    "crlf": f"holdfast: 1\nname: N\nvariables:\n- key: token\n- key: region{_REST}".replace("\n", "\r\n"),
}
_WITHOUT = {
    "none": f"holdfast: 1\nname: N{_REST}",
    "empty list": f"holdfast: 1\nname: N\nvariables: []{_REST}",
    "json": '{"holdfast": 1, "name": "N", "connection": {"base_url": "https://api.example"}, '
    '"endpoints": [{"name": "items", "path": "/items", "id": "id"}]}',
    "draft": new_draft("N"),
}
_NEW = Variable("folder", "Folder: #1", 'Which "one"; 100 %', optional=True, default="yes")


@pytest.mark.parametrize("text", _DOCUMENTS.values(), ids=_DOCUMENTS)
def test_a_variable_is_added_behind_the_others(text: str) -> None:
    before = load(text)
    assert load(add_variable(text, _NEW)) == replace(before, variables=(*before.variables, _NEW))


@pytest.mark.parametrize("text", _WITHOUT.values(), ids=_WITHOUT)
def test_a_first_variable_is_added(text: str) -> None:
    assert load_any(add_variable(text, _NEW)).variables == (_NEW,)


@pytest.mark.parametrize("text", _DOCUMENTS.values(), ids=_DOCUMENTS)
@pytest.mark.parametrize("key", ["token", "region"])
def test_a_variable_is_replaced(text: str, key: str) -> None:
    before = load(text)
    new = replace(_NEW, key=key)
    after = load(replace_variable(text, new))
    assert after == replace(before, variables=tuple(new if one.key == key else one for one in before.variables))


def test_comments_and_everything_else_stay() -> None:
    added = add_variable(_BLOCK, _NEW)
    assert [line for line in added.splitlines() if line not in _BLOCK.splitlines()] == [
        '  - {"key": "folder", "name": "Folder: #1", "description": "Which \\"one\\"; 100 %", "optional": true, '
        '"default": "yes"}'
    ]
    assert set(_BLOCK.splitlines()) <= set(added.splitlines())
    replaced = replace_variable(_BLOCK, replace(_NEW, key="region"))
    for comment in ("# A comment at the top", "# the first one", "# the second one", "# before the connection"):
        assert comment in replaced


def test_a_key_that_is_there_cannot_be_added() -> None:
    with pytest.raises(DefinitionError, match="region"):
        add_variable(_BLOCK, Variable("region", "Again"))


@pytest.mark.parametrize("text", [_BLOCK, new_draft("N")], ids=["whole", "draft"])
def test_a_name_that_templates_use_for_something_else_is_no_key(text: str) -> None:
    with pytest.raises(DefinitionError, match="parent"):
        add_variable(text, Variable("parent", "Parent"))


def test_a_draft_is_no_document() -> None:
    draft = add_variable(new_draft('A "name" \\ with: everything #'), _NEW)
    assert is_draft(draft)
    assert load_any(draft).name == 'A "name" \\ with: everything #'
    assert not is_draft(_BLOCK)
    with pytest.raises(DefinitionError, match="connection"):
        load(draft)


_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(name=_texts, description=st.none() | _texts, default=st.none() | _texts)
def test_any_text_comes_back_as_it_was(name: str, description: str | None, default: str | None) -> None:
    variable = Variable("key", name, description, default=default)
    assert load_any(add_variable(new_draft("N"), variable)).variables == (variable,)
