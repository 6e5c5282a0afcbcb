"""What a restore works with: the backup it reads, the source it writes to, what ties the two."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from holdfast.catalog import definitions, instances, leases, runs, scopes
from holdfast.catalog.instances import Instance
from holdfast.catalog.restores import Restore
from holdfast.definitions.document import Definition, Endpoint
from holdfast.definitions.drafts import is_draft
from holdfast.definitions.identity import split_child_key
from holdfast.definitions.loading import load
from holdfast.errors import InputError, NotFound
from holdfast.ids import new_id
from holdfast.operations import revisions, variables
from holdfast.operations.backup.sharing import sharing
from holdfast.operations.browsing import Browser, State, StoredRecord
from holdfast.operations.restore.options import RestoreOptions
from holdfast.operations.restore.ties import Ties
from holdfast.operations.services import Services
from holdfast.sources.source import Source
from holdfast.sources.splitter import decode_leniently

TokenRotated = Callable[[str, str], None]


@dataclass(frozen=True)
class Given:
    """What is restored, and where to: everything but the connection to the source."""

    services: Services
    definition: Definition
    state: State
    target: Instance
    options: RestoreOptions
    variables: Mapping[str, str]

    @property
    def in_place(self) -> bool:
        return self.state.instance_id == self.target.id


@dataclass(frozen=True)
class Context:
    """`Given`, with a source that is open."""

    given: Given
    source: Source
    browser: Browser
    ties: Ties
    restore: Restore | None = None
    """None: a plan that nobody has queued, nothing is written anywhere."""
    lease_token: int = 0

    @property
    def definition(self) -> Definition:
        return self.given.definition

    @property
    def options(self) -> RestoreOptions:
        return self.given.options

    @property
    def only_plans(self) -> bool:
        """Whether nothing is made: what would be is expected then, not looked for."""
        return self.restore is None or self.options.dry_run

    def finds_by_id(self, endpoint: Endpoint) -> bool:
        """Whether a record's id means the same record at the target."""
        return self.given.in_place or (endpoint.restore is not None and endpoint.restore.keeps_id)

    def parent_keys(self, endpoint: Endpoint, records: list[StoredRecord]) -> list[str]:
        """The keys of the records' parents; where they may be of several endpoints, with its name before it."""
        if not endpoint.parents:
            return [""] * len(records)
        with self.given.services.database.read() as connection:
            found = scopes.parent_keys(connection, {one.row.scope for one in records if one.row.scope is not None})
        return [found.get(one.row.scope or -1, "") for one in records]


def given(
    services: Services, instance: Instance, state: State, target: Instance, options: RestoreOptions
) -> Given:  # fmt: skip
    """Raises InputError for what cannot go together, and where the definition or its variables do not suffice."""
    if instance.definition_id != target.definition_id:
        raise InputError("a restore goes to an instance of the same definition", field="to", code="other_definition")
    if instance.customer_id != target.customer_id:
        raise InputError("a restore goes to an instance of the same customer", field="to", code="other_customer")
    if state.run.ended_at is None:
        raise InputError(f"backup {state.run.sequence} has not ended yet", field="backup_id", code="not_ended")
    with services.database.read() as connection:
        known = definitions.get(connection, target.definition_id, deleted=True)
        revision_id = known.revision_id
        document = None if revision_id is None else definitions.revision(connection, revision_id).document
    if document is None or is_draft(document):
        raise InputError(f"the definition {known.name} has no document", code="no_document")
    definition = load(document, known.name)
    options.check(definition)
    return Given(services, definition, state, target, options, variables.values(services, target, definition))


def given_again(services: Services, restore: Restore) -> Given:
    """The same for a restore that was asked for. Raises InputError, NotFound."""
    with services.database.read() as connection:
        instance = instances.get(connection, restore.instance_id)
        target = instances.get(connection, restore.target_id)
        run = runs.get(connection, restore.run_id, instance_id=instance.id)
    state = Browser(services).state(instance, backup_id=run.id)
    if state is None:
        raise NotFound(f"no backup {restore.run_id}", field="backup_id")
    return given(services, instance, state, target, RestoreOptions.of(restore.options))


@asynccontextmanager
async def opened(what: Given, restore: Restore | None = None, lease_token: int = 0) -> AsyncIterator[Context]:
    """The source of the target, to be looked at and, with a `restore`, to be written to."""
    services, target = what.services, what.target

    def keep(key: str, value: str) -> None:
        """A refresh token that the source has replaced is worth nothing any more: the new one is kept first."""
        with services.database.write() as connection:
            if restore is not None:
                leases.fence(connection, target.id, lease_token)
            sealed = variables.seal(services.vault.customer(target.customer_id), target.id, {key: value})
            instances.set_variables(connection, target.id, sealed)
            revisions.instance_changed(connection, target.id)
        revisions.flush(services)

    share = sharing(
        services, what.definition, what.variables, f"{new_id() if restore is None else restore.id}/{lease_token}"
    )
    async with Source(what.definition, what.variables, services.network, token_rotated=keep, share=share) as source:
        ties = Ties(services.database, what.definition, what.state.instance_id, target.id)
        yield Context(what, source, Browser(services), ties, restore, lease_token)


def fields_of(raw: bytes) -> dict[str, Any]:
    """A record, decoded. `sources` lets only objects through."""
    fields = decode_leniently(raw)
    assert isinstance(fields, dict)
    return fields


def parent_place(endpoint: Endpoint, parent_key: str) -> tuple[str, str]:
    """The parent endpoint's name and the key of its record, of a key that may have the name before it."""
    if len(endpoint.parents) == 1:
        return endpoint.parents[0], parent_key
    return split_child_key(parent_key)
