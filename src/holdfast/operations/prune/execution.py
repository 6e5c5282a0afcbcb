"""Carries a plan out, instance by instance, each under its own lease: beside backups of other instances, between those
of this one."""

import logging
from collections import Counter
from collections.abc import Callable

from holdfast.catalog import audit, customers, instances, logs, needs, packs, runs, streams
from holdfast.clock import now, timedelta
from holdfast.errors import CatalogBusy, CatalogError, Conflict, Damaged, LeaseLost, NotFound, ObjectMissing
from holdfast.operations import exports, retention
from holdfast.operations.backup.leasing import leased
from holdfast.operations.prune.choosing import choose
from holdfast.operations.prune.deleting import ORPHANS_KEPT, delete_emptied, delete_orphans
from holdfast.operations.prune.emptying import empty_condemned
from holdfast.operations.prune.following import check_catalog, follow
from holdfast.operations.prune.forgetting import drop_leftovers, forget_runs
from holdfast.operations.prune.plan import InstancePlan, InstanceReport, PrunePlan, PruneReport
from holdfast.operations.prune.planning import shares_of
from holdfast.operations.prune.work import Postponed, Work
from holdfast.operations.retention import RetentionRules
from holdfast.operations.services import Services
from holdfast.storage import remove

_log = logging.getLogger(__name__)


def prune(
    services: Services,
    planned: PrunePlan,
    *,
    actor: str,
    rules: RetentionRules | None = None,
    orphans_kept: timedelta = ORPHANS_KEPT,
    progress: Callable[[InstanceReport], None] | None = None,
) -> PruneReport:
    """Let go what the plan lets go, and whatever an earlier prune has left half done.

    What would not go by the `rules` (None: the policies) as they are now stays, whatever the plan says. An instance
    with a backup under way is postponed. Raises StorageError, CatalogError where the vault or the catalog do not work.
    """
    report = PruneReport()
    for plan in planned.instances:
        done = _prune_instance(services, plan, rules, actor)
        report.instances.append(done)
        if progress is not None:
            progress(done)
    for customer_id in sorted({plan.customer_id for plan in planned.instances}):
        try:
            delete_orphans(services, services.vault.customer(customer_id), report, kept=orphans_kept)
        except NotFound:
            continue  # erased
        except (CatalogError, Damaged) as error:
            if error.retryable:
                raise
            report.problems.append(str(error))
    if services.settings.append_only:
        _delete_what_the_worker_may_not(services)
    return report


def _delete_what_the_worker_may_not(services: Services) -> None:
    """In an append-only installation: archives of exports, and what `init` tried the storage out with."""
    exports.delete_orphans(services)
    for info in services.storage.list("probe/"):
        remove(services.storage, info.name)


def _prune_instance(
    services: Services, plan: InstancePlan, rules: RetentionRules | None, actor: str
) -> InstanceReport:  # fmt: skip
    report = InstanceReport(plan.instance_id, plan.customer_id, plan.label)
    with services.database.read() as connection:
        instance = instances.get(connection, plan.instance_id, deleted=True)
        active = runs.active(connection, plan.instance_id)
    if active is not None:
        report.postponed = f"backup {active.sequence} is under way"
        return report
    try:
        with leased(services, instance.id) as lease:
            work = Work(services, instance, services.vault.customer(instance.customer_id), lease, report)
            check_catalog(work)
            forget_runs(
                work,
                rules or retention.rules_of(services, instance.id)[1],
                [run.run_id for run in plan.forgotten],
            )
            drop_leftovers(work)
            _condemn(work)
            empty_condemned(work)
            delete_emptied(work, follow(work))
            _tell(work, actor)
    except Postponed:
        report.postponed = "a backup is waiting"
    except (CatalogBusy, LeaseLost, Conflict, NotFound) as error:
        report.postponed = str(error)
    except (Damaged, ObjectMissing) as error:
        _log.warning("prune of instance %d stopped: %s", instance.id, error)
        report.damaged.append(str(error))
    return report


def _condemn(work: Work) -> None:
    """Choose the packs that are to be emptied, by what the runs that are left need of them."""
    instance_id = work.instance.id
    with work.services.database.read() as connection:
        stream_ids = [stream.id for stream in streams.of_instance(connection, instance_id)]
        kept = [run.sequence for run in runs.all_of_instance(connection, instance_id)]
        needed = needs.record_bytes(connection, stream_ids, kept) + Counter(needs.chunk_bytes(connection, instance_id))
        shares, _ = shares_of(connection, instance_id, needed)
    chosen = choose(shares, kept)
    if not kept:
        # Nothing applies any more. Packs in which other instances' blobs have chunks stay as they are.
        chosen = [share for share in shares if not share.needed_bytes]
        with work.transaction() as connection:
            packs.void(connection, [pack.id for pack in packs.of_instance(connection, instance_id)])
    with work.transaction() as connection:
        packs.condemn(connection, [share.number for share in chosen], now())
    work.pause()


def _tell(work: Work, actor: str) -> None:
    report = work.report
    if not (report.forgotten or report.packs_deleted or report.packs_written):
        return
    with work.transaction() as connection:
        vendor_id = customers.get(connection, work.instance.customer_id, deleted=True).vendor_id
        figures = {
            "backups_forgotten": report.forgotten,
            "packs_deleted": report.packs_deleted,
            "packs_written": report.packs_written,
            "freed_bytes": report.freed_bytes,
        }
        audit.add(connection, vendor_id, actor, "instance.prune", "instance", work.instance.id, figures)
        logs.write(connection, work.instance.id, "info", f"prune forgot {report.forgotten} backups", **figures)
