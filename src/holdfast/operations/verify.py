"""Proves the vault: every object against its digests, all that manifests name, and that the catalog agrees.

The catalog knows what the vault alone cannot miss: a newest backup, a newest revision, and what a lost pack held.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from holdfast.catalog import holdings, instances, outbox, packs, runs
from holdfast.catalog.holdings import Holding
from holdfast.errors import NotFound
from holdfast.operations.services import Services
from holdfast.vault import names
from holdfast.vault.check import check
from holdfast.vault.check_packs import ADVICE_DAMAGED
from holdfast.vault.findings import KEYS_NAMED_MAX, CheckProgress, Finding, Lost

_ADVICE = "Put the object back from a replica."


@dataclass
class VerifyReport:
    """What was looked at and what was found. Findings are data: whoever asked decides what they mean."""

    data: bool
    """Every byte was read; else only structure."""
    findings: list[Finding] = field(default_factory=list)
    objects: int = 0
    size_bytes: int = 0

    @property
    def is_good(self) -> bool:
        """Nothing is lost or damaged."""
        return not any(finding.severity == "error" for finding in self.findings)


def verify(
    services: Services,
    *,
    data: bool = True,
    progress: Callable[[CheckProgress], None] | None = None,
    found: Callable[[Finding], None] | None = None,
) -> VerifyReport:
    """Check the whole vault. `found` hears of each finding at once. Raises StorageError where the store is silent."""
    report = VerifyReport(data)
    unexplained: list[Finding] = []

    def follow(state: CheckProgress) -> None:
        report.objects, report.size_bytes = state.objects, state.size_bytes
        if progress is not None:
            progress(state)

    def tell(finding: Finding) -> None:
        report.findings.append(finding)
        if found is not None:
            found(finding)

    for bare in check(services.vault, data=data, report=follow):
        finding = _judged(services, bare)
        if finding.object_name.startswith("packs/") and not finding.lost:
            unexplained.append(finding)
        else:
            tell(finding)
    known = {finding.object_name for finding in (*report.findings, *unexplained)}
    unexplained += _missing_packs(services, known)
    for finding in (*_explained(services, unexplained), *_missing_ends(services), *_missing_revisions(services)):
        tell(finding)
    return report


def _judged(services: Services, finding: Finding) -> Finding:
    """The finding as it looks to who knows what is under way: a write that was broken off loses nothing that counts,
    and a pack that no manifest names yet may be one that a running backup has committed."""
    name = names.parse(finding.object_name)
    if name is None or finding.severity == "notice":
        return finding
    with services.database.read() as connection:
        if name.kind == "pack" and finding.severity == "warning" and name.object_id is not None:
            if packs.is_live(connection, name.object_id):
                return replace(finding, severity="error", advice=ADVICE_DAMAGED)
        elif name.kind in ("manifest", "receipt") and name.instance_id is not None:
            active = runs.active(connection, name.instance_id)
            if active is not None and active.sequence == name.number:
                return replace(finding, severity="warning", advice="The backup has not ended: it writes this again.")
        elif name.kind == "revision" and name.revision_kind is not None and (name.object_id or "").isdigit():
            waiting = outbox.is_pending(connection, name.revision_kind, int(name.object_id or 0), name.number or 0)
            if waiting:
                return replace(finding, severity="warning", advice="It waits in the outbox and is written again.")
    return finding


def _explained(services: Services, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Findings about packs, with what those held."""
    if not findings:
        return
    with services.database.read() as connection:
        held = holdings.of_packs(connection, {_object_id(finding.object_name) for finding in findings})
    for finding in findings:
        holds = held.get(_object_id(finding.object_name))
        if holds is None:
            yield replace(
                finding,
                what=f"{finding.what}; no record and no blob of a backup stood in it, at most news of deletions",
            )
        else:
            yield replace(finding, lost=_lost(holds))


def _lost(holds: set[Holding]) -> tuple[Lost, ...]:
    keys: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, endpoint, key in sorted(holds):
        keys[kind, endpoint].append(key)
    return tuple(
        Lost(endpoint, len(found), tuple(found[:KEYS_NAMED_MAX]), "blob" if kind == "blob" else "record")
        for (kind, endpoint), found in sorted(keys.items(), reverse=True)
    )


def _object_id(name: str) -> str:
    return name.rpartition("/")[2]


def _missing_packs(services: Services, known: set[str]) -> Iterator[Finding]:
    """Packs that the catalog knows, and neither the vault nor one of its manifests: those may be gone as well."""
    # What the catalog knows is in the vault already; what a prune takes away meanwhile the second look sees.
    expected = _live_packs(services)
    missing = expected.keys() - known - {info.name for info in services.vault.storage.list("packs/")}
    for name in sorted(missing & _live_packs(services).keys()) if missing else ():
        pack = expected[name]
        yield Finding(
            "error", name, "is missing: the backup that wrote it and all later ones need it", _ADVICE,
            pack.customer_id, pack.instance_id, pack.sequence,
        )  # fmt: skip


def _live_packs(services: Services) -> dict[str, packs.PackRow]:
    with services.database.read() as connection:
        return {names.pack(pack.customer_id, pack.object_id): pack for pack in packs.all_live(connection)}


def _missing_revisions(services: Services) -> Iterator[Finding]:
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
                f"{_ADVICE} Or change it once: the catalog still has it and writes a new one.",
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


def _missing_ends(services: Services) -> Iterator[Finding]:
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
                yield Finding("error", name, f"is missing: {what}", _ADVICE, customer_id, instance_id, sequence)


def _ended(services: Services) -> list[tuple[int, int, int]]:
    with services.database.read() as connection:
        return runs.ended(connection)
