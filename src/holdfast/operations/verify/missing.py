"""What only the catalog can miss: a newest backup and its receipt, a newest revision, a pack whose manifest is lost."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from holdfast.catalog import instances, outbox, packs, restores, runs
from holdfast.errors import NotFound
from holdfast.operations.services import Services
from holdfast.vault import names
from holdfast.vault.findings import REPAIR, Finding


def missing_packs(services: Services, known: set[str]) -> Iterator[Finding]:
    """Packs that the catalog knows, and neither the vault nor one of its manifests: those may be gone as well."""
    # What the catalog knows is in the vault already; what a prune takes away meanwhile the second look sees.
    expected = _live_packs(services)
    missing = expected.keys() - known - {info.name for info in services.vault.storage.list("packs/")}
    for name in sorted(missing & _live_packs(services).keys()) if missing else ():
        pack = expected[name]
        yield Finding(
            "error", name, "is missing: the backup that wrote it and all later ones need it", REPAIR,
            pack.customer_id, pack.instance_id, pack.sequence,
        )  # fmt: skip


def _live_packs(services: Services) -> dict[str, packs.PackRow]:
    with services.database.read() as connection:
        return {names.pack(pack.customer_id, pack.object_id): pack for pack in packs.all_live(connection)}


def missing_revisions(services: Services) -> Iterator[Finding]:
    """Newest states of objects that the catalog has sent to the vault, and the vault has not."""
    with services.database.read() as connection:
        expected = outbox.sent_numbers(connection)
    stored: dict[tuple[str, int], set[int]] = defaultdict(set)
    owners: dict[tuple[str, int], int] = {}
    for info in services.vault.storage.list("revisions/"):
        name = names.parse(info.name)
        if name is not None and name.revision_kind is not None and (name.object_id or "").isdigit():
            identity = name.revision_kind, int(name.object_id or 0)
            stored[identity].add(name.number or 0)
            owners[identity] = name.customer_id or 0
    for (kind, object_id), number in expected.items():
        if number not in stored[kind, object_id]:
            owner = owners.get((kind, object_id))
            customer_id = _owner(services, kind, object_id) if owner is None else owner
            yield Finding(
                "error",
                names.revision(customer_id, kind, str(object_id), number),
                f"is missing: revision {number} of {kind} {object_id} is lost",
                REPAIR,
                customer_id,
            )


def _owner(services: Services, kind: str, object_id: int) -> int:
    """The customer whose key a revision is sealed with; 0: the installation's."""
    if kind == "customer":
        return object_id
    if kind == "instance":
        with services.database.read() as connection:
            try:
                return instances.get(connection, object_id, deleted=True).customer_id
            except NotFound:
                return names.INSTALLATION
    return names.INSTALLATION


def missing_ends(services: Services) -> Iterator[Finding]:
    """What backups that ended have left in the vault, and is there no more: a vault alone cannot miss its last one."""
    ended = _ended(services)
    for prefix, name_of, what in (
        ("manifests/", partial(names.manifest, generation=1), "the catalog knows this backup, the vault does not"),
        ("receipts/", names.receipt, "the receipt of this backup is lost, its data is not"),
    ):
        found = [names.parse(info.name) for info in services.vault.storage.list(prefix)]
        stored = {(name.instance_id, name.number) for name in found if name is not None}
        missing = [run for run in ended if run[1:] not in stored]
        still = set(_ended(services)) if missing else set()  # what a prune takes away meanwhile is not missed
        for customer_id, instance_id, sequence in missing:
            if (customer_id, instance_id, sequence) in still:
                name = name_of(customer_id, instance_id, sequence)
                yield Finding("error", name, f"is missing: {what}", REPAIR, customer_id, instance_id, sequence)


def missing_reports(services: Services) -> Iterator[Finding]:
    """Reports of restores that have ended."""
    with services.database.read() as connection:
        expected = {
            names.restore(customer_id, one.id): customer_id for customer_id, one in restores.reported(connection)
        }
    stored = {info.name for info in services.vault.storage.list("restores/")} if expected else set()
    for name in sorted(expected.keys() - stored):
        what = "is missing: the report of this restore is lost, no backup is"
        yield Finding("error", name, what, REPAIR, expected[name])


def _ended(services: Services) -> list[tuple[int, int, int]]:
    with services.database.read() as connection:
        return runs.ended(connection)
