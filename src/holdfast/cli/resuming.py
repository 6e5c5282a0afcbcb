"""The restore that is open at a target: whether a command means that one, and may go on with it.

What is asked for and written otherwise, `restoring` says.
"""

import shlex
from typing import TYPE_CHECKING

from holdfast.cli.output import moment
from holdfast.errors import Conflict

if TYPE_CHECKING:
    from holdfast.catalog.instances import Instance
    from holdfast.catalog.restores import Restore
    from holdfast.cli.session import Session
    from holdfast.operations.browsing import State
    from holdfast.operations.restore import RestoreOptions


def open_at(session: "Session", target: "Instance") -> "Restore | None":
    """Changes nothing."""
    from holdfast.catalog import restores

    with session.services.database.read() as connection:
        return restores.active_at(connection, target.id)


def refuse_another(
    session: "Session", found: "Restore", instance: "Instance", state: "State", target: "Instance",
    options: "RestoreOptions",
) -> None:  # fmt: skip
    """Raises Conflict where the open restore is not the one that is asked for."""
    from holdfast.operations.restore import RestoreOptions

    is_same = found.instance_id == instance.id and found.run_id == state.run.id
    if is_same and RestoreOptions.of(found.options) == options:
        return
    command, name = command_of(session, found)
    goes_on = (
        "It only makes a plan: wait for its end" if found.options.get("dry_run") else f"`{command}` goes on with it"
    )
    raise Conflict(
        f"another restore to {target.label} is open: {found.id}, {told(found)}",
        code="restore_active", hint=f"{goes_on}, `holdfast restores {shlex.quote(name)} {found.id} --cancel` ends it.",
    )  # fmt: skip


def told(restore: "Restore") -> str:
    """What an open restore is, in words."""
    from holdfast.operations.restore import RestoreOptions

    options = RestoreOptions.of(restore.options)
    what = "everything" if options.endpoint is None else options.endpoint
    if options.record is not None:
        what += f" {options.record}"
    if options.where:
        what += f" where {' and '.join(options.where)}"
    return f"{what} of backup {restore.sequence}, asked for {moment(restore.queued_at)}, {options.on_conflict}"


def command_of(session: "Session", restore: "Restore") -> tuple[str, str]:
    """The command that goes on with an open restore, and the name of the instance whose backup it is."""
    from holdfast.catalog import instances
    from holdfast.operations.restore import RestoreOptions

    options = RestoreOptions.of(restore.options)
    with session.services.database.read() as connection:
        name = instances.get(connection, restore.instance_id).label or str(restore.instance_id)
        target = instances.get(connection, restore.target_id).label or str(restore.target_id)
    words = ["holdfast", "restore", name, "--backup", str(restore.sequence)]
    if options.endpoint is not None:
        words += ["--endpoint", options.endpoint]
    if options.record is not None:
        words += ["--record", options.record]
    for condition in options.where:
        words += ["--where", condition]
    if restore.target_id != restore.instance_id:
        words += ["--to", target]
    if options.on_conflict != "skip":
        words += ["--on-conflict", options.on_conflict]
    return shlex.join(words), name
