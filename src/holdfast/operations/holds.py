"""Legal holds: placing and releasing them. `retention` and `erase` keep to them."""

from holdfast.catalog import audit, customers, holds, instances, runs
from holdfast.catalog.holds import Hold
from holdfast.clock import now
from holdfast.errors import InputError
from holdfast.operations import revisions
from holdfast.operations.services import Services


def place(
    services: Services,
    customer_id: int,
    reason: str,
    *,
    actor: str,
    instance_id: int | None = None,
    run_id: int | None = None,
) -> Hold:
    """Keep everything of a customer, or of one instance, or one backup of it, until the hold is released.

    Raises NotFound, InputError for a hold without a reason.
    """
    if not reason.strip():
        raise InputError("a hold needs a reason: whoever wants to release it later will ask", field="reason")
    with services.database.write() as connection:
        customer = customers.get(connection, customer_id)
        if instance_id is not None:
            instances.get(connection, instance_id, customer_id=customer_id, deleted=True)
        if run_id is not None:
            runs.get(connection, run_id, instance_id=instance_id)
        hold = holds.place(connection, customer_id, reason.strip(), instance_id=instance_id, run_id=run_id)
        audit.add(connection, customer.vendor_id, actor, "hold.place", "hold", hold.id)
        revisions.hold_changed(connection, hold.id)
    revisions.flush(services)
    return hold


def release(services: Services, hold_id: int, *, actor: str) -> Hold:
    """What the hold kept may go again. Raises NotFound."""
    with services.database.write() as connection:
        hold = holds.get(connection, hold_id)
        vendor_id = customers.get(connection, hold.customer_id, deleted=True).vendor_id
        holds.release(connection, hold_id, now())
        audit.add(connection, vendor_id, actor, "hold.release", "hold", hold_id)
        revisions.hold_changed(connection, hold_id)
        released = holds.get(connection, hold_id)
    revisions.flush(services)
    return released
