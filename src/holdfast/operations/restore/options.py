"""What is asked of a restore: which records, and what becomes of those that are there and differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from holdfast.definitions.document import Definition, Endpoint
from holdfast.errors import InputError
from holdfast.operations.browsing import Browser, State, StoredRecord
from holdfast.operations.search.matching import Matcher
from holdfast.operations.search.query import Query

Conflict = Literal["skip", "overwrite", "duplicate"]
CONFLICTS: tuple[Conflict, ...] = get_args(Conflict)
_AT_ONCE = 500


@dataclass(frozen=True)
class RestoreOptions:
    """Neither endpoint nor record nor condition: everything. Kept with the restore as JSON."""

    endpoint: str | None = None
    record: str | None = None
    """A record's key within `endpoint`."""
    where: Sequence[str] = field(default_factory=tuple)
    """Conditions on fields, as a search has them; all must hold."""
    on_conflict: Conflict = "skip"
    dry_run: bool = False

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """Those that are kept with a restore."""
        known = {name: value for name, value in kept.items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "where": tuple(known.get("where", ()))})

    def check(self, definition: Definition) -> None:
        """Raises InputError for what makes no sense together or with this definition."""
        if self.on_conflict not in CONFLICTS:
            raise InputError(f"on_conflict is one of {', '.join(CONFLICTS)}", field="on_conflict")
        if self.record is not None and self.endpoint is None:
            raise InputError("a record is one of an endpoint: say which", field="endpoint")
        if self.where:
            Query.parse(None, self.where)
        names = [one.name for one in definition.endpoints]
        if self.endpoint is not None and self.endpoint not in names:
            hint = f"There are: {', '.join(names)}."
            raise InputError(f"there is no endpoint {self.endpoint}", field="endpoint", hint=hint, code="not_found")

    def endpoints(self, definition: Definition) -> list[Endpoint]:
        """Those of which something may be restored, in the order in which they are."""
        return [one for one in definition.restored() if self.endpoint in (None, one.name)]

    def records(self, browser: Browser, state: State, endpoint: str) -> Iterator[list[StoredRecord]]:
        """The records that were chosen, ascending by key, some at a time. Raises NotFound for one that is not there."""
        if self.record is not None:
            yield [browser.record(state, endpoint, self.record)]
            return
        if all(one.name != endpoint for one in browser.endpoints(state)):
            return  # the definition has it, and the backup not yet
        matcher = Matcher(Query.parse(None, self.where)) if self.where else None
        after: str | None = None
        while page := browser.records(state, endpoint, after=after, limit=_AT_ONCE):
            after = page[-1].key
            chosen = page if matcher is None else [one for one in page if matcher.matches(one.raw, one.raw)]
            if chosen:
                yield chosen
