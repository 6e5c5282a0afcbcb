"""What a restore would do, without doing it: a dry run that reads the target and writes nothing."""

import asyncio
from dataclasses import asdict, dataclass, field
from typing import Any

from holdfast.catalog import runs
from holdfast.catalog.instances import Instance
from holdfast.catalog.restore_records import BLOB_NOT_COMPARED, DIFFERS
from holdfast.definitions.document import Endpoint
from holdfast.operations.browsing import State
from holdfast.operations.restore import blobs
from holdfast.operations.restore.comparing import is_equal
from holdfast.operations.restore.context import Context, Given, given, opened
from holdfast.operations.restore.deciding import Decider, Decision
from holdfast.operations.restore.looking import Looker
from holdfast.operations.restore.options import RestoreOptions
from holdfast.operations.restore.steps import comes_by_itself, needs_update, reads_back
from holdfast.operations.services import Services

_GUESSED_S = 0.1
"""How long a request takes where none was made."""
_REASONS_KEPT = 50
WRITTEN = frozenset({"create", "update", "undelete"})


@dataclass
class EndpointPlan:
    """How many of an endpoint's chosen records are to become what."""

    endpoint: str
    create: int = 0
    update: int = 0
    undelete: int = 0
    leave: int = 0
    leave_differing: int = 0
    """Of those left alone: what is there is otherwise than it was."""
    blobs_not_compared: int = 0
    """Of those left alone as they were: nothing in the record tells whether its blob is."""
    impossible: int = 0
    blobs: int = 0
    """Blobs that are put back with them."""
    blobs_left_out: int = 0
    """Blobs of records that are written, which the definition does not say how to put back."""
    duplicates: int = 0
    """Of those created."""
    requests: int = 0
    """Writing and reading back."""
    below_new: int = 0
    """Records whose parent is made first, so that nobody could look what is there."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why records are left alone or impossible, each with how many."""

    def add(self, decision: Decision) -> None:
        setattr(self, decision.action, getattr(self, decision.action) + 1)
        self.leave_differing += decision.action == "leave" and decision.why == DIFFERS
        self.blobs_not_compared += decision.why == BLOB_NOT_COMPARED
        self.duplicates += decision.is_duplicate
        self.below_new += decision.below_new
        if decision.why is not None and (decision.why in self.reasons or len(self.reasons) < _REASONS_KEPT):
            self.reasons[decision.why] = self.reasons.get(decision.why, 0) + 1
        if decision.action in WRITTEN:
            uploads = decision.has_blob and blobs.puts_back(decision.endpoint, decision.action)
            self.blobs += uploads
            self.blobs_left_out += decision.has_blob and not uploads
            writes = 0 if comes_by_itself(decision.endpoint, decision.action) else writes_of(decision)
            self.requests += writes + reads_back(decision.endpoint)
            self.requests += blobs.requests(decision.endpoint, decision.action) if decision.has_blob else 0


@dataclass
class RestorePlan:
    endpoints: list[EndpointPlan]
    requests: int = 0
    """Requests of the restore: looking, writing, reading back."""
    remarks: list[str] = field(default_factory=list)
    """What is to be known of the backup that is restored, for people."""
    seconds: float = 0.0
    """How long it takes, about: by the definition's limits and by how long the target took to answer just now."""

    def total(self, name: str) -> int:
        return sum(getattr(one, name) for one in self.endpoints)

    @property
    def writes(self) -> int:
        """Records that are created, updated or undeleted."""
        return self.total("create") + self.total("update") + self.total("undelete")

    @property
    def is_there(self) -> bool:
        """Whether everything that was chosen is at the target as it was already."""
        return not (self.writes or self.total("impossible") or self.total("leave_differing"))

    def document(self) -> dict[str, Any]:
        names = (
            "create", "update", "undelete", "leave", "leave_differing", "blobs_not_compared", "impossible", "blobs",
            "blobs_left_out",
        )  # fmt: skip
        return {
            **{name: self.total(name) for name in names},
            "requests": self.requests,
            "seconds": round(self.seconds, 1),
            "remarks": self.remarks,
            "endpoints": [asdict(one) for one in self.endpoints],
        }


def plan(
    services: Services, instance: Instance, state: State, target: Instance, options: RestoreOptions
) -> RestorePlan:  # fmt: skip
    """Look at the target and say what a restore would do. Raises InputError, SourceError."""
    return asyncio.run(_plan(given(services, instance, state, target, options)))


async def _plan(what: Given) -> RestorePlan:
    async with opened(what) as context:
        return await plan_in(context)


async def plan_in(context: Context) -> RestorePlan:
    """The plan, by a source that is open."""
    looker = Looker(context)
    decider = Decider(context, looker)
    made, new_lists = [], 0
    for endpoint in context.options.endpoints(context.definition):
        planned = EndpointPlan(endpoint.name)
        new_parents: set[str] = set()
        written: set[str] = set()
        async for decision in decider.endpoint(endpoint):
            planned.add(decision)
            if decision.below_new:
                new_parents.add(decision.parent_key)
            if decision.action in WRITTEN:
                written.add(decision.parent_key)
            if decision.is_duplicate:
                continue  # what lies below the original, or refers to it, still does
            if decision.action in {"create", "undelete"}:
                context.ties.expect(endpoint, decision.key, decision.parent_key, decision.fields)
            elif decision.live is not None:
                live = decision.live
                context.ties.remember(
                    endpoint.name,
                    context.ties.learned(
                        endpoint, decision.key, decision.parent_key, decision.fields, live.fields, live.id
                    ),
                )
        # A new parent is looked at, and so is what it may have below it by itself.
        new_lists += 2 * len(new_parents)
        if not reads_back(endpoint):
            planned.requests += len(written) * _pages(endpoint)
        made.append(planned)
    looks = context.source.requests
    requests = looks + new_lists + sum(one.requests for one in made)
    # Of the answers alone: the vault's reading and the wait for the limits are no more for many requests than for few.
    took = context.source.answered_s / looks if looks else _GUESSED_S
    limits = context.definition.connection.limits
    slowest = requests / limits.requests * limits.per.total_seconds() if limits.requests else 0.0
    return RestorePlan(made, requests, _remarks(context.given), max(requests * took, slowest))


def _remarks(what: Given) -> list[str]:
    run = what.state.run
    if run.status == "successful":
        return []
    with what.services.database.read() as connection:
        complete = runs.newest_ended(connection, run.instance_id, at=run.ended_at, status="successful")
    told = "there is no complete one before it" if complete is None else f"the last complete one is {complete.sequence}"
    ended = "failed" if run.status == "failed" else "was canceled"
    return [f"backup {run.sequence} {ended}; {told}"]


def writes_of(decision: Decision) -> int:
    """The requests that a decision's write is made of."""
    restore = decision.endpoint.restore
    assert restore is not None, "something is written"
    updates = decision.action == "create" and needs_update(decision.endpoint, decision.fields)
    uploads = decision.has_blob and restore.blob is not None
    looks = updates and uploads and reads_back(decision.endpoint)
    if decision.action == "undelete" and restore.update is not None and decision.live is not None:
        changes = {**(restore.undelete.changes if restore.undelete is not None else {}), **decision.instead}
        if restore.trashed is not None:
            changes[restore.trashed.field] = "it is taken out of the trash"
        updates = not is_equal(decision.endpoint, decision.fields, decision.live.fields, changes)
        looks = updates and reads_back(decision.endpoint)
    return 1 + updates + uploads + looks


def _pages(endpoint: Endpoint) -> int:
    """The least number of requests in which a list that has records is read to its end."""
    paging = endpoint.paging
    ends_empty = paging.type in {"page", "offset"} and not (paging.total_pages or paging.total or paging.has_more)
    return 2 if ends_empty else 1
