"""Makes the catalog again from the vault and its key: who there is, every backup, every record at every backup.

Reads revisions, manifests and packs' footers, no record. What only the catalog had is begun anew: cursors (the next
backup lists everything), tokens, exports, logs. A pack that is lost does not stop it: what it held is missing then, and
the report says so.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from holdfast import ids
from holdfast.catalog import blobs, forgotten_runs, instances, packs, rebuilding, runs, schedules, vendors
from holdfast.catalog.runs import Run
from holdfast.clock import now, parse_time
from holdfast.errors import Conflict, Damaged, InputError, ObjectMissing
from holdfast.operations import revisions, schedule
from holdfast.operations.backup.totals import NOTHING
from holdfast.operations.replay import Replay, register_pack
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, Footer, Manifest, Revision, forgotten, read_revisions

_NEEDED = frozenset({"vendor", "customer", "definition"})
"""Kinds of objects that others belong to: without one of these there is no catalog."""


@dataclass
class RebuildReport:
    """What was found. `disagreements` name backups whose state, put together again, is not what their manifest says,
    and what could not be read."""

    instances: int = 0
    backups: int = 0
    packs: int = 0
    records: int = 0
    disagreements: list[str] = field(default_factory=list)


Progress = Callable[[RebuildReport], None]


def rebuild(services: Services, progress: Progress | None = None) -> RebuildReport:
    """Fill an empty catalog. Raises Conflict where it is not empty, Damaged where the vault cannot be read."""
    database = services.database
    database.migrate()
    services.engine.migrate()
    with database.read() as connection:
        rebuilding.refuse_half(connection)
        if vendors.all_vendors(connection):
            raise Conflict(
                "the catalog is not empty", hint="Move its file away first; the vault has everything.", code="not_empty"
            )
    report = RebuildReport()
    found = _read_revisions(services, report)
    with database.write() as connection:
        rebuilding.begin(connection)
        for kind in revisions.KINDS:
            for revision in sorted((one for one in found if one.kind == kind), key=lambda one: int(one.object_id)):
                revisions.restore(connection, revision)
    customers = set()
    for revision in found:
        if revision.kind == "instance":
            report.instances += 1
            customers.add(revision.customer_id)
            _rebuild_instance(services, revision, report, progress)
    for customer_id in sorted(customers):
        _find_shared_chunks(services, services.vault.customer(customer_id))
    with database.write() as connection:
        rebuilding.end(connection)
    return report


def _read_revisions(services: Services, report: RebuildReport) -> list[Revision]:
    """Every object's newest state, or the newest that can be read."""

    def damaged(kind: str, reason: str, stands_in: Revision | None) -> None:
        if stands_in is None and kind in _NEEDED:
            raise Damaged(f"a {kind} is lost: {reason}", object_name=f"revisions of {kind}")
        instead = "it is missing" if stands_in is None else f"it is as it was at {stands_in.written_at}"
        report.disagreements.append(f"the newest state of this {kind} cannot be read, so {instead}: {reason}")

    return list(read_revisions(services.vault, revisions.KINDS, damaged=damaged))


def _rebuild_instance(
    services: Services, revision: Revision, report: RebuildReport, progress: Progress | None
) -> None:  # fmt: skip
    instance_id = int(revision.object_id)
    customer = services.vault.customer(revision.customer_id)
    lost: dict[int, Damaged] = {}
    found = customer.read_manifests(instance_id, lost.__setitem__)
    for sequence, error in lost.items():
        report.disagreements.append(f"backup {sequence} of instance {instance_id} is lost, and what it added: {error}")
        earlier = [manifest.ended_at for manifest in found if manifest.sequence < sequence]
        _note_lost_run(services, instance_id, sequence, parse_time(earlier[-1]) if earlier else now(), error)
    chain, missing = forgotten.chain(customer.storage, customer.keys, customer.customer_id, instance_id, found)
    if missing is not None and missing not in lost:
        report.disagreements.append(
            f"the manifest of backup {missing} of instance {instance_id} is lost: what it added is missing"
        )
    if missing is not None:
        chain = found  # those before the gap are better than nothing
    for manifest in chain:
        _rebuild_run(services, customer, manifest, report, progress)
        report.backups += 1
        if progress is not None:
            progress(report)
    dropped = [manifest for manifest in found if manifest not in chain]
    with services.database.write() as connection:
        for manifest in dropped:
            forgotten_runs.put(
                connection, instance_id, manifest.sequence, run_id=manifest.run_id, status=manifest.status,
                ended_at=parse_time(manifest.ended_at), forgotten_at=now(),
            )  # fmt: skip
    queued = [manifest.queued_at or manifest.started_at for manifest in found]
    _put_back_schedule(services, instance_id, max(map(parse_time, [revision.written_at, *queued])))


def _note_lost_run(
    services: Services, instance_id: int, sequence: int, moment: datetime, error: Damaged
) -> None:  # fmt: skip
    """A run whose manifest is damaged: its number must not be another one's, whose manifest would have that name."""
    failure = {
        "endpoint": None,
        "page": None,
        "record_id": None,
        "code": error.code,
        "message": f"{error} ({error.hint})",
    }
    run = Run(
        ids.new_id(), instance_id, sequence, "failed", moment, moment, moment, None, None, {}, [failure], NOTHING, None
    )  # fmt: skip
    with services.database.write() as connection:
        runs.restore(connection, run)


def _put_back_schedule(services: Services, instance_id: int, since: datetime) -> None:
    """When the instance is due, as the schedule said when it was set or a backup was queued last."""
    with services.database.write() as connection:
        instance = instances.get(connection, instance_id, deleted=True)
        try:
            due = schedule.next_due(schedule.of_instance(instance), instance_id, since)
        except InputError:
            due = now()  # an expression or time zone that this machine does not know: whoever queues it says so
        if instance.deleted_at is None:
            schedules.move(connection, {instance_id: due})


def _rebuild_run(
    services: Services, customer: CustomerVault, manifest: Manifest, report: RebuildReport, progress: Progress | None
) -> None:
    replay = Replay(services, customer, manifest)
    replay.open()
    lost: set[str] = set()

    def attempt(work: Callable[[], int | Footer], pack_id: str) -> int:
        try:
            done = work()
        except (Damaged, ObjectMissing) as error:
            report.disagreements.append(f"backup {manifest.sequence} of instance {manifest.instance_id}: {error}")
            lost.add(pack_id)
            return 0
        return done if isinstance(done, int) else 0

    for pack_id in manifest.contents:
        attempt(partial(replay.register, pack_id, contents_only=True), pack_id)
    if manifest.generation > 1:
        # A prune may have put what a pack needs behind it: all must be known before the first is applied.
        for pack_id in manifest.packs:
            attempt(partial(replay.register, pack_id, contents_only=False), pack_id)
    for pack_id in manifest.packs:
        if pack_id not in lost:
            report.records += attempt(partial(replay.apply, pack_id), pack_id)
            report.packs += 1
        if progress is not None:
            progress(report)
    report.disagreements += replay.close()


def _find_shared_chunks(services: Services, customer: CustomerVault) -> None:
    """Chunks that blobs need and no manifest leads to: they lie in packs of an instance whose backups were dropped."""
    with services.database.read() as connection:
        if not blobs.without_place(connection, customer.customer_id):
            return
        known = packs.of_customer(connection, customer.customer_id)
    for pack_id in customer.pack_ids():
        if pack_id in known:
            continue
        try:
            footer, directory = customer.packs.read_contents(pack_id)
        except (Damaged, ObjectMissing):
            continue  # no manifest names it; `verify` tells of it
        held = {digest for digest, *_ in footer.chunk_places()}
        with services.database.write() as connection:
            if held & blobs.without_place(connection, customer.customer_id):
                register_pack(
                    connection, customer.customer_id, pack_id, footer, directory.size_bytes, contents_only=True
                )  # fmt: skip
