"""Checks a whole vault against itself: marker, keys, revisions, manifests, packs, and that all they name is there.

Yields findings and decides nothing. Knows no catalog: what only the catalog remembers (that a newest manifest is gone)
is for `operations` to find.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from holdfast.errors import Damaged, NotFound, ObjectMissing, VaultError, WrongKey
from holdfast.storage import ObjectInfo
from holdfast.vault import keyring, marker, names, receipts, reports, revisions
from holdfast.vault.check_contents import CustomerContents
from holdfast.vault.check_manifests import CustomerManifests, check_forgotten, check_manifests, still_named
from holdfast.vault.check_packs import Origin, PackReport, check_pack, pack_infos
from holdfast.vault.extent import Extent
from holdfast.vault.findings import REPAIR, REPAIR_PACK, CheckProgress, Finding
from holdfast.vault.vault import CustomerVault, Vault

_READERS = 3
"""Packs checked at once: hides the storage's latency; each is in memory as a whole meanwhile."""

Report = Callable[[CheckProgress], None]


def check(
    vault: Vault, *, data: bool = True, extent: Extent | None = None, report: Report | None = None
) -> Iterator[Finding]:  # fmt: skip
    """Check everything in the vault; with `data` every byte is read, otherwise packs only as far as their footers.
    `extent` says it pack by pack instead.

    Objects that are written meanwhile may or may not be checked. `report` is called after every object.
    Raises only StorageError other than ObjectMissing: findings up to then stand.
    """
    extent = extent or Extent(share=1.0 if data else 0.0)
    progress = CheckProgress()
    customers = {names.INSTALLATION: _Objects()}
    for info in vault.storage.list(""):
        progress.objects_total += 1
        progress.size_bytes_total += info.size_bytes
        name = names.parse(info.name)
        if name is None or name.kind != "pack" or extent.reads(info.name):
            progress.read_bytes_total += info.size_bytes
        if name is None:
            progress.objects += 1
            progress.size_bytes += info.size_bytes
            progress.read_bytes += info.size_bytes
            if info.name.startswith("probe/"):
                continue  # `init` could not delete what it tried the storage out with: an append-only vault
            yield Finding(
                "warning",
                info.name,
                "is not an object of a Holdfast vault",
                "Find out who put it there, and delete it.",
            )
        elif name.customer_id is not None:
            customers.setdefault(name.customer_id, _Objects()).add(info, name)
    counter = _Counter(progress, report)
    yield from _check_marker(vault, counter)
    for customer_id, objects in sorted(customers.items()):
        yield from _check_keys(vault, customer_id, counter)
        try:
            customer = vault.customer(customer_id)
        except (NotFound, VaultError) as error:
            yield _unreadable(customer_id, objects.number, error)
            counter.count(objects.size_bytes, objects.number)
            continue
        yield from _check_customer(customer, counter, extent)


@dataclass
class _Objects:
    """A customer's objects other than its keys."""

    number: int = 0
    size_bytes: int = 0

    def add(self, info: ObjectInfo, name: names.ObjectName) -> None:
        if name.kind != "key":
            self.number += 1
            self.size_bytes += info.size_bytes


class _Counter:
    def __init__(self, progress: CheckProgress, report: Report | None) -> None:
        self.progress = progress
        self._report = report

    def count(self, size_bytes: int, objects: int = 1, *, is_read: bool = True) -> None:
        self.progress.objects += objects
        self.progress.size_bytes += size_bytes
        self.progress.read_bytes += size_bytes if is_read else 0
        if self._report is not None:
            self._report(self.progress)


def _check_marker(vault: Vault, counter: _Counter) -> Iterator[Finding]:
    advice = "Everything else can be read without it; `holdfast repair` writes it anew from the keys."
    try:
        data = vault.storage.get(names.MARKER)
        counter.count(len(data))
        if marker.decode(data, vault.installation.keys).vault_id != vault.id:
            yield Finding("warning", names.MARKER, "is that of another vault", advice)
    except ObjectMissing:
        yield Finding("warning", names.MARKER, "is missing", advice)
    except VaultError as error:
        yield Finding("warning", names.MARKER, str(error), advice)


def _check_keys(vault: Vault, customer_id: int, counter: _Counter) -> Iterator[Finding]:
    copies = list(keyring.copies(vault.storage, vault.root_key, customer_id))
    good = [copy for copy in copies if copy.keys is not None]
    advice = "`holdfast repair` writes it anew from the other copy, or takes it from a replica."
    for copy in copies:
        counter.count(copy.size_bytes)
        if isinstance(copy.error, WrongKey) and good:
            yield Finding(
                "warning",
                copy.object_name,
                "opens with another root key only: a rotation was not brought to its end",
                "`holdfast key rotate` goes on where it was broken off.",
                customer_id,
            )
        elif copy.error is not None:
            yield Finding(
                "warning" if good else "error", copy.object_name, f"does not open: {copy.error}", advice, customer_id
            )
        elif copy.vault_id != vault.id or copy.keys != good[0].keys:
            yield Finding("error", copy.object_name, "is not the key that the other copies are", advice, customer_id)
    if len(copies) == 1:
        what = f"is missing: {copies[0].object_name} is the only copy of this key"
        yield Finding("warning", names.other_key(copies[0].object_name), what, advice, customer_id)
    elif len(good) == 1:
        yield Finding("warning", good[0].object_name, "is the only copy of this key that opens", advice, customer_id)


def _unreadable(customer_id: int, objects: int, error: Exception) -> Finding:
    prefix = names.keys_prefix(customer_id)
    if isinstance(error, NotFound):
        return Finding(
            "notice",
            prefix,
            f"customer {customer_id} has no keys and was probably erased; {objects} objects can be read by nobody",
            "If nobody erased this customer: `holdfast repair` takes its keys from a replica.",
            customer_id,
        )
    return Finding(
        "error",
        prefix,
        f"no key of customer {customer_id} opens, so none of its {objects} objects can be read: {error}",
        "`holdfast repair` takes its keys from a replica.",
        customer_id,
    )


def _check_customer(customer: CustomerVault, counter: _Counter, extent: Extent) -> Iterator[Finding]:
    yield from _check_revisions(customer, counter)
    yield from _check_receipts(customer, counter)
    yield from _check_reports(customer, counter)
    yield from check_forgotten(customer, counter.count)
    said = CustomerManifests()
    yield from check_manifests(customer, counter.count, said)
    contents = CustomerContents(customer)
    missing = dict(said.origins)
    for report in _pack_reports(customer, said.origins, extent):
        counter.count(report.size_bytes, is_read=extent.reads(report.object_name))
        missing.pop(report.pack_id, None)
        yield from report.findings
        if extent.is_behind(report.object_name):
            counter.progress.position = report.object_name
        if report.footer is not None:
            counter.progress.records += sum(len(columns.keys) for columns in report.footer.records)
            contents.add(report)
    for pack_id, origin in missing.items():
        if still_named(customer, pack_id, origin):
            yield Finding(
                "error",
                names.pack(customer.customer_id, pack_id),
                "is missing: the backup that needs it and all later ones are incomplete",
                REPAIR_PACK,
                customer.customer_id,
                origin.instance_id,
                origin.sequence,
            )
    is_whole = extent.share >= 1.0
    for chain in said.chains.values():
        yield from contents.check_chain(chain, data=is_whole)
    yield from _check_archives(customer, counter, data=is_whole)


def _pack_reports(customer: CustomerVault, origins: dict[str, Origin], extent: Extent) -> Iterator[PackReport]:
    """Every pack's report, in the order of names; a few packs are read ahead."""

    def start(pool: ThreadPoolExecutor, info: ObjectInfo) -> Future[PackReport]:
        origin = origins.get(info.name.rsplit("/", 1)[-1])
        return pool.submit(check_pack, customer, info, origin, data=extent.reads(info.name))

    infos = iter(pack_infos(customer))
    with ThreadPoolExecutor(_READERS, thread_name_prefix="check") as pool:
        running = [start(pool, info) for info in islice(infos, _READERS + 1)]
        while running:
            report = running.pop(0).result()
            running.extend(start(pool, info) for info in islice(infos, 1))
            yield report


def _check_archives(customer: CustomerVault, counter: _Counter, *, data: bool) -> Iterator[Finding]:
    for info in customer.storage.list(names.archives_prefix(customer.customer_id)):
        if names.parse(info.name) is None:
            continue
        counter.count(info.size_bytes)
        try:
            if data:
                customer.unseal(customer.storage.get(info.name), info.name.encode())
        except Damaged as error:
            yield Finding(
                "warning",
                info.name,
                f"cannot be read ({error}): a part of an export's archive is lost",
                "`holdfast repair` deletes it; export again: no backup depends on it.",
                customer.customer_id,
            )
        except ObjectMissing:
            continue  # its time was over


def _check_receipts(customer: CustomerVault, counter: _Counter) -> Iterator[Finding]:
    for info in customer.storage.list(names.receipts_prefix(customer.customer_id)):
        name = names.parse(info.name)
        if name is None:
            continue
        counter.count(info.size_bytes)
        try:
            receipts.decode(customer.keys, info.name, customer.storage.get(info.name))
        except (Damaged, ObjectMissing) as error:
            yield Finding(
                "error",
                info.name,
                f"cannot be read ({error}): the receipt of this backup is lost, its data is not",
                REPAIR,
                customer.customer_id,
                name.instance_id,
                name.number,
            )


def _check_reports(customer: CustomerVault, counter: _Counter) -> Iterator[Finding]:
    for info in customer.storage.list(names.restores_prefix(customer.customer_id)):
        if names.parse(info.name) is None:
            continue
        counter.count(info.size_bytes)
        try:
            reports.decode(customer.keys, info.name, customer.storage.get(info.name))
        except (Damaged, ObjectMissing) as error:
            yield Finding(
                "error",
                info.name,
                f"cannot be read ({error}): the report of this restore is lost, its backup is not",
                REPAIR,
                customer.customer_id,
            )


def _check_revisions(customer: CustomerVault, counter: _Counter) -> Iterator[Finding]:
    for info in customer.storage.list(f"revisions/{customer.customer_id}/"):
        name = names.parse(info.name)
        if name is None:
            continue
        counter.count(info.size_bytes)
        try:
            revisions.decode(customer, info.name, customer.storage.get(info.name))
        except (Damaged, ObjectMissing) as error:
            yield Finding(
                "error",
                info.name,
                f"cannot be read ({error}): revision {name.number} of {name.revision_kind} {name.object_id} is lost",
                REPAIR,
                customer.customer_id,
            )
