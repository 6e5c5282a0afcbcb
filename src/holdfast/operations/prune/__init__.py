"""Prune: which backups and bytes go (`planning`, a dry run with figures), and letting them go (`execution`).

Per instance, under its lease, in steps of which each can be repeated after a crash: runs are forgotten in the catalog
(`forgetting`), what is still needed of condemned packs is written anew (`emptying`), the vault's manifests follow the
catalog (`following`), and only then anything is deleted (`deleting`).
"""

from holdfast.operations.prune.execution import prune
from holdfast.operations.prune.plan import InstancePlan, InstanceReport, PrunePlan, PruneReport
from holdfast.operations.prune.planning import plan

__all__ = ["InstancePlan", "InstanceReport", "PrunePlan", "PruneReport", "plan", "prune"]
