"""The routes, one module per noun. `ROUTERS` are all of them: those first that are asked most, since they are searched
in this order. `TAGS` is the order in which people read them."""

from holdfast.api.routes import (
    alarms,
    audit,
    backups,
    changes,
    comparison,
    customer_tokens,
    customers,
    definition_variables,
    definitions,
    endpoints,
    erasures,
    exports,
    health,
    instance_variables,
    instances,
    logs,
    ping,
    receipts,
    record_lists,
    records,
    restores,
    search,
    tokens,
    usage,
    vendors,
    webhooks,
)

ROUTERS = tuple(
    module.router
    for module in (
        record_lists, records, endpoints, backups, instances, instance_variables, exports, logs, ping, tokens,
        customers, customer_tokens, erasures, definitions, definition_variables, vendors, search, usage, webhooks,
        audit, health, comparison, changes, alarms, receipts, restores,
    )
)  # fmt: skip
TAGS = (
    "Tokens", "Ping", "Vendors", "Customers", "Backup definitions", "Definition variables", "Backup instances",
    "Instance variables", "Backups", "Endpoints", "Records", "Search", "Compare", "Changes", "Alarms", "Exports",
    "Restores", "Logs", "Usage", "Webhooks", "Audit log", "Health",
)  # fmt: skip
