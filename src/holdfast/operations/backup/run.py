"""One backup from its start to its end: takes the lease, reads every endpoint, puts the manifest, ends the run.

May be called again for the same run after a crash: it goes on at the last checkpoints.
"""

import asyncio
import logging

import uvloop

from holdfast import tracing
from holdfast.catalog import (
    counts,
    debts,
    definitions,
    erasures,
    instances,
    leases,
    packs,
    rebuilding,
    runs,
    seen,
    streams,
    turns,
)
from holdfast.catalog.runs import Run
from holdfast.definitions.drafts import is_draft
from holdfast.definitions.fingerprint import fingerprint
from holdfast.definitions.loading import load
from holdfast.engine import Interrupted
from holdfast.errors import HoldfastError, InputError, SourceError
from holdfast.operations import events, variables
from holdfast.operations.backup.blobs import BlobFetcher
from holdfast.operations.backup.collecting import Collector
from holdfast.operations.backup.committing import Committer
from holdfast.operations.backup.ending import Status, end_run, resume_end
from holdfast.operations.backup.endpoint import Reading
from holdfast.operations.backup.failures import Failures
from holdfast.operations.backup.leasing import Lease, leased
from holdfast.operations.backup.parents import parents_of
from holdfast.operations.backup.reading import EndpointReader
from holdfast.operations.backup.reconsidering import reconsider
from holdfast.operations.backup.request import enqueue
from holdfast.operations.backup.rotating import TokenKeeper, TokenRotated
from holdfast.operations.backup.seen import SeenSlots
from holdfast.operations.backup.sharing import sharing
from holdfast.operations.backup.state import BackupOptions, Counts, PackNames, RunContext, Stream
from holdfast.operations.backup.watching import Canceled, GivesWay, Watch
from holdfast.operations.backup.writing import RunWriter
from holdfast.operations.garbage import rare_collections
from holdfast.operations.services import Services
from holdfast.sources.source import Source

_log = logging.getLogger(__name__)


def run_backup(services: Services, run_id: int, *, token_rotated: TokenRotated | None = None) -> None:
    """Run a queued backup, or go on with one that a dead worker left. Does nothing where it has ended, and nothing for
    a customer that is being erased. `token_rotated` keeps a token that the source has replaced, in place of this.

    Raises Interrupted where this worker stops (the run goes on elsewhere), and retryable errors of storage and catalog.
    Everything else ends the run and stands in its failures.
    """
    with services.database.read() as connection:
        rebuilding.refuse_half(connection)
        run = runs.get(connection, run_id)
        instance = instances.get(connection, run.instance_id, deleted=True)
        if not run.active or erasures.find(connection, instance.customer_id) is not None:
            return
    ids = {"instance": instance.id, "customer": instance.customer_id, "definition": instance.definition_id}
    with tracing.run("backup", run=run.id, **ids), leased(services, run.instance_id) as lease, rare_collections():
        token = lease.token
        if resume_end(services, run, token):
            return
        failures = Failures()
        status: Status | None = None
        try:
            context = _start(services, run, token)
            streams_by_name = _open_streams(context)
        except InputError as error:
            failures.add(error)
            end_run(services, run, token, [], failures, "failed")
            return
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # 10% less CPU than asyncio's own
                runner.run(_read_everything(context, run, streams_by_name, failures, lease, token_rotated))
        except Canceled:
            status = "canceled"
        except GivesWay:
            _queue_again(services, run, token)
            return
        except HoldfastError as error:
            if error.retryable and not isinstance(error, SourceError):
                raise
            failures.add(error)
            status = "failed"
        except Exception as error:  # noqa: BLE001 - recorded as the run's failure, and in the log
            _log.exception("backup %d ended by an error that nobody foresaw", run.id)
            failures.record("internal_error", f"{type(error).__name__}: {error}; the log has the details")
            status = "failed"
        if status is not None:
            # What the last batch had counted in memory may never have been committed.
            streams_by_name = _open_streams(context)
        end_run(services, run, token, list(streams_by_name.values()), failures, status)


def _queue_again(services: Services, run: Run, token: int) -> None:
    """With a turn behind those who wait; what was read stays, and the run goes on from there."""
    with services.database.write() as connection:
        leases.fence(connection, run.instance_id, token)
        turn = turns.take(connection, [run.instance_id])[run.instance_id]
        turns.give_way(connection, run.id, turn)
        enqueue(services, connection, runs.get(connection, run.id))
    _log.info("backup %d of instance %d lets others go first", run.id, run.instance_id)


def _start(services: Services, run: Run, token: int) -> RunContext:
    """Mark the run as going and gather what it works with. Raises InputError for what an operator has to mend first."""
    with services.database.write() as connection:
        leases.fence(connection, run.instance_id, token)
        instance = instances.get(connection, run.instance_id)
        customer_id = instance.customer_id
        definition = definitions.get(connection, instance.definition_id, deleted=True)
        turns.begin(connection, run.turn)
        started = runs.start(
            connection, run.id, worker=services.engine.executor_id, definition_revision_id=definition.revision_id
        )
        if run.status == "queued":
            events.backup_started(connection, started)
        revision_id = started.definition_revision_id
        document = None if revision_id is None else definitions.revision(connection, revision_id).document
    if document is None or is_draft(document):
        raise InputError(
            f"the definition {definition.name} has no document, so there is nothing to back up",
            code="no_document",
            hint="Give it one: PUT /v1/backup_definitions/{id}/document",
        )
    loaded = load(document, definition.name)
    values = variables.values(services, instance, loaded)
    return RunContext(
        services=services,
        customer=services.vault.customer(customer_id),
        definition=loaded,
        variables=values,
        packs=PackNames(services),
        instance_id=instance.id,
        run_id=run.id,
        sequence=run.sequence,
        lease_token=token,
        options=BackupOptions(**run.options),
    )


def _open_streams(context: RunContext) -> dict[str, Stream]:
    """The endpoints' streams in dependency order, as an earlier process of this run left them."""
    database = context.services.database
    planned = context.definition.planned()
    described = [(endpoint.name, endpoint.description) for endpoint in context.definition.endpoints]
    with database.write() as connection:
        leases.fence(connection, context.instance_id, context.lease_token)
        rows = streams.ensure(connection, context.instance_id, described, context.sequence)
    opened: dict[str, Stream] = {}
    with database.read() as connection:
        counted = counts.of_run(connection, context.run_id)
        for endpoint in planned:
            row = rows[endpoint.name]
            stream = Stream(
                id=row.id,
                ordinal=row.ordinal,
                endpoint=endpoint,
                fingerprint=fingerprint(context.definition, endpoint, context.variables, context.customer.digest_key),
                live=row.live,
                state_sum=row.state_sum,
                seen=SeenSlots(row.next_slot),
            )
            for slots in seen.load(connection, context.run_id, row.id):
                stream.seen.update(slots)
            stream.strays = seen.strays(connection, context.run_id, row.id)
            stream.lost = debts.damaged(connection, row.id)
            earlier = counted.get(endpoint.name)
            if earlier is not None:
                stream.counts = Counts(**{name: getattr(earlier, name) for name in Counts.__dataclass_fields__})
                stream.outcome = "partial" if earlier.outcome == "carried" and earlier.pages else earlier.outcome
            opened[endpoint.name] = stream
    return opened


async def _read_everything(
    context: RunContext,
    run: Run,
    by_name: dict[str, Stream],
    failures: Failures,
    lease: Lease,
    token_rotated: TokenRotated | None,
) -> None:
    """Read all endpoints, independent ones side by side, children after their parents; then what blobs are owed."""
    services, settings = context.services, context.services.settings

    watch = Watch(services, run, lease)
    with services.database.read() as connection:
        last_batch = max(
            max((pack.batch for pack in packs.of_run(connection, context.run_id)), default=0),
            seen.last_batch(connection, context.run_id),
        )
    permits = asyncio.Semaphore(context.definition.connection.limits.concurrency)
    tokens = TokenKeeper(context, token_rotated)
    try:
        share = sharing(services, context.definition, context.variables, f"{run.id}/{context.lease_token}")
        async with Source(
            context.definition, context.variables, services.network, token_rotated=tokens, share=share
        ) as source:
            if context.definition.connection.check is not None:
                try:
                    await source.check()
                except SourceError as error:
                    failures.add(error)
                    failures.stop_reading(error)
                    return
            writer = RunWriter(context, last_batch, watch.check)
            committer = Committer(writer, source)
            async with Collector(
                committer,
                checkpoint_records=settings.checkpoint_records,
                batch_seconds=settings.checkpoint_seconds,
            ) as collector:
                reading = Reading(context, source, writer, committer, collector, failures, permits)
                await watch.over(_read_in_order(reading, by_name))
    except BaseExceptionGroup as group:
        raise _first_cause(group) from group
    finally:
        tokens.settle()


async def _read_in_order(reading: Reading, by_name: dict[str, Stream]) -> None:
    ended = {name: asyncio.Event() for name in by_name}

    async def read(stream: Stream) -> None:
        names = stream.endpoint.parents
        for name in names:
            await ended[name].wait()
        parents = parents_of(reading.context, stream, by_name)
        with tracing.span("endpoint", endpoint=stream.name) as told:
            await EndpointReader(reading, stream, parents).read()
            told.set(outcome=stream.outcome, records=stream.counts.listed, requests=stream.counts.requests)
        ended[stream.name].set()
        if not reading.context.options.blobs:
            return
        await reconsider(reading, stream, parents)
        if stream.endpoint.blob is not None:
            with tracing.span("blobs", endpoint=stream.name):
                await BlobFetcher(reading, stream, parents).fetch_owed()

    async with asyncio.TaskGroup() as group:
        for stream in by_name.values():
            group.create_task(read(stream))


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception of nested groups; an Interrupted or a Canceled among them comes first."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop()
        if isinstance(error, BaseExceptionGroup):
            pending.extend(reversed(error.exceptions))
        else:
            leaves.append(error)
    return min(leaves, key=lambda error: not isinstance(error, Interrupted | Canceled))
