"""Restores in tests: asked for and run here and now, in an installation of the test's."""

from typing import Any

from holdfast.catalog import restore_records, restores
from holdfast.catalog.instances import Instance
from holdfast.catalog.restore_records import RestoreRecord
from holdfast.catalog.restores import Restore
from holdfast.operations import restore
from holdfast.operations.restore import RestoreOptions, RestorePlan, reporting
from holdfast.operations.restore.run import run_restore
from tests.support.installation import Installation


def planned(
    installation: Installation, instance: Instance, *, to: Instance | None = None, sequence: int | None = None,
    **options: Any,
) -> RestorePlan:  # fmt: skip
    state = installation.state(instance, sequence)
    return restore.plan(installation.services, instance, state, to or instance, RestoreOptions(**options))


def asked(
    installation: Installation, instance: Instance, *, to: Instance | None = None, sequence: int | None = None,
    **options: Any,
) -> Restore:  # fmt: skip
    state = installation.state(instance, sequence)
    return restore.request_restore(installation.services, instance, state, to or instance, RestoreOptions(**options))


def restored(installation: Installation, instance: Instance, **options: Any) -> Restore:
    """The restore as it ended."""
    made = asked(installation, instance, **options)
    run_restore(installation.services, made.id)
    return ended(installation, made)


def ended(installation: Installation, made: Restore) -> Restore:
    with installation.services.database.read() as connection:
        return restores.get(connection, made.id)


def journal(installation: Installation, made: Restore, endpoint: str) -> list[RestoreRecord]:
    with installation.services.database.read() as connection:
        return list(restore_records.walk(connection, made.id, endpoint))


def report(installation: Installation, made: Restore) -> dict[str, Any]:
    return reporting.read(installation.services, made, installation.customer.id).receipt
