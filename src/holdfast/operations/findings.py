"""Findings as documents: what the catalog keeps of them and machines read."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.vault.findings import Finding, Lost


def as_document(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "object": finding.object_name,
        "what": finding.what,
        "advice": finding.advice,
        "customer_id": finding.customer_id,
        "instance_id": finding.instance_id,
        "backup": finding.sequence,
        "held": held_document(finding.lost),
    }


def held_document(held: Sequence[Lost]) -> list[dict[str, Any]]:
    """What an object held, by endpoint."""
    return [
        {"endpoint": one.endpoint, "kind": one.kind, "records": one.count, "ids": list(one.keys)} for one in held
    ]  # fmt: skip


def from_document(document: Mapping[str, Any]) -> Finding:
    return Finding(
        document["severity"],
        document["object"],
        document["what"],
        document["advice"],
        document["customer_id"],
        document["instance_id"],
        document["backup"],
        tuple(Lost(one["endpoint"], one["records"], tuple(one["ids"]), one["kind"]) for one in document["held"]),
    )
