"""Learns which fields a stream's records have, in the order of the feed: the first record that has one brings it.

Done when somebody reads the feed, once for each change, and remembered as keyed digests. A backup costs nothing for it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from holdfast.catalog import changes, fields
from holdfast.catalog.changes import Change
from holdfast.catalog.fields import KnownField, Learned
from holdfast.catalog.steps import Step
from holdfast.catalog.streams import Stream
from holdfast.operations.browsing import Browser
from holdfast.operations.feed.paths import FieldPath, fields_of
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, digests

_AT_ONCE = 500
_NAMES_OF_AN_OBJECT = 256
"""An object that has had more names than this, over all records, holds data under its names from then on."""
_FIELDS_AT_MOST = 20_000
"""Of one stream. Beyond them nothing counts as new any more."""


class FieldLearner:
    """What is new in the changes of one stream."""

    def __init__(self, services: Services, browser: Browser, customer: CustomerVault, stream: Stream) -> None:
        self._database = services.database
        self._browser = browser
        self._customer = customer
        self._stream = stream

    def learn(self, steps: Sequence[Step], until: Learned) -> None:
        """Look through the stream's changes up to a place in the feed. `steps` are all of the instance's."""
        while True:
            with self._database.read() as connection:
                was = fields.learned(connection, self._stream.id)
                if _order(was) >= _order(until):
                    return
                step, page = self._next(connection, steps, was, until.run)
                known = _Known(fields.known(connection, self._stream.id), self._digest)
            if step is None:
                now, found = until, []
            else:
                now = Learned(step.run, None if len(page) < _AT_ONCE else page[-1].record_key)
                found = list(self._new(step, page, known))
            with self._database.write() as connection:
                fields.learn(connection, self._stream.id, was, now, found)

    def brought(self, step: Step, raws: Mapping[str, bytes]) -> dict[str, list[FieldPath]]:
        """The fields that these records (bytes by key) brought in this step, by key. It must be learned already."""
        if not raws:
            return {}
        stream = self._stream.id
        with self._database.read() as connection:
            found = fields.brought_by(connection, stream, step.before, step.run, min(raws), max(raws))
            known = _Known(fields.known(connection, stream) if found else [], self._digest)
        new: dict[str, set[bytes]] = {}
        for one in found:
            new.setdefault(one.record_key, set()).add(one.field)
        # An object may have become a map with this very record, or later.
        return {
            key: [
                path
                for path in fields_of(raws[key]) | fields_of(raws[key], known.is_map)
                if self._digest(*path) in digests_of_key
            ]
            for key, digests_of_key in new.items()
            if key in raws
        }

    def _next(
        self, connection: Connection, steps: Sequence[Step], was: Learned, last_run: int
    ) -> tuple[Step | None, list[Change]]:
        """The next step in which the stream has changed, and some of its changes."""
        stream, run, after = self._stream.id, was.run, was.record_key
        if after is None:
            following = changes.next_run(connection, stream, run, last_run)
            if following is None:
                return None, []
            run = following
        step = next((one for one in steps if one.run >= run), None)
        if step is None:
            return None, []
        behind = after if step.run == was.run else None
        return step, changes.page(connection, stream, step.before, step.run, after=behind, limit=_AT_ONCE)

    def _new(self, step: Step, page: Sequence[Change], known: "_Known") -> Iterator[KnownField]:
        rows = [change.after for change in page if change.after is not None]
        for row, raw in zip(rows, self._browser.read_rows(self._customer.customer_id, rows), strict=True):
            for field, parent in known.new_fields(raw):
                yield KnownField(field, parent, step.run, row.record_key)

    def _digest(self, path: str, kind: str) -> bytes:
        told = "\0".join(("field", self._stream.endpoint, path, kind))
        return digests.content_digest(self._customer.digest_key, told.encode())


class _Known:
    """The fields that are known, while more are learned."""

    def __init__(self, known: Sequence[tuple[bytes, bytes]], digest: Callable[[str, str], bytes]) -> None:
        self._fields = {field for field, _ in known}
        self._paths: set[FieldPath] = set()
        """Those that were looked up already: nearly every record has the fields of the one before."""
        self._names = Counter(parent for _, parent in known)
        self._maps: dict[str, bool] = {}
        self._digest = digest

    def is_map(self, path: str) -> bool:
        """Whether the names in the object at this path are data."""
        known = self._maps.get(path)
        if known is None:
            known = self._maps[path] = self._digest(path, _MAP) in self._fields
        return known

    def new_fields(self, raw: bytes) -> Iterator[tuple[bytes, bytes]]:
        """(field, parent) of what this record brings. From now on it is known."""
        for path, parent in fields_of(raw, self.is_map).items():
            if path in self._paths:
                continue
            field = self._digest(*path)
            if field in self._fields:
                self._paths.add(path)
            if field in self._fields or len(self._fields) >= _FIELDS_AT_MOST:
                continue
            above = self._digest(*parent)
            if self._names[above] < _NAMES_OF_AN_OBJECT or path.path.endswith(("*", "[]")):
                yield self._add(field, above)
            elif not self.is_map(parent.path):
                yield self._add(self._digest(parent.path, _MAP), above)
                self._maps[parent.path] = True
                yield from self.new_fields(raw)  # once more, with all its names as one
                return

    def _add(self, field: bytes, parent: bytes) -> tuple[bytes, bytes]:
        self._fields.add(field)
        self._names[parent] += 1
        return field, parent


_MAP = "map"
"""A kind that no value has: stands for the object at a path having become one."""


def _order(place: Learned) -> tuple[int, bool, str]:
    return place.run, place.record_key is None, place.record_key or ""
