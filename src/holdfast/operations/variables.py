"""The values an instance gives to its definition's variables: sealed in the catalog, opened only to make a request."""

from collections.abc import Mapping

from holdfast.catalog import instances
from holdfast.catalog.instances import Instance
from holdfast.definitions.document import Definition
from holdfast.errors import InputError
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault

MASK = "********"
"""What is shown in place of a secret."""


def values(services: Services, instance: Instance, definition: Definition) -> dict[str, str]:
    """Every variable that has a value, secrets in clear, defaults included.

    Raises InputError (code `missing_variable`) that names the required ones without a value.
    """
    found = stored(services, instance)
    missing = []
    for variable in definition.variables:
        if variable.key not in found and variable.default is not None:
            found[variable.key] = variable.default
        if variable.key not in found and not variable.optional:
            missing.append(variable.key)
    if missing:
        raise InputError(
            f"{'variables' if len(missing) > 1 else 'the variable'} {', '.join(missing)} must be set",
            field=missing[0],
            code="missing_variable",
            hint=f"holdfast set {instance.label or 'NAME'} {missing[0]}=VALUE",
        )
    return found


def stored(services: Services, instance: Instance) -> dict[str, str]:
    """The values that were set, secrets in clear, no defaults; ascending by key."""
    customer = services.vault.customer(instance.customer_id)
    with services.database.read() as connection:
        sealed = instances.variables(connection, instance.id)
    return unseal(customer, instance.id, sealed)


def unseal(customer: CustomerVault, instance_id: int, sealed: Mapping[str, bytes]) -> dict[str, str]:
    """The values in clear that the catalog keeps sealed."""
    return {key: customer.unseal(value, _context(instance_id, key)).decode() for key, value in sealed.items()}


def seal(customer: CustomerVault, instance_id: int, given: Mapping[str, str]) -> dict[str, bytes]:
    """The values as the catalog keeps them."""
    return {key: customer.seal(value.encode(), _context(instance_id, key)) for key, value in given.items()}


def _context(instance_id: int, key: str) -> bytes:
    return f"variable/{instance_id}/{key}".encode()
