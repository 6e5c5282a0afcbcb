"""The receipt of a backup: what was read, what was stored, what is missing, proved by counts and signed."""

import hashlib
from typing import Any

import msgspec

from holdfast.errors import Damaged, NotFound, ObjectMissing
from holdfast.operations.browsing import State
from holdfast.operations.services import Services
from holdfast.vault import Manifest, receipts
from holdfast.vault.manifests import EndpointState
from holdfast.vault.receipts import SignedReceipt


def issue(services: Services, manifest: Manifest) -> SignedReceipt:
    """Sign the receipt of a run that has ended as its manifest says, and put it into the vault. Idempotent."""
    customer = services.vault.customer(manifest.customer_id)
    previous: str | None = None
    if manifest.parent_sequence is not None:
        try:
            previous = receipts.read(
                customer.storage, customer.keys, customer.customer_id, manifest.instance_id, manifest.parent_sequence
            ).sha256
        except (ObjectMissing, Damaged):
            previous = None  # lost, or the instance's earlier backups were made without receipts, or are pruned
    signed = receipts.sign(services.vault.installation.keys, _content(services, manifest, previous))
    receipts.put(customer.storage, customer.keys, customer.customer_id, signed)
    return signed


def read(services: Services, state: State) -> SignedReceipt:
    """The receipt of a state's run. Raises NotFound where it has none."""
    customer = services.vault.customer(state.customer_id)
    try:
        return receipts.read(
            customer.storage, customer.keys, customer.customer_id, state.instance_id, state.run.sequence
        )
    except ObjectMissing as error:
        raise NotFound(f"backup {state.run.sequence} has no receipt", field="backup_id") from error


def public_key(services: Services) -> str:
    """What all receipts of this installation are signed with, hexadecimal."""
    return receipts.public_key(services.vault.installation.keys)


def _content(services: Services, manifest: Manifest, previous: str | None) -> dict[str, Any]:
    return {
        "holdfast_receipt": 1,
        "vault_id": services.vault.id,
        "customer_id": manifest.customer_id,
        "instance_id": manifest.instance_id,
        "backup_id": manifest.run_id,
        "backup_number": manifest.sequence,
        "status": manifest.status,
        "started_at": manifest.started_at,
        "ended_at": manifest.ended_at,
        "definition_revision_id": manifest.definition_revision_id,
        "manifest_sha256": hashlib.sha256(msgspec.json.encode(manifest, order="sorted")).hexdigest(),
        "previous_receipt_sha256": previous,
        "packs": len(manifest.packs),
        "endpoints": [_endpoint(state) for state in manifest.endpoints],
        "failures": [dict(failure) for failure in manifest.failures],
        "skips": [dict(skip) for skip in manifest.skips],
        "debts": [
            {
                "endpoint": owed.endpoint, "record_id": owed.key, "kind": owed.kind, "cause": owed.cause,
                "message": owed.message, "attempts": owed.attempts, "since_backup": owed.first_sequence,
            }
            for owed in manifest.debts
        ],
    }  # fmt: skip


def _endpoint(state: EndpointState) -> dict[str, Any]:
    content = msgspec.to_builtins(state)
    assert isinstance(content, dict)
    return {**content, "state_sum": state.state_sum.hex()}
