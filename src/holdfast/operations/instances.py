"""Backup instances: one definition applied to one customer, with the values of its variables."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from holdfast.catalog import customers, definitions, instances, runs, scopes
from holdfast.catalog.instances import Instance
from holdfast.clock import now
from holdfast.definitions.document import Definition
from holdfast.errors import Conflict, InputError
from holdfast.ids import new_id
from holdfast.operations import acting, revisions, variables
from holdfast.operations.definitions import loaded
from holdfast.operations.schedule import OFF, Schedule, next_due
from holdfast.operations.services import Services


def create(
    services: Services,
    customer_id: int,
    definition_id: int,
    *,
    label: str | None = None,
    given: Mapping[str, str] | None = None,
    schedule: Schedule = OFF,
) -> Instance:
    """A new instance with these values. Raises InputError for a key that the definition does not have and for an empty
    secret, Conflict for a label that is taken."""
    with services.database.read() as connection:
        customers.get(connection, customer_id)
        definition = definitions.get(connection, definition_id)
    check_values(loaded(services, definition), given or {})
    customer = services.vault.create_customer(customer_id)
    with services.database.write() as connection:
        instance_id = new_id()
        made = instances.create(
            connection,
            customer_id,
            definition_id,
            label=label,
            frequency=schedule.frequency,
            cron=schedule.cron,
            time_zone=schedule.time_zone,
            next_due_at=next_due(schedule, instance_id, now()),
            instance_id=instance_id,
        )
        instances.set_variables(connection, made.id, variables.seal(customer, made.id, given or {}))
        revisions.instance_changed(connection, made.id)
        acting.note_of_instance(connection, made.id, "instance.create", "instance", made.id, schedule=schedule.text)
    revisions.flush(services)
    return made


def set_variables(
    services: Services, instance: Instance, given: Mapping[str, str], *, only_new: bool = False
) -> None:  # fmt: skip
    """Set these values, keep the others. Raises InputError for a key that the definition does not have and for an empty
    secret, and with `only_new` Conflict for one that has a value."""
    with services.database.read() as connection:
        definition = definitions.get(connection, instance.definition_id, deleted=True)
    described = loaded(services, definition)
    check_values(described, given)
    customer = services.vault.customer(instance.customer_id)
    with services.database.write() as connection:
        taken = set(given) & instances.variables(connection, instance.id).keys() if only_new else set()
        for key in taken:
            raise Conflict(f"{key} has a value already", field="key", code="taken")
        instances.set_variables(connection, instance.id, variables.seal(customer, instance.id, given))
        if described is not None and (grant := described.connection.auth.oauth2) and grant.refresh_token in given:
            # Unlike other credentials it is no part of what cursors depend on, since the source changes it at will; one
            # that a person sets may be another account's.
            scopes.void_instance(connection, instance.id)
        revisions.instance_changed(connection, instance.id)
        acting.note_of_instance(connection, instance.id, "instance.variables", "instance", instance.id, keys=[*given])
    revisions.flush(services)


def remove(services: Services, instance: Instance) -> None:
    """The instance is backed up no more and no longer listed; an active backup is canceled. Its backups stay in the
    vault until they are pruned."""
    with services.database.write() as connection:
        active = runs.active(connection, instance.id)
        if active is not None:
            runs.request_cancel(connection, active.id)
        instances.mark_deleted(connection, instance.id, now())
        revisions.instance_changed(connection, instance.id)
        acting.note_of_instance(connection, instance.id, "instance.delete", "instance", instance.id)
    revisions.flush(services)


def check_keys(definition: Definition | None, given: Iterable[str]) -> None:
    """Raises InputError for the first key that is no variable of the definition."""
    known = [] if definition is None else [variable.key for variable in definition.variables]
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise InputError(
                f"there is no variable {key!r}" + (f": did you mean {near[0]!r}?" if near else ""),
                field=key,
                code="unknown_variable",
                hint=f"The definition has: {', '.join(known) or 'none'}.",
            )


def check_values(definition: Definition | None, given: Mapping[str, str]) -> None:
    """Raises InputError for a key that is no variable, and for a secret without any text: nearly always an environment
    variable or a file that is not what somebody takes it for."""
    check_keys(definition, given)
    for variable in [] if definition is None else definition.variables:
        if variable.secret and not given.get(variable.key, "x").strip():
            raise InputError(
                f"the secret {variable.key} is empty",
                field=variable.key,
                code="missing",
                hint="Give it the credential that the source expects.",
            )
