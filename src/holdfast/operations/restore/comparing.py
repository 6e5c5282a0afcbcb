"""What a record at the source differs in from the stored one, field by field, and why. Pure."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from holdfast.definitions.document import Endpoint
from holdfast.definitions.filters import json_text
from holdfast.definitions.selectors import selector
from holdfast.definitions.values import NumberToken
from holdfast.operations.compare import MISSING, differences
from holdfast.operations.restore.paths import names_of

NEW_ID = "the source gave it a new id"
UNEXPECTED = "unexpected"
_LONGEST = 200


def compared(
    endpoint: Endpoint, wanted: Mapping[str, Any], found: Mapping[str, Any], also: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every field that differs: `field`, `why`; of an unexpected one also `stored` and `found`, as JSON texts.

    A number is equal in any spelling, and null is equal to nothing. `also` are fields that were changed, with why.
    """
    told: list[dict[str, Any]] = []
    for one in differences("", wanted, found):
        if _is_same(one.before, one.after):
            continue
        why = expected(endpoint, one.path, also)
        if why is None:
            told.append(
                {"field": one.path, "why": UNEXPECTED, "stored": _shown(one.before), "found": _shown(one.after)}
            )
        elif all(known["field"] != why[0] for known in told):
            told.append({"field": why[0], "why": why[1]})
    return told


def is_equal(
    endpoint: Endpoint, wanted: Mapping[str, Any], found: Mapping[str, Any], also: Mapping[str, str]
) -> bool:  # fmt: skip
    """Whether a record is as it is to be, but for what the source sets itself."""
    return all(
        _is_same(one.before, one.after) or expected(endpoint, one.path, also) is not None
        for one in differences("", wanted, found)
    )


def unexpected(told: list[dict[str, Any]] | None) -> bool:
    return any(one["why"] == UNEXPECTED for one in told or ())


def expected(endpoint: Endpoint, path: str, also: Mapping[str, str]) -> tuple[str, str] | None:
    """(field, why) of a difference that the definition tells of; None: nobody expects it."""
    names = ".".join(part for part in path.split(".") if not part.isdecimal())
    restore = endpoint.restore
    for field, why in {**(restore.ignored if restore is not None else {}), **also}.items():
        if _is_within(names, field):
            return field, why
    for field in endpoint.id:
        if names == field:
            return field, NEW_ID
    for field in endpoint.volatile:
        if _is_within(names, field):
            return field, "it changes without the record changing"
    return None


def _is_within(names: str, field: str) -> bool:
    dotted = ".".join(names_of(field))
    return names == dotted or names.startswith(f"{dotted}.")


def match_of(endpoint: Endpoint, fields: Mapping[str, Any]) -> str | None:
    """What is equal in two records that are the same by the definition's `find`; None: nothing tells."""
    find = endpoint.restore.find if endpoint.restore is not None else None
    if find is None:
        return None
    values = [selector(text).find(fields) for text in find.by]
    if all(value is None for value in values):
        return None
    return hashlib.blake2b(json_text(_plain(values)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _plain(value: Any) -> Any:
    """The value with its keys sorted and its numbers in one spelling."""
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    number = _number(value)
    return value if number is None else str(number.normalize())


def _is_same(before: object, after: object) -> bool:
    if before in (None, MISSING) and after in (None, MISSING):
        return True
    left, right = _number(before), _number(after)
    if left is not None and right is not None:
        return left == right
    return json_text(before) == json_text(after) if before is not MISSING and after is not MISSING else False


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return Decimal(value.token if isinstance(value, NumberToken) else str(value))
    except InvalidOperation:
        return None


def _shown(value: object) -> str | None:
    if value is MISSING:
        return None
    text = json_text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
