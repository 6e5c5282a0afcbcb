"""What a prune is going to do and what it has done, as figures for people and machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.operations.retention import EndedRun
from holdfast.storage import Removal


@dataclass(frozen=True)
class PackShare:
    """How much of a pack is still needed."""

    number: int
    size_bytes: int
    raw_bytes: int
    needed_bytes: int
    """Of the raw ones."""
    sequence: int

    @property
    def unused_bytes(self) -> int:
        """About how many of the stored bytes nothing needs."""
        if not self.raw_bytes:
            return 0
        return self.size_bytes * (self.raw_bytes - min(self.needed_bytes, self.raw_bytes)) // self.raw_bytes


@dataclass(frozen=True)
class InstancePlan:
    """What happens to one instance. Bytes are those stored; those after it are estimates."""

    instance_id: int
    customer_id: int
    label: str | None
    kept: Mapping[int, Sequence[str]]
    """Why, by the backup's number."""
    forgotten: tuple[EndedRun, ...]
    versions_dropped: int
    packs: int
    size_bytes: int
    packs_deleted: int
    """Nothing in them is needed."""
    packs_rewritten: int
    """So little in them is needed, or they are so small, that they are written anew without the rest."""
    rewritten_bytes: int
    """What writing them anew costs."""
    freed_bytes: int
    busy: str | None = None
    """Why nothing can happen now."""

    @property
    def does_something(self) -> bool:
        return bool(self.forgotten or self.packs_deleted or self.packs_rewritten)


@dataclass(frozen=True)
class PrunePlan:
    instances: tuple[InstancePlan, ...]

    @property
    def does_something(self) -> bool:
        return any(one.does_something for one in self.instances)

    @property
    def forgotten(self) -> int:
        return sum(len(one.forgotten) for one in self.instances)

    @property
    def size_bytes(self) -> int:
        return sum(one.size_bytes for one in self.instances)

    @property
    def freed_bytes(self) -> int:
        return sum(one.freed_bytes for one in self.instances)


@dataclass
class InstanceReport:
    """What happened to one instance."""

    instance_id: int
    customer_id: int
    label: str | None
    forgotten: int = 0
    versions_dropped: int = 0
    packs_deleted: int = 0
    packs_written: int = 0
    freed_bytes: int = 0
    """Deleted less written."""
    manifests_replaced: int = 0
    locked: int = 0
    """Objects that an object lock keeps for now, a policy at work; a later prune deletes them."""
    locked_until: datetime | None = None
    """When the last of these locks ends, as far as it is known."""
    refused: int = 0
    """Objects that the credential may not delete; the next prune tries again."""
    hidden: int = 0
    """Objects that are deleted, but whose earlier versions the bucket keeps and this credential may not delete."""
    hidden_bytes: int = 0
    """Their size, where it is known: not given back."""
    postponed: str | None = None
    """Why it was left as it is, or half done; the next prune goes on."""
    damaged: list[str] = field(default_factory=list)
    """Packs that should have been written anew and cannot be read; they stay."""

    def note(self, removal: Removal, size_bytes: int = 0) -> bool:
        """Count what came of deleting an object; answers whether nobody sees it any more."""
        if removal.is_locked:
            self.locked += 1
            ends = [one for one in (self.locked_until, removal.locked_until) if one is not None]
            self.locked_until = max(ends, default=None)
        self.refused += removal.is_refused
        if removal.is_hidden:
            self.hidden += 1
            self.hidden_bytes += size_bytes
        return not removal.is_there


@dataclass
class PruneReport:
    instances: list[InstanceReport] = field(default_factory=list)
    orphans_deleted: int = 0
    orphan_bytes: int = 0
    problems: list[str] = field(default_factory=list)
    """Why broken-off writes were not looked for."""

    @property
    def freed_bytes(self) -> int:
        return self.orphan_bytes + sum(one.freed_bytes for one in self.instances)

    @property
    def is_complete(self) -> bool:
        """Everything that was planned was done, but for what a lock keeps longer."""
        return not self.problems and not any(one.postponed or one.refused or one.damaged for one in self.instances)
