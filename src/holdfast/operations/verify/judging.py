"""What a check of the vault alone cannot know: which writes are under way, and what a lost pack held."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from holdfast.catalog import holdings, outbox, packs, runs
from holdfast.catalog.holdings import Holding
from holdfast.operations.services import Services
from holdfast.vault import names
from holdfast.vault.findings import KEYS_NAMED_MAX, REPAIR_PACK, Finding, Lost


def judged(services: Services, finding: Finding) -> Finding:
    """The finding as it looks to who knows what is under way: a write that was broken off loses nothing that counts,
    and a pack that no manifest names yet may be one that a running backup has committed."""
    name = names.parse(finding.object_name)
    if name is None or finding.severity == "notice":
        return finding
    with services.database.read() as connection:
        if name.kind == "pack" and finding.severity == "warning" and name.object_id is not None:
            if packs.is_live(connection, name.object_id):
                return replace(finding, severity="error", advice=REPAIR_PACK)
        elif name.kind in ("manifest", "receipt") and name.instance_id is not None:
            active = runs.active(connection, name.instance_id)
            if active is not None and active.sequence == name.number:
                return replace(finding, severity="warning", advice="The backup has not ended: it writes this again.")
        elif name.kind == "revision" and name.revision_kind is not None and (name.object_id or "").isdigit():
            waiting = outbox.is_pending(connection, name.revision_kind, int(name.object_id or 0), name.number or 0)
            if waiting:
                return replace(finding, severity="warning", advice="It waits in the outbox and is written again.")
    return finding


def explained(services: Services, findings: Sequence[Finding]) -> Iterator[Finding]:
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
