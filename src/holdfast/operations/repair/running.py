"""One repair from beginning to end: what is wrong, then object by object what can be done, then another look."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from holdfast.catalog import verifications
from holdfast.errors import NotFound, VaultError
from holdfast.operations.erase import is_erased
from holdfast.operations.findings import from_document
from holdfast.operations.repair.packs import PackMender
from holdfast.operations.repair.report import RepairReport
from holdfast.operations.repair.restoring import Restorer
from holdfast.operations.repair.rewriting import Rewriter
from holdfast.operations.services import Services
from holdfast.operations.verify import verify, verify_replica
from holdfast.operations.verify.remembered import keep_result, still_true
from holdfast.storage import Storage
from holdfast.vault import names
from holdfast.vault.extent import Extent
from holdfast.vault.findings import CheckProgress, Finding
from holdfast.vault.names import ObjectName

_ORDER = ("key", "marker", "revision", "pack", "manifest", "forgotten", "receipt", "restore", "archive")
"""Nothing is put before what it needs."""

Progress = Callable[[CheckProgress], None]


def repair(
    services: Services, *, data: bool = False, forget_lost: bool = False, progress: Progress | None = None
) -> RepairReport:
    """Mend the vault: what a check of its structure finds now, and what remembered checks found in the packs' data.

    With `data` everything is read first. `forget_lost` lets backups no longer claim what cannot be had. Can be broken
    off anywhere and repeated. Raises StorageError where the vault's storage does not answer.
    """
    report = RepairReport()
    restorer = Restorer(services.vault, services.storage, services.replicas, report)
    # Keys first: without them no check could tell anything of the rest, so that all of it is to be read now.
    for prefix in _lost_keys(services):
        data = restorer.restore_all(prefix) or data
    found = _find(services, data=data, progress=progress)
    rewriter = Rewriter(services, restorer, report)
    unsound = [name for name in _objects(found) if not restorer.is_sound(name)]
    left = [name for name in unsound if not restorer.restore(name) and not rewriter.rewrite(name)]
    services = _reopened(services)
    damaged = {name.object_id or "" for name in left if name.kind == "pack"}
    if _lacking(found) - {name.object_id for name in unsound}:
        # Packs that are whole and speak of what stood in others, where that was not put back just now.
        now_found = verify(services, extent=Extent(share=0.0)).findings
        damaged |= _lacking(now_found) - {name.object_id for name in unsound}
    PackMender(services, report, forgets=forget_lost).mend(sorted(damaged))
    after = verify(services, extent=Extent(share=0.0), known=still_true(services, found))
    report.left = after.findings
    keep_result(services, after)
    return report


def repair_replica(services: Services, replica: Storage, *, progress: Progress | None = None) -> RepairReport:
    """Mend a replica from the vault: everything that is lost or damaged there. Reads all of it.

    Raises VaultError where it is no replica of this vault, StorageError.
    """
    report = RepairReport()
    restorer = Restorer(services.vault, replica, [services.storage], report)
    restorer.restore_all("keys/")
    found = _objects(verify_replica(services, replica, progress=progress).findings)
    there = {info.name for info in replica.list("")}
    missing = [names.parse(info.name) for info in services.storage.list("") if info.name not in there]
    found += [name for name in missing if name is not None and name.kind != "archive"]
    for name in sorted(set(found), key=_in_order):
        if not restorer.is_sound(name) and not restorer.restore(name) and name.kind not in ("archive",):
            what = "is damaged in the replica, and not sound in the vault either"
            advice = "`holdfast repair` mends the vault; then repair the replica again."
            report.problems.append(Finding("error", name.text, what, advice, name.customer_id))
    report.left = verify_replica(services, replica, extent=Extent(share=0.0)).findings
    return report


def _lost_keys(services: Services) -> list[str]:
    """Prefixes of customers' keys that do not open, or are gone while there are objects."""
    ids = {names.INSTALLATION}
    for storage in (services.storage, *services.replicas):
        ids.update(
            name.customer_id or 0 for info in storage.list(names.keys_prefix()) if (name := names.parse(info.name))
        )
    vault = services.vault.over(services.storage)
    lost = []
    for customer_id in sorted(ids):
        if _is_erased(services, customer_id):
            continue
        try:
            vault.customer(customer_id)
        except (NotFound, VaultError):
            lost.append(names.keys_prefix(customer_id))
    return lost


def _is_erased(services: Services, customer_id: int) -> bool:
    with services.database.read() as connection:
        return is_erased(connection, customer_id)


def _find(services: Services, *, data: bool, progress: Progress | None) -> list[Finding]:
    if data:
        report = verify(services, progress=progress)
        keep_result(services, report)
        return report.findings
    with services.database.read() as connection:
        remembered = [*verifications.unended(connection), *verifications.ended(connection)[:10]]
    earlier = {
        finding.object_name: finding for one in remembered for finding in map(from_document, one.findings)
    }  # fmt: skip
    known = still_true(services, list(earlier.values()))
    return verify(services, extent=Extent(share=0.0), known=known, progress=progress).findings


def _objects(found: Sequence[Finding]) -> list[ObjectName]:
    """What the findings are about, each once, in an order in which it can be mended."""
    parsed = {
        finding.object_name: names.parse(finding.object_name) for finding in found if finding.severity != "notice"
    }
    return sorted((name for name in parsed.values() if name is not None), key=_in_order)


def _in_order(name: ObjectName) -> tuple[int, str]:
    return _ORDER.index(name.kind), name.text


def _lacking(found: Sequence[Finding]) -> set[str]:
    """The ids of packs of which something is lost."""
    return {
        finding.object_name.rpartition("/")[2]
        for finding in found
        if finding.object_name.startswith("packs/") and finding.severity == "error"
    }


def _reopened(services: Services) -> Services:
    """With nothing in memory of what was read before it was mended."""
    return replace(services, vault=services.vault.over(services.storage))
