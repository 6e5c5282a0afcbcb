"""What came of a repair, as data for people and machines."""

from dataclasses import dataclass, field

from holdfast.vault.findings import Finding, Lost


@dataclass(frozen=True)
class Mended:
    """One object that is whole again."""

    object_name: str
    how: str


@dataclass(frozen=True)
class Waiting:
    """What the next backup of an instance stores anew."""

    object_name: str
    customer_id: int
    instance_id: int
    label: str | None
    held: tuple[Lost, ...]


@dataclass(frozen=True)
class NotHad:
    """What is lost for good: no replica has it, and the source has it no more, or not in that version."""

    object_name: str
    customer_id: int
    instance_id: int
    held: tuple[Lost, ...]
    is_forgotten: bool = False
    """The backups no longer claim to have it, and say so."""


@dataclass
class RepairReport:
    mended: list[Mended] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    not_had: list[NotHad] = field(default_factory=list)
    problems: list[Finding] = field(default_factory=list)
    """What stood in the way, with what to do."""
    left: list[Finding] = field(default_factory=list)
    """What a check finds now."""

    @property
    def is_whole(self) -> bool:
        """Nothing is lost or damaged any more."""
        return not any(finding.severity == "error" for finding in (*self.problems, *self.left))
