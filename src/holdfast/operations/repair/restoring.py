"""Takes single objects from another copy of the vault: the same name, the same bytes, proved before they are put."""

from collections.abc import Iterator, Sequence

from holdfast.errors import Damaged, NotFound, ObjectMissing, StorageError, StorageUnavailable, WrongKey
from holdfast.operations.repair.report import Mended, RepairReport
from holdfast.storage import Storage
from holdfast.vault import RootKey, Vault, keyring, names
from holdfast.vault.findings import Finding
from holdfast.vault.names import ObjectName
from holdfast.vault.proof import is_genuine, prove

_RIGHTS = (
    "Repair with a credential that may delete (HOLDFAST_PRUNE_STORAGE_URL). An object lock does not prevent it: in "
    "a versioned bucket the damaged version becomes an older one, whose lock runs out by itself."
)


def take_installation_keys(target: Storage, others: Sequence[Storage], root: RootKey) -> bool:
    """Put the installation's keys back, without which no vault opens. False: no other copy of them opens."""
    taken = False
    for other in others:
        for copy in keyring.copies(other, root, names.INSTALLATION):
            if copy.keys is not None:
                target.delete(copy.object_name)
                target.put(copy.object_name, other.get(copy.object_name))
                taken = True
        if taken:
            break
    return taken


class Restorer:
    """Mends one storage from others. `vault` is the one whose keys prove what is put."""

    def __init__(self, vault: Vault, target: Storage, others: Sequence[Storage], report: RepairReport) -> None:
        self._vault = vault
        self._target = target
        self._others = others
        self._report = report

    def is_sound(self, name: ObjectName) -> bool:
        """Whether the object is there and whole."""
        try:
            return is_genuine(self._vault, name, self._target.get(name.text))
        except ObjectMissing:
            return False

    def restore(self, name: ObjectName) -> bool:
        """Put the object back from the first other copy that has it whole. False: none has."""
        if any(self.put(name, data, f"taken from {other.url}") for other, data in self._copies(name)):
            return True
        # Of a run's manifest that is gone nobody here knows the generation.
        return name.kind == "manifest" and not self._is_there(name) and self.restore_all(_run_prefix(name))

    def generations(self, name: ObjectName) -> list[int]:
        """Those of a manifest that are here or in another copy, whole or not."""
        found = (info for storage in (self._target, *self._others) for info in storage.list(_run_prefix(name)))
        return [one.generation or 0 for info in found if (one := names.parse(info.name)) is not None]

    def _is_there(self, name: ObjectName) -> bool:
        return any(info.name == name.text for info in self._target.list(name.text))

    def restore_all(self, prefix: str) -> bool:
        """Everything that the other copies have under a prefix and that is not sound here."""
        restored = False
        for other in self._others:
            for info in list(other.list(prefix)):
                name = names.parse(info.name)
                if name is not None and not self.is_sound(name):
                    restored = self.restore(name) or restored
        return restored

    def put(self, name: ObjectName, data: bytes, how: str) -> bool:
        """Put these bytes where nothing or something damaged is. False: what is there may not be replaced."""
        if not self.remove(name):
            return False
        self._target.put(name.text, data)
        self._report.mended.append(Mended(name.text, how))
        return True

    def remove(self, name: ObjectName) -> bool:
        """Take a damaged object away; one that is not there is gone already. False: it may not be deleted."""
        try:
            self._target.delete(name.text)
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            what = f"may not be replaced in {self._target.url}"
            self._report.problems.append(Finding("error", name.text, what, _RIGHTS, name.customer_id))
            return False
        return True

    def _copies(self, name: ObjectName) -> Iterator[tuple[Storage, bytes]]:
        for other in self._others:
            try:
                data = other.get(name.text)
                prove(self._vault, name, data)
            except (ObjectMissing, Damaged, WrongKey, NotFound):
                continue
            except StorageUnavailable as error:
                what = f"{other.url} does not answer: {error}"
                advice = "Repair again when it does."
                self._report.problems.append(Finding("warning", name.text, what, advice, name.customer_id))
                continue
            yield other, data


def _run_prefix(name: ObjectName) -> str:
    """Of all generations of a manifest."""
    return name.text.rpartition("-")[0] + "-"
