"""The routes, one module per noun. `ROUTERS` are all of them, in the order of the contract."""

from holdfast.api.routes import (
    backups,
    customers,
    definitions,
    endpoints,
    exports,
    instances,
    logs,
    ping,
    records,
    tokens,
    vendors,
)

ROUTERS = tuple(
    module.router
    for module in (tokens, ping, vendors, customers, definitions, instances, backups, endpoints, records, exports, logs)
)
