"""One restore from its start to its end: takes the target's lease, decides, writes, reads back, signs the report.

May be called again for the same restore after a crash: it goes on at its journal, and looks before it repeats a write
of which nobody knows.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from holdfast import clock, tracing
from holdfast.catalog import erasures, leases, rebuilding, restore_records, restores
from holdfast.catalog.restores import Restore
from holdfast.catalog.runs import Status
from holdfast.definitions.document import Endpoint
from holdfast.errors import HoldfastError, NotFound, SourceError
from holdfast.operations import events
from holdfast.operations.backup.leasing import Lease, leased
from holdfast.operations.backup.watching import Canceled, Lookout
from holdfast.operations.restore import reporting
from holdfast.operations.restore.context import Context, given_again, opened
from holdfast.operations.restore.deciding import Decider
from holdfast.operations.restore.journal import Journal, counters_of
from holdfast.operations.restore.looking import Looker
from holdfast.operations.restore.planning import plan_in
from holdfast.operations.restore.steps import comes_by_itself, reads_back
from holdfast.operations.restore.writing import RecordWriter
from holdfast.operations.services import Services

_TELL_S = 1.0
_FAILURES_KEPT = 1_000
_log = logging.getLogger(__name__)


def run_restore(services: Services, restore_id: int) -> None:
    """Run a queued restore, or go on with one that a dead worker left. Does nothing where it has ended.

    Raises Interrupted where this worker stops, and retryable errors of storage and catalog. Everything else ends the
    restore and stands in its failures.
    """
    with services.database.read() as connection:
        rebuilding.refuse_half(connection)
        restore = restores.get(connection, restore_id)
    if not restore.active:
        return
    ids = {"restore": restore.id, "instance": restore.target_id}
    with tracing.run("restore", **ids) as told, leased(services, restore.target_id) as lease:
        with services.database.write() as connection:
            leases.fence(connection, restore.target_id, lease.token)
            is_new = restore.status == "queued"
            restore = restores.start(connection, restore_id)
            if is_new:
                events.restore_started(connection, restore)
        status: Status = "successful"
        failures: list[dict[str, Any]] = []
        customer_id: int | None = None
        try:
            given = given_again(services, restore)
            customer_id = given.target.customer_id
            told.set(customer=customer_id, definition=given.target.definition_id)
            with services.database.read() as connection:
                if erasures.find(connection, customer_id) is not None:
                    raise NotFound("the customer is being erased")
            asyncio.run(_restored(given, restore, lease))
        except Canceled:
            status = "canceled"
        except HoldfastError as error:
            if error.retryable and not isinstance(error, SourceError):
                raise
            status = "failed"
            failures.append(failure(error))
        except Exception as error:  # noqa: BLE001 - recorded as the restore's failure, and in the log
            _log.exception("restore %d ended by an error that nobody foresaw", restore_id)
            status = "failed"
            failures.append({"code": "internal_error", "message": f"{type(error).__name__}: the log has the details"})
        _end(services, restore, lease, status, failures, customer_id)


def failure(error: HoldfastError, **about: Any) -> dict[str, Any]:
    message = str(error) if error.hint is None else f"{error} ({error.hint})"
    return {"endpoint": None, "record_id": None, "code": error.code, "message": message, **about}


async def _restored(given: Any, restore: Restore, lease: Lease) -> None:
    watch = _RestoreWatch(given.services, restore.id, lease)

    async def work() -> None:
        async with opened(given, restore, lease.token) as context:
            await _Run(context, watch).everything()

    await watch.over(work())


class _RestoreWatch(Lookout):
    """A cancel does not break off a write: it ends the restore before the next one."""

    def __init__(self, services: Services, restore_id: int, lease: Lease) -> None:
        super().__init__(services, lease)
        self._restore_id = restore_id
        self.is_canceled = False

    def _raise_if_not_wanted(self) -> None:
        with self._services.database.read() as connection:
            self.is_canceled = restores.get(connection, self._restore_id).cancel_requested_at is not None

    def look_now(self) -> None:
        """As `look`, asking the catalog first."""
        self._raise_if_not_wanted()
        self.look()

    def look(self) -> None:
        """Raises Canceled, Interrupted, CatalogBusy."""
        self.check()
        if self.is_canceled:
            raise Canceled


class _Run:
    def __init__(self, context: Context, watch: _RestoreWatch) -> None:
        assert context.restore is not None, "a run belongs to a restore"
        self._context = context
        self._restore = context.restore
        self._watch = watch
        self._told = time.monotonic()

    async def everything(self) -> None:
        context = self._context
        self._watch.look_now()
        if context.options.dry_run:
            self._keep_plan((await plan_in(context)).document())
            return
        looker, journal = Looker(context), Journal(context)
        decider, writer = Decider(context, looker), RecordWriter(context, journal, looker)
        endpoints = context.options.endpoints(context.definition)
        for endpoint in endpoints:
            if endpoint.name not in journal.decided:
                with tracing.span("decide", endpoint=endpoint.name):
                    journal.decide(endpoint.name, [one async for one in decider.endpoint(endpoint)])
            with tracing.span("write", endpoint=endpoint.name):
                await self._write(writer, journal, endpoint)
            if not (reads_back(endpoint) or comes_by_itself(endpoint, "create")):
                with tracing.span("read back", endpoint=endpoint.name):
                    await writer.read_list_back(endpoint)
        for endpoint in endpoints:
            if comes_by_itself(endpoint, "create"):
                with tracing.span("read back", endpoint=endpoint.name):
                    await writer.read_list_back(endpoint)
        self._tell(at_once=True)

    async def _write(self, writer: RecordWriter, journal: Journal, endpoint: Endpoint) -> None:
        after = -1
        while rows := journal.open_records(endpoint.name, after):
            after = rows[-1].place
            for row in rows:
                self._watch.look()
                await writer.write(endpoint, row)
                self._tell()

    def _keep_plan(self, plan: Mapping[str, Any]) -> None:
        with self._context.given.services.database.write() as connection:
            leases.fence(connection, self._restore.target_id, self._context.lease_token)
            restores.keep_plan(connection, self._restore.id, plan)

    def _tell(self, *, at_once: bool = False) -> None:
        """How far it is, for whoever follows, once a second."""
        if not at_once and time.monotonic() - self._told < _TELL_S:
            return
        self._told = time.monotonic()
        with self._context.given.services.database.write() as connection:
            leases.fence(connection, self._restore.target_id, self._context.lease_token)
            counters = counters_of(restore_records.counted(connection, self._restore.id))
            counters["requests"] = self._context.source.requests
            restores.set_counters(connection, self._restore.id, counters)


def _end(
    services: Services, restore: Restore, lease: Lease, status: Status, failures: list[dict[str, Any]],
    customer_id: int | None,
) -> None:  # fmt: skip
    """Put the signed report, then end the restore: whoever resumes in between finds the report and ends with it."""
    with services.database.read() as connection:
        counters = counters_of(restore_records.counted(connection, restore.id))
        requests = restores.get(connection, restore.id).counters.get("requests", 0)
        failures = [*failures, *_failed_records(connection, restore)]
    if status == "successful" and (counters["failed"] or counters["differ"]):
        status = "failed"
    ended_at = clock.now()
    if customer_id is not None and not restore.options.get("dry_run"):
        told = {
            "status": status, "complete": restores.is_complete(status, counters), "ended_at": ended_at,
            "counters": counters, "failures": failures,
        }  # fmt: skip
        said = reporting.issue(services, restore, customer_id, told).receipt
        status, ended_at = said["status"], clock.parse_time(said["ended_at"])
        counters, failures = said["counters"], said["failures"]
    with services.database.write() as connection:
        leases.fence(connection, restore.target_id, lease.token)
        ended = restores.end(
            connection, restore.id, status, ended_at=ended_at, counters={**counters, "requests": requests},
            failures=failures,
        )  # fmt: skip
        if ended:
            events.restore_ended(connection, restores.get(connection, restore.id))
    span = tracing.current()
    span.set(status=status)
    if failures:
        span.failed(failures[0]["code"])


def _failed_records(connection: Any, restore: Restore) -> list[dict[str, Any]]:
    """What went wrong with single records, and what was read back otherwise than it was written."""
    found: list[dict[str, Any]] = []
    for endpoint in restores.get(connection, restore.id).decided:
        for state in ("failed", "differs"):
            for row in restore_records.page(connection, restore.id, endpoint, state=state, limit=_FAILURES_KEPT):
                if len(found) == _FAILURES_KEPT:
                    return found
                fields = [one["field"] for one in row.differences or () if one["why"] == "unexpected"]
                message = row.message if state == "failed" else f"read back, it differs in {', '.join(fields)}"
                found.append({
                    "endpoint": endpoint, "record_id": row.record_key, "message": message,
                    "code": "restore_failed" if state == "failed" else "restored_otherwise",
                })  # fmt: skip
    return found
