"""Vendors' customers; each has keys of its own in the vault."""

from holdfast.catalog import customers, vendors
from holdfast.catalog.customers import Customer
from holdfast.errors import Conflict
from holdfast.ids import new_id
from holdfast.operations import acting, revisions
from holdfast.operations.services import Services

LOCAL_VENDOR = "local"
LOCAL_CUSTOMER = "local"
"""Whose instances the command line's are: one vendor with one customer, made by `holdfast init`."""


def create(services: Services, vendor_id: int, name: str, email: str | None) -> Customer:
    """A customer with its keys. Raises Conflict for a name that is taken."""
    with services.database.read() as connection:
        if customers.find(connection, vendor_id, name) is not None:
            raise Conflict(f"there is a customer named {name!r} already", field="name", code="taken")
    # The keys come first: as soon as the customer is in the catalog, anybody's flush may have to seal what it tells.
    customer_id = new_id()
    services.vault.create_customer(customer_id)
    with services.database.write() as connection:
        made = customers.create(connection, vendor_id, name, email, customer_id=customer_id)
        acting.note(connection, vendor_id, "customer.create", "customer", made.id, name=name)
        revisions.customer_changed(connection, made.id)
    revisions.flush(services)
    return made


def local(services: Services) -> Customer:
    """The customer of the command line, made where it is missing."""
    with services.database.read() as connection:
        vendor = vendors.find(connection, LOCAL_VENDOR)
        found = None if vendor is None else customers.find(connection, vendor.id, LOCAL_CUSTOMER)
    if found is not None:
        return found
    if vendor is None:
        with services.database.write() as connection:
            vendor = vendors.create(connection, LOCAL_VENDOR, None, LOCAL_VENDOR)
            revisions.vendor_changed(connection, vendor.id)
    return create(services, vendor.id, LOCAL_CUSTOMER, None)


def change(services: Services, customer_id: int, *, name: str, email: str | None) -> Customer:
    """Another name or address. Raises Conflict for a name that is taken."""
    with services.database.write() as connection:
        customers.change(connection, customer_id, name=name, email=email)
        revisions.customer_changed(connection, customer_id)
        changed = customers.get(connection, customer_id)
        acting.note(connection, changed.vendor_id, "customer.change", "customer", customer_id, name=name)
    revisions.flush(services)
    return changed
