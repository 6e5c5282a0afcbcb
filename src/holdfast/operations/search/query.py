"""What is searched for: a text anywhere in a record's values, and conditions on its fields. All of them must hold."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from holdfast.errors import InputError

Operator = Literal["!=", ">=", "<=", "=", ">", "<", "~"]
_SPELLED = re.compile(f"({'|'.join(map(re.escape, get_args(Operator)))})")
_LONGEST = 1_000


@dataclass(frozen=True)
class Condition:
    """A field's value compared with a text: equal, not equal, in order, or (`~`) containing it.

    `field` is a dotted path. On the way a list stands for each of its elements, or for one where the path has its
    number; the condition holds if it holds for one of the values found. `!=` holds if no value is equal.
    """

    field: str
    operator: Operator
    value: str

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """`field=value` with any of the operators. Raises InputError."""
        field, *rest = _SPELLED.split(text, maxsplit=1)
        if not rest or not field.strip():
            raise InputError(
                f"{text!r} is no condition",
                field="where",
                hint="Write FIELD=VALUE; instead of = also !=, <, <=, >, >=, or ~ for `contains`.",
            )
        operator, value = rest
        return cls(_checked(field.strip(), "where"), operator, _checked(value, "where"))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Query:
    text: str | None = None
    """Upper and lower case are the same, white space is not."""
    conditions: Sequence[Condition] = ()
    endpoint: str | None = None

    @classmethod
    def parse(cls, text: str | None, where: Sequence[str], endpoint: str | None = None) -> "Query":
        """As people write it. Raises InputError where there is nothing to look for."""
        if not text and not where:
            raise InputError(
                "there is nothing to search for", field="text", hint="Give `text`, a condition (`where`), or both."
            )
        return cls(_checked(text, "text") if text else None, tuple(map(Condition.parse, where)), endpoint)


def _checked(text: str, field: str) -> str:
    if len(text) > _LONGEST:
        raise InputError(f"{field} may have at most {_LONGEST:,} characters", field=field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{field} is no text that a record could have", field=field) from error
    return text
