"""What a field takes from JSON is what its schema says, and what it says comes back from a form."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from holdfast.api.bodies import Number
from holdfast.api.fields import Field

_FIELDS = [
    Field(name="text", description="A text.", longest=5),
    Field(name="text", description="A text.", required=True, longest=5),
    Field(name="choice", description="A choice.", choices=("on", "off")),
    Field(name="pattern", description="A pattern.", pattern="[a-z]+"),
    Field(name="number", description="A number.", kind="integer"),
    Field(name="flag", description="A flag.", kind="boolean"),
    Field(name="list", description="A list.", kind="list", choices=("a", "b")),
    Field(name="list", description="A list.", kind="list"),
]
_VALUES: list[Any] = [
    None, "", "abc", "abcdef", "A", "on", "a,b", "a, b", "a,,b", ",", "c", "nul\0", True, False, 0, 1, -1, 2**63, 1.0,
    1.5, {}, [], ["a"],
]  # fmt: skip


@pytest.mark.parametrize("field", _FIELDS, ids=lambda field: f"{field.name}-{field.required}")
@pytest.mark.parametrize("value", _VALUES, ids=repr)
def test_json_is_taken_as_the_schema_says(field: Field, value: Any) -> None:
    # As `bodies` reads JSON: numbers keep their spelling.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    given = Number(repr(value)) if is_number else value
    try:
        taken = (
            not field.required if field.is_absent(given, is_json=True) else field.read(given, is_json=True) is not None
        )
    except ValueError:
        taken = False
    assert taken == Draft202012Validator(field.schema()).is_valid(value)


@pytest.mark.parametrize(("given", "value"), [("True", True), ("1", True), ("FALSE", False), ("0", False)])
def test_a_form_spells_booleans_in_any_case(given: str, value: bool) -> None:
    assert _FIELDS[5].read(given, is_json=False) is value


def test_a_form_has_no_other_way_to_say_nothing_than_an_empty_text() -> None:
    for field in _FIELDS:
        assert field.is_absent("", is_json=False)
