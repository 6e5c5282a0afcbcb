"""Deletes what nothing needs any more: emptied packs, after one last look, and what broken-off writes have left."""

from collections.abc import Collection

from holdfast.catalog import instances, needs, orphans, packs
from holdfast.clock import now, timedelta
from holdfast.errors import CatalogError, Damaged, ObjectMissing
from holdfast.operations.prune.plan import PruneReport
from holdfast.operations.prune.work import Work
from holdfast.operations.services import Services
from holdfast.storage import remove
from holdfast.vault import CustomerVault, names

ORPHANS_KEPT = timedelta(days=1)
"""No commit comes so long after the put of its pack: the lease has run out by far."""
_PACKS_AT_ONCE = 100


def delete_emptied(work: Work, named: Collection[str]) -> None:
    """Delete the instance's emptied packs. `named` are those that its manifests name.

    Raises CatalogError rather than delete one that anything still needs.
    """
    with work.services.database.read() as connection:
        condemned = [
            pack for pack in packs.of_instance(connection, work.instance.id) if pack.condemned_at is not None
        ]  # fmt: skip
        in_use = needs.packs_in_use(connection, work.stream_ids)
    emptied = [pack for pack in condemned if pack.contents_only or pack.deleting_at is not None]
    for pack in emptied:
        if pack.object_id in named or pack.id in in_use:
            raise CatalogError(
                f"pack {pack.object_id} was to be deleted and is still needed", code="pack_needed",
                hint="Nothing was deleted. This is a defect: please report it.",
            )  # fmt: skip
    for begin in range(0, len(emptied), _PACKS_AT_ONCE):
        some = emptied[begin : begin + _PACKS_AT_ONCE]
        work.pause()
        with work.transaction() as connection:
            # Chunks are shared with other instances' backups, which may have come to need one.
            held = packs.holding(connection, [pack.id for pack in some])
            some = [pack for pack in some if pack.id not in held]
            packs.mark_deleting(connection, [pack.id for pack in some], now())
        deleted = []
        for pack in some:
            removal = remove(work.services.storage, names.pack(work.customer.customer_id, pack.object_id))
            if work.report.note(removal, pack.size_bytes):
                deleted.append(pack)
                work.report.freed_bytes += 0 if removal.is_hidden else pack.size_bytes
        with work.transaction() as connection:
            packs.remove(connection, [pack.id for pack in deleted])
        work.report.packs_deleted += len(deleted)


def delete_orphans(services: Services, customer: CustomerVault, report: PruneReport, *, kept: timedelta) -> None:
    """Delete packs that neither the catalog nor a manifest knows, once they have been seen for long enough.

    Raises CatalogError (code `catalog_behind`) where a manifest names a pack that the catalog does not know.
    """
    prefix = names.packs_prefix(customer.customer_id)
    listed = {
        name.object_id: info
        for info in services.storage.list(prefix)
        if (name := names.parse(info.name)) is not None and name.object_id is not None
    }
    with services.database.read() as connection:
        known = packs.of_customer(connection, customer.customer_id)
        owned = instances.every_of_customer(connection, customer.customer_id)
    unknown = {object_id: info for object_id, info in listed.items() if object_id not in known}
    if unknown:
        for instance in owned:
            _refuse_named(customer, instance.id, unknown)
    with services.database.write() as connection:
        orphans.see(connection, prefix, [info.name for info in unknown.values()], now())
        old = orphans.older_than(connection, prefix, now() - kept)
    for info in unknown.values():
        if info.name not in old:
            continue
        with services.database.read() as connection:
            if packs.numbers(connection, [info.name.rsplit("/", 1)[-1]]):
                continue  # committed after all
        removal = remove(services.storage, info.name)
        if not removal.is_there:
            report.orphans_deleted += 1
            report.orphan_bytes += 0 if removal.is_hidden else info.size_bytes


def _refuse_named(customer: CustomerVault, instance_id: int, unknown: Collection[str]) -> None:
    try:
        found = customer.read_manifests(instance_id)
    except (Damaged, ObjectMissing) as error:
        raise Damaged(
            f"which packs instance {instance_id} needs is not known: {error}",
            object_name=names.manifests_prefix(customer.customer_id, instance_id),
            hint="`holdfast repair` first.",
        ) from error
    for manifest in found:
        for pack in (*manifest.packs, *manifest.contents):
            if pack in unknown:
                raise CatalogError(
                    f"backup {manifest.sequence} of instance {instance_id} names pack {pack}, which the catalog does "
                    "not know",
                    hint="Make the catalog again from the vault: `holdfast rebuild`.",
                    code="catalog_behind",
                )
