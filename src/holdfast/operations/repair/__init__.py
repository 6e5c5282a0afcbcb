"""Mends a vault, or a replica of it: what is lost or damaged is taken from another copy, from the catalog, or from the
source by the next backup; what cannot be had is said."""

from holdfast.operations.repair.report import RepairReport
from holdfast.operations.repair.running import repair, repair_replica

__all__ = ["RepairReport", "repair", "repair_replica"]
