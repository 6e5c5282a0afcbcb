"""Proves the vault, or a replica of it: every object against its digests, all that manifests name, and that the catalog
agrees."""

from holdfast.operations.verify.checking import VerifyReport, verify, verify_replica
from holdfast.operations.verify.remembered import Plan, verify_resumably

__all__ = ["Plan", "VerifyReport", "verify", "verify_replica", "verify_resumably"]
