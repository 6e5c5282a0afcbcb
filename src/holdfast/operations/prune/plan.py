"""What a prune is going to do and what it has done, as figures for people and machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.operations.retention import EndedRun


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
    refused: int = 0
    """Packs that an object lock or missing rights keep from being deleted; the next prune tries again."""
    postponed: str | None = None
    """Why it was left as it is, or half done; the next prune goes on."""
    damaged: list[str] = field(default_factory=list)
    """Packs that should have been written anew and cannot be read; they stay."""


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
        """Everything that was planned was done."""
        return not self.problems and not any(one.postponed or one.refused or one.damaged for one in self.instances)
