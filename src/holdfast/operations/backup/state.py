"""What a run holds in memory while it goes: its streams with their counters, and the listings under way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.catalog import packs
from holdfast.catalog.counts import Outcome
from holdfast.catalog.seen import Stray
from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.identity import child_key
from holdfast.operations.backup.seen import SeenSlots
from holdfast.operations.services import Services
from holdfast.sources.page import Parent, Position
from holdfast.vault import CustomerVault


@dataclass(frozen=True)
class BackupOptions:
    """What was asked of a run; kept with it as JSON."""

    full: bool = False
    """List everything again, whatever the cursors say."""
    accept_deletions: bool = False
    """Believe a source that says that an implausible share of its records is gone."""
    blobs: bool = True
    """Fetch what blobs are owed."""


class PackNames:
    """The vault's names of packs by their local numbers, remembered: they never change."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self._known: dict[int, str] = {}

    def name(self, number: int) -> str:
        if number not in self._known:
            with self._database.read() as connection:
                self._known.update(packs.object_ids(connection, [number]))
        return self._known[number]


@dataclass(frozen=True)
class RunContext:
    """The run itself: what it works with and what it may write."""

    services: Services
    customer: CustomerVault
    definition: Definition
    variables: Mapping[str, str]
    packs: PackNames
    instance_id: int
    run_id: int
    sequence: int
    lease_token: int
    options: BackupOptions


@dataclass
class Counts:
    """What happened to one endpoint in one run.

    Every record that a page shows counts in `listed` and in just one of new, changed, unchanged, repeated, tombstones,
    skipped and lost.
    `repeated` are records this run had read before; those of them that a first listing showed on another page too are
    `moved`, the others were read by a second, confirming listing.
    """

    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    moved: int = 0
    tombstones: int = 0
    deleted: int = 0
    held: int = 0
    skipped: int = 0
    lost: int = 0
    absent: int = 0
    pages: int = 0
    requests: int = 0
    bytes_read: int = 0
    blobs: int = 0
    blob_bytes: int = 0

    def adds_up(self) -> bool:
        read = self.new + self.changed + self.unchanged + self.repeated + self.tombstones
        return self.listed == read + self.skipped + self.lost

    def changed_nothing(self) -> bool:
        return not (self.new or self.changed or self.deleted or self.blobs)


@dataclass
class Stream:
    """One endpoint of the instance during the run; the catalog's row of it, and what this run has seen and counted."""

    id: int
    ordinal: int
    endpoint: Endpoint
    fingerprint: str
    """Of what the cursors depend on; another one voids them."""
    live: int
    state_sum: bytes
    seen: SeenSlots
    lost: set[str] = field(default_factory=set)
    """Records whose content in the vault was lost: when they are read again they are stored, whatever has changed."""
    strays: dict[str, Stray] = field(default_factory=dict)
    """By record key: unchanged records of global ids that were seen under another parent than they belong to. They stay
    where they are unless that parent's listing turns out not to have them any more."""
    lists_all: bool = False
    """Every scope is listed in full, whatever its cursor."""
    counts: Counts = field(default_factory=Counts)
    outcome: Outcome = "carried"

    @property
    def name(self) -> str:
        return self.endpoint.name


@dataclass
class Listing:
    """One scope being listed: where it stands is what its checkpoint says."""

    stream: Stream
    scope_id: int
    parent: Parent | None
    full: bool
    """A full listing may conclude deletions, a delta never does."""
    cursor: str | None
    """The cursor the listing started from."""
    position: Position | None = None
    """Where to go on; None before the first page and after the last."""
    page_number: int = 0
    """Pages committed so far."""
    read_pages: int = 0
    """Pages read so far: the last ones may not be committed yet."""
    present: int = 0
    """Distinct live records of the scope that this run has seen."""
    reached: str | None = None
    """The greatest cursor value seen so far."""
    resumed: bool = False
    second_pass: bool = False
    ended: bool = False
    settled: bool = False
    """The scope is complete: its cursor has advanced."""
    started: str | None = None
    """When its first page was asked for by the source's clock, ISO 8601: a cursor that is a time never passes it, since
    what changed behind the reader's back did so later."""
    then_full: bool = False
    """When the changes are read, everything is listed as well."""
    was_skipped: bool = False
    """An earlier process of the run has found, and counted, that the parent has no such list."""
    asks_all: bool = False
    """The whole record of every stub is asked for, whatever its version."""
    awaits_proof: bool = False
    """It does not complete its scope by itself: something is to be proved after its last page."""
    sweeps: bool = False
    """The ids of its scope are to be swept after its last page."""
    wants_full: bool = False
    """It has turned out that only a full listing will do."""
    lost: int = 0
    """Records that it showed and that could not be read: with any of them it completes nothing."""
    skipped: int = 0
    """Records that it showed and that are never to be had."""
    read_records: int = 0
    """Records that it showed, however often."""
    counts: list[int] = field(default_factory=list)
    """The source's own counts of the list, taken before and after."""
    totals: list[int] = field(default_factory=list)
    """The least and the greatest number of all records that its pages have told."""
    proof: tuple[int, int, int] | None = None
    """The least and the greatest of those, and the number of records that was compared with them."""
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What the scope remembers beside its cursor, from run to run."""

    @property
    def by_feed(self) -> bool:
        """Its pages are those of a feed of changes."""
        return not self.full and self.stream.endpoint.changes is not None

    @property
    def may_have_slipped(self) -> bool:
        """Of a listing that was read to its end: whether a record may have slipped from a page to be read onto one that
        was read already, since pages go by number and one of their records was deleted meanwhile. That the source
        counts as many before as after shows that none was."""
        endpoint = self.stream.endpoint
        is_numbered = endpoint.within is None and endpoint.paging.type in ("page", "offset")
        if not (self.full and is_numbered) or endpoint.stable or self.second_pass or self.read_pages < 2:
            return False
        told = self.totals if endpoint.count is None else self.counts
        return len(told) < 2 or told[0] != told[-1]

    @property
    def parent_key(self) -> str:
        return "" if self.parent is None else self.parent.key

    @property
    def key_prefix(self) -> str:
        """What all record keys of the scope begin with."""
        if self.parent is None or self.stream.endpoint.global_id:
            return ""
        return child_key(self.parent.key, "")

    def keys_of(self, record_ids: list[str]) -> list[str]:
        """The record keys of records of this listing."""
        if self.parent is None or self.stream.endpoint.global_id:
            return record_ids
        return [child_key(self.parent.key, record_id) for record_id in record_ids]

    def begin_again(self, *, second_pass: bool) -> None:
        """List from the first page once more. What was seen still counts, though no longer as one listing."""
        self.position, self.page_number, self.read_pages, self.ended = None, 0, 0, False
        self.second_pass = self.second_pass or second_pass
        self.resumed = True
        self.lost = self.skipped = self.read_records = 0
        self.totals = []

    def list_in_full(self) -> None:
        """Give the delta up: list everything from the first page."""
        self.go_on_in_full()
        self.lost = 0
        # A feed that has left something out may have left out what no stub's version shows.
        self.cursor, self.reached, self.asks_all = None, None, self.stream.endpoint.changes is not None

    def go_on_in_full(self) -> None:
        """The changes are read: list everything, from the first page. The cursor stays where they ended."""
        lost = self.lost  # the list's stubs may not show that these have changed
        self.begin_again(second_pass=False)
        self.lost = lost
        self.full, self.then_full, self.resumed, self.sweeps, self.wants_full = True, False, False, False, False

    def checkpoint(self) -> dict[str, Any]:
        """What a later process needs to go on, as JSON."""
        return {name: getattr(self, name) for name in _CHECKPOINTED} | {
            "position": None if self.position is None else dict(self.position)
        }

    @property
    def testimony(self) -> dict[str, Any] | None:
        """What of a completed list the receipt tells; None: there is nothing to tell."""
        if self.cursor is None and self.proof is None and self.reached is None:
            return None
        return {"full": self.full, "cursor": self.cursor, "proof": self.proof}

    def restore(self, checkpoint: Mapping[str, Any]) -> None:
        """Take over what an earlier process of the same run had committed. A listing in mid-way counts as resumed."""
        for name in _CHECKPOINTED:
            if name in checkpoint:
                setattr(self, name, checkpoint[name])
        self.resumed = self.resumed or not self.ended
        self.read_pages = self.page_number


_CHECKPOINTED = (
    "full", "cursor", "position", "page_number", "present", "reached", "resumed", "second_pass", "ended", "started",
    "then_full", "asks_all", "lost", "skipped", "read_records", "counts", "proof", "totals",
)  # fmt: skip
