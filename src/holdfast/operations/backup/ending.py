"""Ends a run: decides what came of it, puts its manifest into the vault, then ends it in the catalog.

The manifest's content is committed under the fence before it is put, so that whoever resumes here puts the same one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Literal

import msgspec
from sqlalchemy import Connection

from holdfast import tracing
from holdfast.catalog import debts, instances, leases, packs, runs, scopes, seen, skips, streams
from holdfast.catalog.runs import Run
from holdfast.catalog.scopes import Scope
from holdfast.clock import format_time, now, parse_time
from holdfast.errors import CatalogError, ObjectExists
from holdfast.operations import alarms, events, receipts, revisions, troubles
from holdfast.operations.backup.failures import Failures, entry
from holdfast.operations.backup.state import Stream
from holdfast.operations.backup.totals import keep_counts, totals
from holdfast.operations.services import Services
from holdfast.vault import EndpointState, ListState, Manifest, Owed

Status = Literal["successful", "failed", "canceled"]

_DEBTS_SHOWN = 100
"""Debts of one endpoint that stand in the failures one by one; the manifest has all of them by cause."""
_SKIPS_KEPT = 1_000
"""Skips told one by one; each endpoint's counts have them all."""
_LISTS_KEPT = 100
"""Lists of an endpoint that the manifest, and so the receipt, tells of one by one."""


def end_run(
    services: Services, run: Run, token: int, reached: Sequence[Stream], failures: Failures, status: Status | None
) -> None:
    """End an active run. `status` None: successful if nothing is missing and the counts prove it, else failed."""
    with tracing.span("count"), services.database.write() as connection:
        leases.fence(connection, run.instance_id, token)
        _count(connection, reached, failures)
        content = msgspec.json.encode(_manifest(connection, run, reached, failures, status))
        content = runs.keep_manifest(connection, run.id, content)
    _finish(services, run, token, content)


def resume_end(services: Services, run: Run, token: int) -> bool:
    """End a run whose end an earlier process has decided; tells whether there is such a decision.

    It stands: what would be read now, no manifest would name.
    """
    with services.database.read() as connection:
        content = runs.kept_manifest(connection, run.id)
    if content is None:
        return False
    _finish(services, run, token, content)
    return True


def _finish(services: Services, run: Run, token: int, content: bytes) -> None:
    manifest = msgspec.json.decode(content, type=Manifest)
    revisions.flush(services)  # whose backup this is must be known where the catalog is not
    try:
        with tracing.span("put manifest", size_bytes=len(content)):
            services.vault.customer(manifest.customer_id).put_manifest(manifest)
    except ObjectExists as error:
        raise CatalogError(
            f"the vault has another backup {manifest.sequence} of instance {manifest.instance_id} than this catalog, "
            "which must be an older copy: move it away and run `holdfast rebuild`, the vault has everything",
            code="catalog_outdated",
        ) from error
    receipts.issue(services, manifest)
    found = alarms.examine(services, manifest)
    with services.database.write() as connection:
        leases.fence(connection, run.instance_id, token)
        seen.clear(connection, run.id)
        skips.clear(connection, run.id)
        keep_counts(connection, manifest)
        has_ended = runs.end(
            connection, run.id, manifest.status, ended_at=parse_time(manifest.ended_at), failures=manifest.failures,
            counters=totals(manifest),
        )  # fmt: skip
        if has_ended:
            events.backup_ended(connection, run.id)
            troubles.backup_ended(connection, runs.get(connection, run.id))
            alarms.conclude(connection, manifest, found)
    told = tracing.current()
    told.set(status=manifest.status)
    if manifest.failures:
        told.failed(manifest.failures[0]["code"])


def _count(connection: Connection, reached: Sequence[Stream], failures: Failures) -> None:
    """Prove the counts; a disagreement is a failure that names endpoint and numbers."""
    for stream in reached:
        counted = stream.counts
        if not counted.adds_up():
            failures.record(
                "books_disagree",
                f"{counted.listed} records of {stream.name} were listed, but {counted.new} are new, "
                f"{counted.changed} changed, {counted.unchanged} unchanged, {counted.repeated} repeated, "
                f"{counted.tombstones} deleted, {counted.skipped} skipped and {counted.lost} lost",
                endpoint=stream.name,
            )
        in_scopes = scopes.live_total(connection, stream.id)
        if in_scopes != stream.live:
            failures.record(
                "books_disagree",
                f"{stream.name} has {stream.live} records, but its lists {in_scopes} together",
                endpoint=stream.name,
            )
        for debt in debts.of_stream(connection, stream.id, limit=_DEBTS_SHOWN):
            if debt.cause != debts.PENDING:
                failures.record(debt.cause, debt.message, endpoint=stream.name, record_id=debt.record_key)


def _manifest(
    connection: Connection, run: Run, reached: Sequence[Stream], failures: Failures, status: Status | None
) -> Manifest:
    instance = instances.get(connection, run.instance_id, deleted=True)
    current = runs.get(connection, run.id)
    owed = tuple(owed_by(connection, run.instance_id))
    if status is None:
        complete = all(stream.outcome == "complete" for stream in reached)
        status = "successful" if complete and not failures.count and not owed else "failed"
    ended_at = now()
    return Manifest(
        instance_id=run.instance_id,
        customer_id=instance.customer_id,
        run_id=run.id,
        sequence=run.sequence,
        status=status,
        queued_at=format_time(run.queued_at),
        started_at=format_time(current.started_at or ended_at),
        ended_at=format_time(ended_at),
        definition_revision_id=current.definition_revision_id,
        parent_sequence=runs.previous_ended(connection, run.instance_id, run.sequence),
        packs=tuple(pack.object_id for pack in packs.of_run(connection, run.id)),
        endpoints=tuple(
            _endpoint_state(connection, run, stream) for stream in sorted(reached, key=lambda stream: stream.ordinal)
        ),
        failures=tuple(failures.entries),
        debts=owed,
        skips=tuple(
            entry(skip.code, skip.message, endpoint, skip.parent_key or None, None, skip.record_id or None)
            for endpoint, skip in skips.of_run(connection, run.id, _SKIPS_KEPT)
        ),
        options=dict(run.options),
    )


def owed_by(connection: Connection, instance_id: int) -> Iterator[Owed]:
    """All debts of an instance, as a manifest names them."""
    for stream in streams.of_instance(connection, instance_id):
        after: str | None = None
        while found := debts.of_stream(connection, stream.id, after=after):
            for debt in found:
                parent = "" if debt.scope is None else scopes.get(connection, debt.scope).parent_key
                yield Owed(
                    endpoint=stream.endpoint,
                    key=debt.record_key,
                    kind=debt.kind,
                    parent=parent,
                    cause=debt.cause,
                    message=debt.message,
                    attempts=debt.attempts,
                    first_sequence=debt.first_run,
                )
            after = found[-1].record_key


def _endpoint_state(connection: Connection, run: Run, stream: Stream) -> EndpointState:
    lists_read, told = scopes.of_run(connection, stream.id, run.id, _LISTS_KEPT)
    return EndpointState(
        endpoint=stream.name,
        outcome=stream.outcome,
        live=stream.live,
        state_sum=stream.state_sum,
        lists_read=lists_read,
        lists=tuple(one for one in map(_list_state, told) if one is not None),
        **asdict(stream.counts),
    )


def _list_state(scope: Scope) -> ListState | None:
    """What the receipt tells of one list; None: neither cursor nor count."""
    complete, told = scope.state == "complete", scope.checkpoint or {}
    proof = told.get("proof")
    cursor_from, cursor_to = told.get("cursor"), scope.cursor if complete else told.get("cursor")
    if proof is None and cursor_from is None and cursor_to is None:
        return None
    return ListState(
        parent=scope.parent_key,
        full=bool(told.get("full")),
        complete=complete,
        cursor_from=cursor_from,
        cursor_to=cursor_to,
        counted=None if proof is None else (proof[0], proof[1]),
        found=None if proof is None else proof[2],
    )
