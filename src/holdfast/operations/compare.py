"""What two backups of an instance differ in: added, changed (field by field), deleted. Costs what has changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from holdfast.catalog import changes, streams
from holdfast.catalog.changes import Change
from holdfast.definitions.values import decode, encode
from holdfast.errors import PageUnreadable
from holdfast.operations.browsing import Browser, State
from holdfast.operations.services import Services

_AT_ONCE = 500


@dataclass(frozen=True)
class FieldChange:
    """One field that differs; `path` is dotted, list elements by their index. A value of `MISSING` was not there."""

    path: str
    before: object
    after: object

    def document(self) -> dict[str, Any]:
        """`before` or `after` is left out where the field was not there."""
        sides = {"before": self.before, "after": self.after}
        return {"field": self.path} | {
            side: msgspec.Raw(encode(value).encode()) for side, value in sides.items() if value is not MISSING
        }


class _Missing:
    def __repr__(self) -> str:
        return "(missing)"


MISSING = _Missing()


@dataclass(frozen=True)
class RecordChange:
    endpoint: str
    kind: Literal["added", "changed", "deleted"]
    key: str
    before: bytes | None
    after: bytes | None
    blob_changed: bool

    def fields(self) -> list[FieldChange] | None:
        """What differs within a changed record; nothing for an added or deleted one. None: it is nested too deeply."""
        if self.before is None or self.after is None:
            return []
        try:
            return list(differences("", decode(self.before), decode(self.after)))
        except (PageUnreadable, RecursionError):
            return None

    def document(self) -> dict[str, Any]:
        """The change as JSON, by `msgspec.json`: values spelt as the source spelt them."""
        fields = self.fields()
        return {
            "endpoint": self.endpoint,
            "id": self.key,
            "change": self.kind,
            "fields": None if fields is None else [one.document() for one in fields],
            "blob_changed": self.blob_changed,
        }


def compare(
    services: Services, before: State | None, after: State, *, endpoint: str | None = None,
    behind: tuple[str, str] | None = None, at_once: int = _AT_ONCE,
) -> Iterator[RecordChange]:  # fmt: skip
    """Every difference from one state (None: from nothing) to another of an instance, by endpoint in the definition's
    order, then by key; of one endpoint where asked; on from behind a record of (endpoint, key). `at_once` records are
    read from the vault together."""
    browser = Browser(services)
    from_sequence = 0 if before is None else before.run.sequence
    with services.database.read() as connection:
        found = streams.of_instance(connection, after.instance_id)
    if behind is not None:
        names = [stream.endpoint for stream in found]
        found = found[names.index(behind[0]) :] if behind[0] in names else []
    for stream in found:
        if endpoint is not None and stream.endpoint != endpoint:
            continue
        key = behind[1] if behind is not None and stream.endpoint == behind[0] else None
        while True:
            with services.database.read() as connection:
                page = changes.page(
                    connection, stream.id, from_sequence, after.run.sequence, after=key, limit=at_once
                )  # fmt: skip
            yield from _read(browser, after.customer_id, stream.endpoint, page)
            if len(page) < at_once:
                break
            key = page[-1].record_key


def _read(browser: Browser, customer_id: int, endpoint: str, page: list[Change]) -> Iterator[RecordChange]:
    rows = [row for change in page for row in (change.before, change.after) if row is not None]
    raws = iter(browser.read_rows(customer_id, rows))
    for change in page:
        before = None if change.before is None else next(raws)
        after = None if change.after is None else next(raws)
        blob_changed = (
            change.before is not None and change.after is not None and change.before.blob != change.after.blob
        )
        yield RecordChange(endpoint, change.kind, change.record_key, before, after, blob_changed)


def differences(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    """In the order of the newer value, what only the older one has at the end. Lists of equal length go by index."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*after, *(name for name in before if name not in after)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from differences(inner, before.get(name, MISSING), after.get(name, MISSING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(f"{path}.{index}" if path else str(index), old, new)
    elif _spelling(before) != _spelling(after):
        yield FieldChange(path, before, after)


def _spelling(value: object) -> object:
    """What makes two values different: 1, 1.0 and true are three values, though Python holds them equal."""
    return (type(value), str(value)) if isinstance(value, bool | int | float) else value
