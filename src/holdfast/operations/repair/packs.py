"""Mends damaged packs without another copy: what the source still has is asked for again, what was read again takes the
place of what was lost, and what cannot be had is said, or forgotten where that is wanted."""

from collections.abc import Iterable

from holdfast.catalog import instances, packs, runs
from holdfast.catalog.instances import Instance
from holdfast.catalog.packs import PackRow
from holdfast.errors import CatalogBusy, Conflict, Damaged, LeaseLost, ObjectMissing
from holdfast.operations.backup.leasing import leased
from holdfast.operations.prune.plan import InstanceReport
from holdfast.operations.prune.work import Postponed, Work
from holdfast.operations.repair.asking_again import ask_again
from holdfast.operations.repair.damage import Damage, examine, named
from holdfast.operations.repair.losses import forget_losses
from holdfast.operations.repair.report import Mended, NotHad, RepairReport, Waiting
from holdfast.operations.repair.salvaging import FromElsewhere, salvage
from holdfast.operations.services import Services
from holdfast.vault import names
from holdfast.vault.findings import Finding

_AGAIN = "Repair again when it has ended."


class PackMender:
    def __init__(self, services: Services, report: RepairReport, *, forgets: bool) -> None:
        """`forgets`: what cannot be had is taken out of the backups that claim to have it."""
        self._services = services
        self._report = report
        self._forgets = forgets

    def mend(self, object_ids: Iterable[str]) -> None:
        """Mend these packs, which no other copy has whole, instance by instance."""
        with self._services.database.read() as connection:
            numbers = packs.numbers(connection, list(object_ids))
            rows = packs.get_many(connection, numbers.values())
        by_instance: dict[int, list[PackRow]] = {}
        for row in rows:
            by_instance.setdefault(row.instance_id, []).append(row)
        for instance_id, some in by_instance.items():
            with self._services.database.read() as connection:
                instance = instances.get(connection, instance_id, deleted=True)
                active = runs.active(connection, instance_id)
            if active is not None:
                self._problem(some, f"backup {active.sequence} is under way")
                continue
            try:
                self._mend_instance(instance, some)
            except Postponed:
                self._problem(some, "a backup is waiting")
            except (CatalogBusy, Conflict, LeaseLost, Damaged, ObjectMissing) as error:
                self._problem(some, str(error))

    def _mend_instance(self, instance: Instance, rows: list[PackRow]) -> None:
        services = self._services
        # Nothing that was read before the damage may be taken for what is there.
        customer = services.vault.over(services.storage).customer(instance.customer_id)
        with leased(services, instance.id) as lease:
            damages = [examine(services, customer, row) for row in rows]
            for damage in damages:
                ask_again(services, lease, damage)
            rewrites = self._forgets and any(damage.without_blob for damage in damages)
            ready = damages if self._forgets else [one for one in damages if not self._is_lost(instance, one)]
            work = Work(
                services, instance, customer, lease, InstanceReport(instance.id, instance.customer_id, instance.label),
                FromElsewhere(services, customer, rewrites_footers=rewrites),
            )  # fmt: skip
            if self._forgets:
                self._forget(work, damages)
            if ready:
                salvage(work, self._to_rewrite(instance, ready, whole=rewrites))
                for damage in ready:
                    how = "written anew from what could be read of it and elsewhere"
                    self._report.mended.append(Mended(_name(damage), how))

    def _is_lost(self, instance: Instance, damage: Damage) -> bool:
        """Whether something of the pack can be had nowhere yet; told."""
        wanted = damage.current
        if wanted:
            held = named(
                [one for one in damage.versions if one.run_to is None],
                [one for one in damage.without_blob if one.run_to is None],
            )
            self._report.waiting.append(
                Waiting(_name(damage), instance.customer_id, instance.id, instance.label, held)
            )  # fmt: skip
        if damage.former:
            self._not_had(damage, [one for one in damage.versions if one.run_to is not None],
                          [one for one in damage.without_blob if one.run_to is not None])  # fmt: skip
        return bool(wanted or damage.former)

    def _forget(self, work: Work, damages: list[Damage]) -> None:
        versions = [version for damage in damages for version in damage.versions]
        without_blob = list(dict.fromkeys(version for damage in damages for version in damage.without_blob))
        if not versions and not without_blob:
            return
        forget_losses(work, versions, without_blob)
        for damage in damages:
            if damage.versions or damage.without_blob:
                self._not_had(damage, damage.versions, damage.without_blob, is_forgotten=True)

    def _not_had(self, damage: Damage, versions: Iterable, bare: Iterable, *, is_forgotten: bool = False) -> None:  # type: ignore[type-arg]
        held = named(list(versions), list(bare))
        pack = damage.pack
        self._report.not_had.append(NotHad(_name(damage), pack.customer_id, pack.instance_id, held, is_forgotten))

    def _to_rewrite(self, instance: Instance, damages: list[Damage], *, whole: bool) -> list[int]:
        """The damaged packs; where records have lost blobs, also all others, whose footers speak of these."""
        if not whole:
            return [damage.pack.id for damage in damages]
        with self._services.database.read() as connection:
            return [pack.id for pack in packs.of_instance(connection, instance.id) if pack.deleting_at is None]

    def _problem(self, rows: list[PackRow], what: str) -> None:
        for row in rows:
            name = names.pack(row.customer_id, row.object_id)
            self._report.problems.append(
                Finding("error", name, what, _AGAIN, row.customer_id, row.instance_id, row.sequence)
            )  # fmt: skip


def _name(damage: Damage) -> str:
    return names.pack(damage.pack.customer_id, damage.pack.object_id)
