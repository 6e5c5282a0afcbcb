"""How records are given back, as a definition says it. The rest of an endpoint is in `document`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from holdfast.definitions.document import JsonTemplate, Paging, RequestBody, Template, Tombstones

__all__ = ["KEY", "Find", "Impossible", "Multipart", "Part", "Reference", "Restore", "Upload", "Write"]

KEY = "idempotency_key"
"""What templates call the text that is the same whenever one write is repeated, and another for every other write."""
Method = Literal["POST", "PUT", "PATCH", "DELETE"]


def texts_within(*values: object) -> list[Template]:
    """Every text in JSON, each of which is a template."""
    found: list[Template] = []
    waiting: list[object] = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, Sequence):
            waiting.extend(value)
    return found


@dataclass(frozen=True)
class Part:
    """One part of a multipart body: a text, JSON, or the record's blob."""

    name: str = ""
    """The form field; a related body has none."""
    text: Template | None = None
    json: JsonTemplate = None
    is_file: bool = False
    filename: Template | None = None
    """Of the blob; None: the name that its endpoint's `blob` gives it, else the record's key."""


@dataclass(frozen=True)
class Multipart:
    """A body of several parts, one of which may be the record's blob, so that both come to be at once."""

    parts: tuple[Part, ...]
    type: Literal["form-data", "related"] = "form-data"
    """`related`: a part is known by its place, and a single one is sent as it is."""

    @property
    def has_file(self) -> bool:
        return any(part.is_file for part in self.parts)


@dataclass(frozen=True)
class Write:
    """A request that changes something at the source. At most one of `body`, `fields`, `multipart` is set."""

    path: Template
    method: Method = "POST"
    query: Mapping[str, Template] = field(default_factory=dict)
    headers: Mapping[str, Template] = field(default_factory=dict)
    body: RequestBody | None = None
    fields: Mapping[str, str] | None = None
    """What is sent: names, each with the selector over the record that gives its value."""
    encoding: Literal["json", "form", "repeated_form"] = "json"
    """Of `fields`."""
    multipart: Multipart | None = None
    select: str = ""
    """Where the record stands in the answer; empty: the answer is the record, or has none."""
    id: tuple[str, ...] = ()
    """Selectors over the whole answer, where its record does not tell its id as listed ones do."""

    changes: Mapping[str, str] = field(default_factory=dict)
    """Fields (dotted) that the source changes by itself when it takes this, each with why."""

    def templates(self) -> list[Template]:
        """Every template in it."""
        found = [self.path, *self.query.values(), *self.headers.values()]
        if self.body is not None:
            found += self.body.templates()
        for part in self.multipart.parts if self.multipart is not None else ():
            found += [text for text in (part.text, part.filename) if text is not None] + texts_within(part.json)
        return found


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
    otherwise: str | None = None
    """What is put where a reference leads to nothing at the target."""


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
    comes_with: str = ""
    """The endpoint of whose records each brings its parent about: this one's records, which nobody can write."""
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
