"""What ties restored records to each other: ids that have become others, and the fields that refer to them."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from holdfast.catalog import restores
from holdfast.catalog.database import Database
from holdfast.definitions import identity
from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.restoring import Reference
from holdfast.errors import PageUnreadable
from holdfast.operations.restore.paths import replaced, values_at, without

_ID = ""
_OWN_FIELD = re.compile(r"\brecord\.([A-Za-z_][A-Za-z0-9_.]*)")


@dataclass(frozen=True)
class Tied:
    """A record with what it refers to as it is at the target."""

    fields: dict[str, Any]
    missing: Sequence[str] = ()
    """What it refers to and is not at the target, for people."""
    kept: Sequence[str] = ()
    """The fields whose reference leads to nothing at the target, and need not."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """Those of them in which something else stands for that, each with why."""
    refers: frozenset[str] = field(default_factory=frozenset)
    """The keys of records of its own endpoint that it refers to and that are restored with it."""
    needs: frozenset[str] = field(default_factory=frozenset)
    """Those of them without which it cannot be."""


class Ties:
    """Between the backup of one instance and the source of the target, which may be the same."""

    def __init__(self, database: Database, definition: Definition, instance_id: int, target_id: int) -> None:
        self._database = database
        self._definition = definition
        self._instance_id = instance_id
        self._target_id = target_id
        self.in_place = instance_id == target_id
        self._expected: dict[tuple[str, str, str], str] = {}
        self._there: dict[tuple[str, str, str], str] = {}
        self._wanted_fields: dict[str, set[str]] = {}
        for endpoint in definition.endpoints:
            if endpoint.restore is not None:
                for reference in endpoint.restore.references.values():
                    self._wanted_fields.setdefault(reference.endpoint, set()).add(reference.field)
                self._wanted_fields.setdefault(endpoint.name, set()).update(_addressed_by(endpoint))

    def expect(self, endpoint: Endpoint, key: str, parent_key: str, fields: Mapping[str, Any]) -> None:
        """This record will be at the target, though nobody knows yet with which id."""
        for name, old in self._olds(endpoint, key, parent_key, fields):
            self._expected[endpoint.name, name, old] = key

    def expect_no_more(self, endpoint: Endpoint) -> None:
        """What was expected of an endpoint does not hold any more: now it is known of each record."""
        self._expected = {place: key for place, key in self._expected.items() if place[0] != endpoint.name}

    def remember(self, endpoint: str, entries: Iterable[tuple[str, str, str]]) -> None:
        """What a plan has learned of records that are at the target; a restore keeps it in the catalog."""
        self._there.update(((endpoint, name, old), new) for name, old, new in entries)

    def is_expected(self, endpoint: str, key: str) -> bool:
        return (endpoint, _ID, key) in self._expected

    def target_id(self, endpoint: str, key: str) -> str | None:
        """The id that a stored record has at the target, where that is known to be another one."""
        return self._mapped(endpoint, _ID, [key]).get(key)

    def target_ids(self, endpoint: str, keys: Sequence[str]) -> dict[str, str]:
        return self._mapped(endpoint, _ID, keys)

    def learned(
        self, endpoint: Endpoint, key: str, parent_key: str, stored: Mapping[str, Any], found: Mapping[str, Any] | None,
        target_id: str,
    ) -> list[tuple[str, str, str]]:  # fmt: skip
        """(field, old, new) of everything that others may refer to in a record that is at the target now."""
        told = [(_ID, key, target_id)]
        if found is None:
            return told
        for name, old in self._olds(endpoint, key, parent_key, stored):
            new = _single(values_at(found, name)) if name else None
            if new is not None:
                told.append((name, old, new))
        return told

    def as_target(
        self, endpoint: Endpoint, key: str, parent_key: str, fields: Mapping[str, Any]
    ) -> dict[str, Any]:  # fmt: skip
        """A stored record's fields with its own id, and what others refer to, as they are at the target."""
        made = dict(fields)
        target = self.target_id(endpoint.name, key)
        if target is not None:
            made = with_id(endpoint, made, target)
        # Of a field below a parent the first one tells which parent: its number may be another record's elsewhere.
        olds = dict(reversed(list(self._olds(endpoint, key, parent_key, fields))))
        for name, old in olds.items():
            new = self._mapped(endpoint.name, name, [old]).get(old) if name else None
            if new is not None:
                made = replaced(made, name, _like(new))
        return made

    def tied(self, endpoint: Endpoint, parent_key: str, fields: Mapping[str, Any]) -> Tied:
        """A stored record's fields with all its references as they are at the target."""
        restore = endpoint.restore
        made, missing, kept, refers, needs = dict(fields), [], [], set(), set()
        instead: dict[str, str] = {}
        for path, reference in (restore.references if restore is not None else {}).items():
            for value in {one for one in map(_text, values_at(fields, path)) if one is not None}:
                new, why, key = self._resolve(endpoint, reference, parent_key, value)
                if key is not None and reference.endpoint == endpoint.name:
                    refers.add(key)
                    if reference.required:
                        needs.add(key)
                if why is not None and reference.otherwise is not None:
                    if reference.otherwise:
                        made = replaced(made, path, _changing(value, reference.otherwise))
                    else:
                        made = without(made, path, lambda old, gone=value: _text(old) == gone)  # type: ignore[misc]
                    said = reference.otherwise or "nothing"
                    instead[path] = f"what it refers to is not at the target: it is {said} instead"
                elif why is not None and reference.required:
                    missing.append(f"it refers by {path} to {why}")
                elif why is not None:
                    kept.append(path)
                elif new is not None:
                    made = replaced(made, path, _changing(value, new))
        return Tied(made, missing, kept, instead, frozenset(refers), frozenset(needs))

    def _resolve(
        self, endpoint: Endpoint, reference: Reference, parent_key: str, value: str
    ) -> tuple[str | None, str | None, str | None]:
        """What stands for a reference at the target (None: what stood there), what is wrong with it, and the key of the
        record that it leads to where that one is restored too."""
        referred = self._definition.endpoint(reference.endpoint)
        olds = [value]
        if referred.parents and parent_key:
            within = identity.child_key(parent_key, value)
            # A field below the same parent may count anew there: the number 7 of another parent is another record.
            counts_anew = reference.field != _ID and referred.parents == endpoint.parents
            olds = [within] if counts_anew else [value, within]
        found = self._mapped(reference.endpoint, reference.field, olds)
        key = next((self._expected[place] for old in olds if (place := (referred.name, reference.field, old))
                    in self._expected), None)  # fmt: skip
        for old in reversed(olds):
            if old in found:
                return found[old], None, key
        if key is not None or self.in_place or (referred.restore is not None and referred.restore.keeps_id):
            return None, None, key
        return None, f"{referred.name} {value}, which is not at the target: restore it as well", None

    def _olds(
        self, endpoint: Endpoint, key: str, parent_key: str, fields: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:  # fmt: skip
        """(field, what references to it hold) for each field that others refer to, and the id."""
        yield _ID, key
        for name in self._wanted_fields.get(endpoint.name, ()):
            value = _single(values_at(fields, name)) if name else None
            if value is not None:
                yield name, value if not endpoint.parents else identity.child_key(parent_key, value)
                if endpoint.parents:
                    yield name, value

    def _mapped(self, endpoint: str, name: str, olds: Sequence[str]) -> dict[str, str]:
        with self._database.read() as connection:
            found = restores.mapped(connection, self._instance_id, self._target_id, endpoint, name, olds)
        return found | {old: self._there[endpoint, name, old] for old in olds if (endpoint, name, old) in self._there}


def _addressed_by(endpoint: Endpoint) -> set[str]:
    """The fields of a record of which its own addresses at the source are made."""
    restore = endpoint.restore
    assert restore is not None, "something is restored"
    texts = [endpoint.record_path or "", *endpoint.record_query.values()]
    for write in (restore.update, restore.undelete, restore.blob):
        if write is not None:
            texts += [write.path, *write.query.values()]
    named = {name for text in texts for name in _OWN_FIELD.findall(text)}
    return named - set(endpoint.id)


def with_id(endpoint: Endpoint, fields: Mapping[str, Any], record_id: str) -> dict[str, Any]:
    """The fields with this id in place of theirs, of the kind that the old one is."""
    made = dict(fields)
    for path, part in zip(endpoint.id, identity.split(record_id, len(endpoint.id)), strict=True):
        old = next(values_at(fields, path), None)
        made = replaced(made, path, _like(part)) if old is not None else {**made, path: part}
    return made


def own_id(endpoint: Endpoint, fields: Mapping[str, Any]) -> str:
    """The id that stands in a record's fields. Raises PageUnreadable where there is none."""
    return identity.join([identity.part(next(values_at(fields, text), None)) for text in endpoint.id])


def _like(new: str) -> Callable[[Any], Any]:
    """Makes this of a value, as a number where that was one."""
    return lambda old: int(new) if isinstance(old, int) and not isinstance(old, bool) and _is_whole(new) else new


def _changing(value: str, new: str) -> Callable[[Any], Any]:
    like = _like(new)
    return lambda old: like(old) if _text(old) == value else old


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit()


def _single(values: Iterator[Any]) -> str | None:
    return _text(next(values, None))


def _text(value: Any) -> str | None:
    """A value as an id has it; None for what identifies nothing."""
    try:
        return identity.part(value)
    except PageUnreadable:
        return None
