"""What a record's restore is made of beside its first write: the update behind it, reading it back. Pure."""

from collections.abc import Mapping
from typing import Any

from holdfast.definitions.document import Endpoint
from holdfast.definitions.selectors import selector
from holdfast.operations.restore.paths import names_of, values_at, with_values

_SET_BY_THE_SOURCE = "-"


def needs_update(endpoint: Endpoint, fields: Any) -> bool:
    """Whether the update follows the creation of this record."""
    restore = endpoint.restore
    return bool(restore and restore.then_update and restore.update and selector(restore.then_update).find(fields))


def comes_by_itself(endpoint: Endpoint, action: str) -> bool:
    """Whether nothing is written to make a record: it comes to be with what belongs to it, and is only read back."""
    return action == "create" and endpoint.restore is not None and bool(endpoint.restore.comes_with)


def reads_back(endpoint: Endpoint) -> int:
    """The requests that reading one record back takes; a list is read once for all."""
    return int(endpoint.record_path is not None or endpoint.detail is not None)


def as_if_made(endpoint: Endpoint, fields: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it may be once it is there: what the source sets itself is something, though nobody knows what."""
    made = dict(fields)
    sets = endpoint.restore.ignored if endpoint.restore is not None else ()
    for path in (*endpoint.id, *sets, *endpoint.volatile):
        if next(values_at(made, path), None) is None:
            found: Any = _SET_BY_THE_SOURCE
            for name in reversed(names_of(path)):
                found = {name: found}
            made = with_values(made, found, path)
    return made
