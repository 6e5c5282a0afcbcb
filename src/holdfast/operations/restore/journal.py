"""The journal of one restore: written before each request that changes something, and after it.

Every entry proves the lease of the target: a worker that was believed dead writes nothing more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from holdfast.catalog import leases, restore_records, restores
from holdfast.catalog.restore_records import RestoreRecord, State
from holdfast.operations.restore.context import Context
from holdfast.operations.restore.deciding import Decision
from holdfast.operations.restore.ordering import in_order


class Journal:
    def __init__(self, context: Context) -> None:
        assert context.restore is not None, "only what is written is journaled"
        self._context = context
        self._database = context.given.services.database
        self._restore = context.restore
        self.decided = list(context.restore.decided)

    def decide(self, endpoint: str, decisions: Sequence[Decision]) -> None:
        """What is to be done with an endpoint's records, all of them in one transaction, in the order in which they are
        to be done: those that others refer to first."""
        rows = [_row(place, decision) for place, decision in enumerate(in_order(decisions))]
        known = [
            entry
            for one in decisions
            if one.live is not None
            for entry in self._context.ties.learned(
                one.endpoint, one.key, one.parent_key, one.fields, one.live.fields, one.live.id
            )
        ]
        with self._database.write() as connection:
            self._fence(connection)
            restore_records.drop_endpoint(connection, self._restore.id, endpoint)
            restore_records.add(connection, self._restore.id, self._restore.instance_id, rows)
            self._map(connection, endpoint, known)
            self.decided.append(endpoint)
            restores.set_decided(connection, self._restore.id, self.decided)

    def open_records(self, endpoint: str, after: int) -> list[RestoreRecord]:
        with self._database.read() as connection:
            return restore_records.page(connection, self._restore.id, endpoint, after=after, limit=200, open_only=True)

    def written(self, endpoint: str, after: int) -> list[RestoreRecord]:
        """Those that were written and not read back."""
        with self._database.read() as connection:
            return restore_records.page(connection, self._restore.id, endpoint, after=after, state="written")

    def note(
        self, row: RestoreRecord, state: State, *, mappings: Sequence[tuple[str, str, str]] = (),
        counters: Mapping[str, Any] | None = None, **changes: Any,
    ) -> RestoreRecord:  # fmt: skip
        """How a record stands now, and what its ids have become; answers the row as it is journaled."""
        changed = replace(row, state=state, **changes)
        with self._database.write() as connection:
            self._fence(connection)
            restore_records.note(connection, self._restore.id, changed)
            self._map(connection, row.endpoint, mappings)
            if counters is not None:
                restores.set_counters(connection, self._restore.id, counters)
        return changed

    def claimed(self, endpoint: str, target_ids: Sequence[str]) -> set[str]:
        with self._database.read() as connection:
            return restore_records.claimed(connection, self._restore.id, endpoint, target_ids)

    def counters(self) -> dict[str, Any]:
        """How many records are what, now."""
        with self._database.read() as connection:
            return counters_of(restore_records.counted(connection, self._restore.id))

    def _map(self, connection: Any, endpoint: str, entries: Sequence[tuple[str, str, str]]) -> None:
        restores.map_values(connection, self._restore.instance_id, self._restore.target_id, endpoint, entries)

    def _fence(self, connection: Any) -> None:
        leases.fence(connection, self._restore.target_id, self._context.lease_token)


def counters_of(counted: Sequence[tuple[str, str, str, int, int, int, int]]) -> dict[str, Any]:
    """Totals, and the same by endpoint. `failed` are in none of the others; `differ` and `without_blob` are among those
    written, `left_differing` and `blobs_not_compared` among those left alone."""
    names = (
        "created", "updated", "undeleted", "left_alone", "left_differing", "impossible", "failed", "differ",
        "without_blob", "blobs_not_compared", "waiting",
    )  # fmt: skip
    by_endpoint: dict[str, dict[str, int]] = {}
    for endpoint, action, state, number, without_blob, left_differing, not_compared in counted:
        numbers = by_endpoint.setdefault(endpoint, dict.fromkeys(names, 0))
        if action in {"leave", "impossible"}:
            numbers["left_differing"] += left_differing
            numbers["blobs_not_compared"] += not_compared
            numbers["left_alone" if action == "leave" else "impossible"] += number
        elif state == "failed":
            numbers["failed"] += number
        elif state in {"verified", "differs"}:
            numbers[{"create": "created", "update": "updated", "undelete": "undeleted"}[action]] += number
            numbers["differ"] += number if state == "differs" else 0
            numbers["without_blob"] += without_blob
        else:
            numbers["waiting"] += number
    totals = {name: sum(numbers[name] for numbers in by_endpoint.values()) for name in names}
    return {**totals, "endpoints": by_endpoint}


def _row(place: int, decision: Decision) -> RestoreRecord:
    ended = decision.action in {"leave", "impossible"}
    return RestoreRecord(
        decision.endpoint.name, decision.key, place, decision.parent_key, decision.action,
        "done" if ended else "planned", target_id=None if decision.live is None else decision.live.id,
        seen=list(decision.seen), message="duplicate" if decision.is_duplicate else decision.why,
    )  # fmt: skip
