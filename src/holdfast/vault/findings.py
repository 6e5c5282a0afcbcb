"""What a check of the vault says: findings with a severity and advice, and how far it has come. Only the caller decides
whether the vault is good."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "notice"]
"""error: something that was stored cannot be read. warning: everything can be read, but one more fault may change that,
or something is where it should not be. notice: worth knowing, nothing is wrong."""

REPAIR = "`holdfast repair` takes it from a replica, or writes it anew from the catalog."
REPAIR_PACK = (
    "`holdfast repair` takes it from a replica; without one it lets the next backup store anew what the source still "
    "has, and says what cannot be had."
)

KEYS_NAMED_MAX = 20
"""Record keys that a finding lists; it counts the others."""


@dataclass(frozen=True)
class Lost:
    """Records of one endpoint that a damaged or missing object held, or whose blobs, as far as that is known."""

    endpoint: str
    count: int
    keys: tuple[str, ...]
    """The first KEYS_NAMED_MAX of them."""
    kind: Literal["record", "blob"] = "record"

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.keys) else ""
        blobs = "blobs of " if self.kind == "blob" else ""
        return f"{blobs}{self.count} of {self.endpoint} ({', '.join(self.keys)}{more})"


@dataclass(frozen=True)
class Finding:
    """One thing about one object. Fields that are not known, or do not apply, are None or empty."""

    severity: Severity
    object_name: str
    what: str
    advice: str
    customer_id: int | None = None
    instance_id: int | None = None
    sequence: int | None = None
    """The backup (run) of the instance that wrote the object."""
    lost: tuple[Lost, ...] = ()

    def __str__(self) -> str:
        where = "".join(
            f", {word} {value}"
            for word, value in (
                ("customer", self.customer_id),
                ("instance", self.instance_id),
                ("backup", self.sequence),
            )
            if value is not None
        )
        held = "; ".join(map(str, self.lost))
        return f"{self.severity}: {self.object_name}{where}: {self.what}{': ' + held if held else ''}"


@dataclass
class CheckProgress:
    """How far a check has come, in objects and stored bytes."""

    objects: int = 0
    objects_total: int = 0
    size_bytes: int = 0
    size_bytes_total: int = 0
    records: int = 0
    """Record versions seen in footers; in a check of all data each was compared with its digest."""
    read_bytes: int = 0
    read_bytes_total: int = 0
    """As `size_bytes`, without packs of which only footers are read: how long it takes follows from these."""
    position: str = ""
    """The last pack that was proved and told of, in the order of the check: another can go on behind it."""
