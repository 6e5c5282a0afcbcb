"""Plans a prune: reads the catalog, changes nothing. Execution plans again, so that a plan may be old."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from holdfast.catalog import exports, holds, instances, needs, packs, restores, runs, streams
from holdfast.catalog.instances import Instance
from holdfast.catalog.packs import PackRow
from holdfast.clock import now
from holdfast.operations import alarms, retention
from holdfast.operations.prune.choosing import choose
from holdfast.operations.prune.plan import InstancePlan, PackShare, PrunePlan
from holdfast.operations.retention import EndedRun, RetentionRules
from holdfast.operations.services import Services


def plan(
    services: Services, chosen: Sequence[Instance] | None = None, *, rules: RetentionRules | None = None,
    moment: datetime | None = None,
) -> PrunePlan:  # fmt: skip
    """What a prune of these instances (None: all, deleted ones too) would do now.

    `rules` take the place of the policies.
    """
    if chosen is None:
        with services.database.read() as connection:
            chosen = instances.every(connection)
    return PrunePlan(tuple(plan_instance(services, instance, rules=rules, moment=moment) for instance in chosen))


def plan_instance(
    services: Services, instance: Instance, *, rules: RetentionRules | None = None, moment: datetime | None = None
) -> InstancePlan:  # fmt: skip
    rules = rules or retention.rules_of(services, instance.id)[1]
    with services.database.read() as connection:
        active = runs.active(connection, instance.id)
        reasons, forgotten = decide(connection, instance, rules, moment or now())
        kept = sorted(reasons)
        stream_ids = [stream.id for stream in streams.of_instance(connection, instance.id)]
        dropped = needs.versions_dropped(connection, stream_ids, kept)
        shares, condemned = _shares(connection, instance, stream_ids, kept)
    chosen = choose(shares, kept)
    rewritten = [share for share in chosen if share.needed_bytes or not share.raw_bytes]
    cost = sum(share.size_bytes - share.unused_bytes for share in rewritten)
    gone = sum(pack.size_bytes for pack in condemned)
    return InstancePlan(
        instance_id=instance.id,
        customer_id=instance.customer_id,
        label=instance.label,
        kept=reasons,
        forgotten=forgotten,
        versions_dropped=dropped,
        packs=len(shares) + len(condemned),
        size_bytes=sum(share.size_bytes for share in shares) + gone,
        packs_deleted=len(chosen) - len(rewritten) + len(condemned),
        packs_rewritten=len(rewritten),
        rewritten_bytes=cost,
        freed_bytes=sum(share.size_bytes for share in chosen) + gone - cost,
        busy=f"backup {active.sequence} is under way" if active is not None else None,
    )


def decide(
    connection: Connection, instance: Instance, rules: RetentionRules, moment: datetime
) -> tuple[dict[int, list[str]], tuple[EndedRun, ...]]:
    """Which of an instance's ended backups are kept and why, and which are forgotten."""
    ended = [
        EndedRun(run.sequence, run.id, run.status, run.ended_at)
        for run in runs.all_of_instance(connection, instance.id)
        if run.ended_at is not None
    ]
    held = [hold for hold in holds.active(connection, instance.customer_id) if hold.instance_id in (None, instance.id)]
    held_runs = {hold.run_id for hold in held if hold.run_id is not None}
    read_by_exports = exports.runs_in_use(connection, instance.id)
    protected = {run.sequence: "an export reads it" for run in ended if run.run_id in read_by_exports}
    read_by_restores = restores.runs_in_use(connection, instance.id)
    protected |= {run.sequence: "a restore reads it" for run in ended if run.run_id in read_by_restores}
    protected |= alarms.protected_sequences(connection, instance.id)
    for run in ended:
        if run.run_id in held_runs or any(hold.run_id is None for hold in held):
            protected[run.sequence] = "legal hold"
    reasons = retention.keep(ended, rules, moment=moment, deleted_at=instance.deleted_at, protected=protected)
    return reasons, tuple(run for run in ended if run.sequence not in reasons)


def _shares(
    connection: Connection, instance: Instance, stream_ids: Sequence[int], kept: Sequence[int]
) -> tuple[list[PackShare], list[PackRow]]:
    """How much is needed of every pack that is not condemned yet, if only these runs are kept; and those that are."""
    dropped = needs.dropped_blobs(connection, instance.id, stream_ids, kept)
    needed = needs.record_bytes(connection, stream_ids, kept) + Counter(needs.chunk_bytes(connection, instance.id))
    for found in needs.unneeded_chunks(connection, instance.customer_id, instance.id, dropped):
        for pack, length in found.values():
            needed[pack] -= length
    return shares_of(connection, instance.id, needed)


def shares_of(connection: Connection, instance_id: int, needed: Counter[int]) -> tuple[list[PackShare], list[PackRow]]:
    """The instance's packs of ended runs with what is needed of each, and those that are condemned."""
    active = runs.active(connection, instance_id)
    shares, condemned = [], []
    for pack in packs.of_instance(connection, instance_id):
        if active is not None and pack.sequence >= active.sequence:
            continue
        if pack.condemned_at is not None:
            condemned.append(pack)
        else:
            shares.append(PackShare(pack.id, pack.size_bytes, pack.raw_bytes, needed[pack.id], pack.sequence))
    return shares, condemned
