"""The report of a restore: what was written, read back and found to differ and why, signed like a backup's receipt."""

from typing import Any

import msgspec

from holdfast.catalog import restore_records
from holdfast.catalog.restore_records import RestoreRecord
from holdfast.catalog.restores import Restore
from holdfast.errors import NotFound, ObjectMissing
from holdfast.operations.services import Services
from holdfast.vault import receipts, reports
from holdfast.vault.receipts import SignedReceipt


def issue(services: Services, restore: Restore, customer_id: int, ended: dict[str, Any]) -> SignedReceipt:
    """Sign the report of a restore that ends as `ended` says (status, ended_at, failures), and put it into the vault.

    Idempotent for the same restore and end.
    """
    customer = services.vault.customer(customer_id)
    try:
        return reports.read(customer.storage, customer.keys, customer_id, restore.id)
    except ObjectMissing:
        signed = receipts.sign(services.vault.installation.keys, _content(services, restore, customer_id, ended))
        reports.put(customer.storage, customer.keys, customer_id, signed)
        return signed


def issue_again(services: Services, restore: Restore, customer_id: int) -> SignedReceipt:
    """Of a restore that has ended, from what the catalog knows of it: where the vault has lost its report."""
    told = {
        "status": restore.status, "complete": restore.complete, "ended_at": restore.ended_at,
        "counters": {name: number for name, number in restore.counters.items() if name != "requests"},
        "failures": list(restore.failures),
    }  # fmt: skip
    return issue(services, restore, customer_id, told)


def read(services: Services, restore: Restore, customer_id: int) -> SignedReceipt:
    """Raises NotFound where the restore has none (yet): a plan never has."""
    customer = services.vault.customer(customer_id)
    try:
        return reports.read(customer.storage, customer.keys, customer_id, restore.id)
    except ObjectMissing as error:
        raise NotFound(f"restore {restore.id} has no report", field="restore_id") from error


def _content(services: Services, restore: Restore, customer_id: int, ended: dict[str, Any]) -> dict[str, Any]:
    with services.database.read() as connection:
        endpoints = list(dict.fromkeys(row[0] for row in restore_records.counted(connection, restore.id)))
        records = [
            _record(row)
            for endpoint in endpoints
            for row in restore_records.walk(connection, restore.id, endpoint)
            if row.state != "done"
        ]
        impossible = restore_records.reasons(connection, restore.id, "impossible")
        left = restore_records.reasons(connection, restore.id, "leave")
    content: dict[str, Any] = msgspec.to_builtins({
        "holdfast_restore": 1,
        "vault_id": services.vault.id,
        "customer_id": customer_id,
        "restore_id": restore.id,
        "instance_id": restore.instance_id,
        "target_instance_id": restore.target_id,
        "backup_id": restore.run_id,
        "backup_number": restore.sequence,
        "options": dict(restore.options),
        "started_at": restore.started_at,
        **ended,
        "records": records,
        "left_alone": [{"endpoint": one[0], "why": one[1], "records": one[2]} for one in left],
        "impossible": [{"endpoint": one[0], "why": one[1], "records": one[2]} for one in impossible],
    })  # fmt: skip
    return content


def _record(row: RestoreRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "endpoint": row.endpoint, "id": row.record_key, "action": row.action, "state": row.state,
        "target_id": row.target_id,
    }  # fmt: skip
    if row.message:
        told["message"] = row.message
    if row.differences:
        told["differences"] = list(row.differences)
    return told
