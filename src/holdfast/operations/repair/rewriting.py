"""Writes anew what can be had without another copy: marker and key copies from the keys, documents from the catalog."""

from collections.abc import Callable

from sqlalchemy import Connection

from holdfast.catalog import counts, definitions, packs, restores, runs
from holdfast.catalog.runs import Run
from holdfast.clock import format_time, now
from holdfast.errors import HoldfastError, NotFound, VaultError
from holdfast.operations import receipts, revisions
from holdfast.operations.backup.ending import owed_by
from holdfast.operations.prune.windows import windows
from holdfast.operations.repair.report import Mended, RepairReport
from holdfast.operations.repair.restoring import Restorer
from holdfast.operations.restore import reporting
from holdfast.operations.services import Services
from holdfast.vault import EndpointState, Manifest, keyring, names
from holdfast.vault.marker import Marker
from holdfast.vault.names import ObjectName

_AGAIN: dict[str, Callable[[Connection, int], None]] = {
    "vendor": revisions.vendor_changed,
    "customer": revisions.customer_changed,
    "definition": revisions.definition_changed,
    "document": lambda connection, id_: revisions.document_added(connection, definitions.revision(connection, id_)),
    "instance": revisions.instance_changed,
    "hold": revisions.hold_changed,
    "webhook": revisions.webhook_changed,
    "erasure": revisions.erasure_changed,
    "alarm": revisions.alarm_changed,
}
"""By kind of revision: what writes the object's present state."""


_GENERATIONS_SKIPPED = 1_000
"""More than prunes have rewritten any manifest."""


class Rewriter:
    def __init__(self, services: Services, restorer: Restorer, report: RepairReport) -> None:
        self._services = services
        self._restorer = restorer
        self._report = report

    def rewrite(self, name: ObjectName) -> bool:
        """Make the object anew, or what takes its place. False: it cannot be had like this."""
        if name.kind == "marker":
            return self._marker(name)
        if name.kind == "key":
            return self._key(name)
        if name.kind == "manifest":
            return self._manifest(name)
        if name.kind == "receipt":
            return self._receipt(name)
        if name.kind == "restore":
            return self._restore_report(name)
        if name.kind == "revision":
            return self._revision(name)
        if name.kind in ("archive", "forgotten"):
            # Archives are made from backups, for days; who was forgotten is known by what is no longer there.
            return self._restorer.remove(name) and self._tell(name, "deleted: nothing needs it")
        return False

    def _marker(self, name: ObjectName) -> bool:
        vault = self._services.vault
        data = Marker(vault.id, format_time(now())).encode(vault.installation.keys)
        return self._restorer.put(name, data, "written anew from the keys")

    def _key(self, name: ObjectName) -> bool:
        services, customer_id = self._services, name.customer_id or names.INSTALLATION
        vault = services.vault
        try:
            keys, _ = keyring.find(services.storage, vault.root_key, customer_id)
        except (NotFound, VaultError):
            return False
        if not self._restorer.remove(name):
            return False
        keyring.complete(services.storage, vault.root_key, customer_id, vault.id, keys)
        return self._tell(name, "written anew from the other copy")

    def _revision(self, name: ObjectName) -> bool:
        """A newer revision with the object's present state; with it nothing needs the damaged one any more."""
        kind, object_id = name.revision_kind or "", name.object_id or ""
        again = _AGAIN.get(kind)
        prefix = name.text.rpartition("/")[0] + "/"
        newest = max((info.name for info in self._services.storage.list(prefix)), default="")
        if newest <= name.text:
            if again is None or not object_id.isdigit():
                return False
            try:
                with self._services.database.write() as connection:
                    again(connection, int(object_id))
            except HoldfastError:
                return False  # the catalog does not know it
            revisions.flush(self._services)
        return self._restorer.remove(name) and self._tell(name, "its place is taken by a newer one from the catalog")

    def _receipt(self, name: ObjectName) -> bool:
        """Signed anew: it says what the manifest says, which a prune may have replaced since."""
        found = self._services.vault.customer(name.customer_id or 0).read_manifests(
            name.instance_id or 0, lambda _, __: None
        )
        manifest = next((one for one in found if one.sequence == name.number), None)
        if manifest is None or not self._restorer.remove(name):
            return False
        receipts.issue(self._services, manifest)
        return self._tell(name, "signed anew from the manifest")

    def _restore_report(self, name: ObjectName) -> bool:
        """Signed anew, from what the catalog knows of the restore."""
        with self._services.database.read() as connection:
            known = {one.id: (customer_id, one) for customer_id, one in restores.reported(connection)}
        found = known.get(int(name.object_id or 0))
        if found is None or found[0] != name.customer_id or not self._restorer.remove(name):
            return False
        reporting.issue_again(self._services, found[1], found[0])
        return self._tell(name, "signed anew from the catalog")

    def _manifest(self, name: ObjectName) -> bool:
        """The next generation, from what the catalog knows of the run."""
        services = self._services
        customer = services.vault.customer(name.customer_id or 0)
        instance_id, sequence = name.instance_id or 0, name.number or 0
        with services.database.read() as connection:
            ended = [run for run in runs.all_of_instance(connection, instance_id) if run.ended_at is not None]
            run = next((one for one in ended if one.sequence == sequence), None)
            if run is None:
                return False
            known = self._restorer.generations(name)
            # Of one that is gone the generation is not known: no name may be used for two contents.
            generation = max(known) + 1 if known else (name.generation or 1) + _GENERATIONS_SKIPPED
            manifest = _manifest_of(connection, run, ended, customer.customer_id, generation)
        standing = customer.read_manifests(instance_id, lambda _, __: None)
        if not any(one.sequence == sequence for one in standing):
            customer.put_manifest(manifest)
        return self._restorer.remove(name) and self._tell(name, "its place is taken by one from the catalog")

    def _tell(self, name: ObjectName, how: str) -> bool:
        self._report.mended.append(Mended(name.text, how))
        return True


def _manifest_of(
    connection: Connection, run: Run, ended: list[Run], customer_id: int, generation: int
) -> Manifest:  # fmt: skip
    window = next(one for one in windows(ended) if one.last == run.sequence)
    here = window.of([pack for pack in packs.of_instance(connection, run.instance_id) if pack.condemned_at is None])
    assert run.ended_at is not None, "it has ended"
    is_newest = run.sequence == max(one.sequence for one in ended)
    return Manifest(
        instance_id=run.instance_id,
        customer_id=customer_id,
        run_id=run.id,
        sequence=run.sequence,
        status=run.status,  # type: ignore[arg-type]
        queued_at=format_time(run.queued_at),
        started_at=format_time(run.started_at or run.ended_at),
        ended_at=format_time(run.ended_at),
        generation=generation,
        definition_revision_id=run.definition_revision_id,
        parent_sequence=window.after or None,
        packs=tuple(pack.object_id for pack in here if not pack.contents_only),
        contents=tuple(pack.object_id for pack in here if pack.contents_only),
        endpoints=tuple(
            EndpointState(
                endpoint=endpoint,
                **{
                    field: getattr(counted, field)
                    for field in EndpointState.__struct_fields__
                    if field != "endpoint" and hasattr(counted, field)
                },
            )
            for endpoint, counted in counts.of_run(connection, run.id).items()
        ),
        failures=tuple(dict(one) for one in run.failures),
        debts=tuple(owed_by(connection, run.instance_id)) if is_newest else (),
        options=dict(run.options),
    )
