"""Lets the next backup store anew what was lost and what the source still has: records become debts that are paid by
being read, whatever has changed; scopes forget their cursors; chunks that cannot be read count as stored nowhere."""

from holdfast.catalog import debts, leases, runs, scopes, standing
from holdfast.catalog.debts import DAMAGED, PENDING, Debt
from holdfast.catalog.standing import Version
from holdfast.operations.backup.leasing import Lease
from holdfast.operations.repair.damage import Damage
from holdfast.operations.services import Services

_MESSAGE = "its content in the vault is damaged, and no backup has read it since"


def ask_again(services: Services, lease: Lease, damage: Damage) -> None:
    """Can be repeated."""
    pack = damage.pack
    with services.database.write() as connection:
        leases.fence(connection, pack.instance_id, lease.token)
        ended = [run.sequence for run in runs.all_of_instance(connection, pack.instance_id) if run.ended_at]
        sequence = max(ended, default=pack.sequence)
        standing.forget_chunks(connection, pack.customer_id, pack.id, damage.chunks)
        newest = [version for version in damage.versions if version.run_to is None]
        debts.put(connection, [_debt(version, "record", DAMAGED, _MESSAGE, sequence) for version in newest])
        blobless = [version for version in damage.without_blob if version.run_to is None]
        debts.put(connection, [_debt(version, "blob", PENDING, "", sequence) for version in blobless])
        scopes.void(connection, sorted({version.scope for version in newest if version.scope is not None}))
        for stream in {version.stream for version in newest if version.scope is None}:
            scopes.void(connection, [scope.id for scope in scopes.of_stream(connection, stream)])


def _debt(version: Version, kind: debts.Kind, cause: str, message: str, sequence: int) -> Debt:
    return Debt(version.stream, version.record_key, kind, version.scope, cause, message, 0, sequence, sequence)
