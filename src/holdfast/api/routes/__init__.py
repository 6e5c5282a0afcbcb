"""The routes, one module per noun. `ROUTERS` are all of them, in the order of the contract."""

from holdfast.api.routes import (
    backups,
    customer_tokens,
    customers,
    definition_variables,
    definitions,
    endpoints,
    exports,
    instance_variables,
    instances,
    logs,
    ping,
    records,
    search,
    tokens,
    vendors,
)

ROUTERS = tuple(
    module.router
    for module in (
        tokens, ping, vendors, customers, customer_tokens, definitions, definition_variables, instances,
        instance_variables, backups, endpoints, records, exports, logs,
        search,
    )
)  # fmt: skip
