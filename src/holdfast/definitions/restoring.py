"""How records are given back, as a definition says it. The rest of an endpoint is in `document`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from holdfast.definitions.document import Paging, RequestBody, Template, Tombstones

__all__ = ["KEY", "Find", "Impossible", "Reference", "Restore", "Upload", "Write"]

KEY = "idempotency_key"
"""What templates call the text that is the same whenever one write is repeated, and another for every other write."""
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Write:
    """A request that changes something at the source. At most one of `body` and `fields` says what is sent."""

    path: Template
    method: Method = "POST"
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    body: RequestBody | None = None
    fields: Mapping[str, str] | None = None
    """What is sent: names, each with the selector over the record that gives its value."""
    encoding: Literal["json", "form"] = "json"
    """Of `fields`."""
    select: str = ""
    """Where the record stands in the answer; empty: the answer is the record, or has none."""
    id: tuple[str, ...] = ()
    """Selectors over the whole answer, where its record does not tell its id as listed ones do."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """Fields (dotted) that the source changes by itself when it takes this, each with why."""

    def templates(self) -> list[Template]:
        """Every template in it."""
        own = [self.path, *self.query.values(), *self.headers.values()]
        return own + (self.body.templates() if self.body is not None else [])


@dataclass(frozen=True)
class Upload:
    """How a record's blob is put back once the record is there."""

    path: Template
    method: Method = "POST"
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    part: str | None = None
    """The part of a multipart form that is the file; None: the file is the whole body."""
    changes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Find:
    """How a record that is at the source already is known again when its id is not: its values at `by` are equal.

    Without `path` it is looked for in the endpoint's own list.
    """

    by: tuple[str, ...]
    path: Template | None = None
    query: Mapping[str, Template] = field(default_factory=dict)
    records: str = ""
    paging: Paging | None = None


@dataclass(frozen=True)
class Reference:
    """A field that holds the id of a record of `endpoint`, or what that record has in `field`."""

    endpoint: str
    field: str = ""
    required: bool = True
    """A record is impossible whose reference leads to nothing at the target; else what stood there stays."""


@dataclass(frozen=True)
class Impossible:
    """Records for which `when` gives something cannot be restored."""

    because: str
    when: str = ""
    """Empty: none can."""


@dataclass(frozen=True)
class Restore:
    """How the records of one endpoint are restored."""

    create: Write | None = None
    update: Write | None = None
    undelete: Write | None = None
    trashed: Tombstones | None = None
    """How a record says that it can be undeleted."""
    keeps_id: bool = False
    """A created record has the id it had."""
    then_update: str = ""
    """Over the record: where this gives something, the update follows the creation, for what only that can set."""
    find: Find | None = None
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Fields (dotted) that the source sets itself, each with why."""
    references: Mapping[str, Reference] = field(default_factory=dict)
    """By the field (dotted) that refers."""
    after: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    """Selectors over a record, by whose values they are written one after the other; empty: by their ids."""
    rename: tuple[str, ...] = ()
    """Fields (dotted) that tell a duplicate from the original."""
    blob: Upload | None = None
    impossible: tuple[Impossible, ...] = ()

    @property
    def never(self) -> str | None:
        """Why no record of the endpoint can be restored; None: some can."""
        return next((one.because for one in self.impossible if not one.when), None)

    def writes(self) -> dict[str, Write]:
        """The requests it has, by their keys."""
        found = {"create": self.create, "update": self.update, "undelete": self.undelete}
        return {key: write for key, write in found.items() if write is not None}
