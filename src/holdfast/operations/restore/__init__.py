"""Gives records back to the source they came from, or to another account: plans, writes, reads back, proves.

A restore is decided endpoint by endpoint (`deciding`), journaled around each write (`journal`, `writing`), and goes on
after a crash at its journal (`run`). How an application is written to stands in its definition.
"""

from holdfast.operations.restore.options import CONFLICTS, Conflict, RestoreOptions
from holdfast.operations.restore.planning import EndpointPlan, RestorePlan, plan
from holdfast.operations.restore.requesting import cancel_restore, reconcile, request_restore

__all__ = [
    "CONFLICTS", "Conflict", "EndpointPlan", "RestoreOptions", "RestorePlan", "cancel_restore", "plan",
    "reconcile", "request_restore",
]  # fmt: skip
