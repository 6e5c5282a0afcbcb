"""Checks a customer's manifests and forgotten objects, and finds out which manifests count and what packs they name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from holdfast.errors import Damaged, ObjectMissing
from holdfast.vault import forgotten, manifests, names
from holdfast.vault.check_packs import Origin
from holdfast.vault.findings import REPAIR, Finding
from holdfast.vault.manifests import Manifest
from holdfast.vault.vault import CustomerVault

Count = Callable[[int], None]


@dataclass
class CustomerManifests:
    """What a customer's manifests say, as far as they can be read."""

    chains: dict[int, list[Manifest]] = field(default_factory=dict)
    """By instance: the manifests that count, ascending."""
    origins: dict[str, Origin] = field(default_factory=dict)
    """By pack that one of them names: the run whose manifest it is."""
    applied: set[str] = field(default_factory=set)
    """The packs whose operations count; the others are kept for their chunks."""


def check_manifests(customer: CustomerVault, count: Count, found: CustomerManifests) -> Iterator[Finding]:
    """Read all manifests of a customer into `found`. `count` hears of each object's size."""
    customer_id = customer.customer_id
    by_instance: dict[int, dict[int, Manifest]] = {}
    unread: dict[tuple[int, int], list[Finding]] = {}
    for info in customer.storage.list(f"manifests/{customer_id}/"):
        name = names.parse(info.name)
        if name is None or name.instance_id is None or name.number is None:
            continue
        count(info.size_bytes)
        run = (name.instance_id, name.number)
        try:
            manifest = manifests.decode(customer.keys, info.name, customer.storage.get(info.name))
        except (Damaged, ObjectMissing) as error:
            unread.setdefault(run, []).append(_unreadable(customer_id, info.name, run, error))
            continue
        by_instance.setdefault(name.instance_id, {})[name.number] = manifest
    for (instance_id, sequence), findings in unread.items():
        can_be_read = sequence in by_instance.get(instance_id, {})
        yield from map(_broken_off, findings) if can_be_read else findings
    for instance_id, by_sequence in by_instance.items():
        chain, missing = _chain(customer, instance_id, by_sequence.values())
        found.chains[instance_id] = chain
        if missing is not None and (instance_id, missing) not in unread:
            yield Finding(
                "error",
                names.manifest(customer_id, instance_id, missing, 1),
                f"is missing: backup {chain[0].sequence} and later ones build on it",
                REPAIR,
                customer_id,
                instance_id,
                missing,
            )
        if missing is not None:
            # What lies before the gap still counts for the backups there.
            found.chains[instance_id] = chain = sorted(by_sequence.values(), key=lambda one: one.sequence)
        counted = {one.sequence for one in chain}
        for sequence, manifest in sorted(by_sequence.items()):
            if sequence not in counted:
                yield _left_over(manifest)
        for manifest in chain:
            origin = Origin(instance_id, manifest.sequence)
            found.origins.update(dict.fromkeys((*manifest.packs, *manifest.contents), origin))
            found.applied.update(manifest.packs)


def check_forgotten(customer: CustomerVault, count: Count) -> Iterator[Finding]:
    for info in customer.storage.list(f"forgotten/{customer.customer_id}/"):
        name = names.parse(info.name)
        if name is None:
            continue
        count(info.size_bytes)
        try:
            forgotten.decode(customer.keys, info.name, customer.storage.get(info.name))
        except (Damaged, ObjectMissing) as error:
            yield Finding(
                "warning",
                info.name,
                f"cannot be read ({error}): which backups a prune has dropped is not known",
                REPAIR,
                customer.customer_id,
                name.instance_id,
            )


def still_named(customer: CustomerVault, pack_id: str, origin: Origin) -> bool:
    """Whether a manifest that counts names the pack now: a prune may have replaced it since it was read."""
    found = customer.read_manifests(origin.instance_id, lambda _, __: None)
    chain, _ = _chain(customer, origin.instance_id, found)
    return any(pack_id in manifest.packs or pack_id in manifest.contents for manifest in chain)


def _chain(
    customer: CustomerVault, instance_id: int, found: Iterable[Manifest]
) -> tuple[list[Manifest], int | None]:  # fmt: skip
    return forgotten.chain(customer.storage, customer.keys, customer.customer_id, instance_id, found)


def _unreadable(customer_id: int, object_name: str, run: tuple[int, int], error: Exception) -> Finding:
    return Finding(
        "error",
        object_name,
        f"cannot be read ({error}): which packs belong to this backup is not known",
        REPAIR,
        customer_id,
        *run,
    )


def _broken_off(finding: Finding) -> Finding:
    return Finding(
        "warning",
        finding.object_name,
        f"{finding.what.partition(': which')[0]}, but another one of this backup can",
        "A prune was broken off: the next `holdfast prune` writes it again or deletes it.",
        finding.customer_id,
        finding.instance_id,
        finding.sequence,
    )


def _left_over(manifest: Manifest) -> Finding:
    return Finding(
        "notice",
        names.manifest(manifest.customer_id, manifest.instance_id, manifest.sequence, manifest.generation),
        "was dropped by a prune that was broken off before it deleted it",
        "`holdfast prune` brings it to its end.",
        manifest.customer_id,
        manifest.instance_id,
        manifest.sequence,
    )
