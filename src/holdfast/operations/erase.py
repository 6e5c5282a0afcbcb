"""Erases a customer: destroys its keys in vault and replicas, then its objects and its rows, and certifies it.

From the moment the keys are gone nobody can read the rest. Every step can be repeated: an erasure that was broken off,
or whose replica does not answer, stays pending until `resume` has brought it to its end. The certificate is signed with
the installation's key, kept in the catalog and in the vault, and holds ids only.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import audit, customers, erasures, holds, instances, leases, purging
from holdfast.catalog.erasures import Erasure
from holdfast.clock import format_time, now
from holdfast.errors import Conflict, HoldfastError, NotFound, StorageError, VaultError
from holdfast.operations import jobs, revisions
from holdfast.operations.locking import KEYS, locked
from holdfast.operations.services import Services
from holdfast.storage import Storage, every_name
from holdfast.vault import erasing, names, receipts
from holdfast.vault.erasing import KeyObject
from holdfast.vault.receipts import SignedReceipt

_SEIZED_FOR = timedelta(minutes=10)
"""How long running backups of the customer are kept out; afterwards they find no customer."""


def erase_customer(services: Services, customer_id: int, *, actor: str) -> SignedReceipt:
    """Erase a customer for ever. Answers the certificate; that of an earlier erasure where it was erased before.

    Raises NotFound, Conflict (code `held`) where a legal hold stands, StorageError where the vault or a replica does
    not answer: then the erasure is pending, and nothing that was destroyed comes back.
    """
    with services.database.read() as connection:
        earlier = erasures.find(connection, customer_id)
    if earlier is None:
        _begin(services, customer_id, actor)
    elif earlier.certificate is not None:
        return receipts.verify(earlier.certificate)
    return _complete(services, customer_id)


def request_erasure(services: Services, customer_id: int, *, actor: str) -> None:
    """The same, by a worker: from now on the customer is out of everybody's sight. Raises NotFound, Conflict."""
    with services.database.read() as connection:
        earlier = erasures.find(connection, customer_id)
    if earlier is None:
        _begin(services, customer_id, actor)
    # Should this process end here, `resume` finds it.
    with services.database.write() as connection:
        services.engine.enqueue(connection, jobs.ERASURE, customer_id)


def complete(services: Services, customer_id: int) -> None:
    """Bring one pending erasure to its end; what has come to it stays."""
    with services.database.read() as connection:
        found = erasures.find(connection, customer_id)
    if found is not None and found.certificate is None:
        _complete(services, customer_id)


def resume(services: Services) -> list[SignedReceipt]:
    """Bring every pending erasure to its end. Raises StorageError or VaultError of the first that still cannot be, when
    all others are through."""
    with services.database.read() as connection:
        pending = erasures.all_erasures(connection, pending=True)
    ended: list[SignedReceipt] = []
    failed: HoldfastError | None = None
    for one in pending:
        try:
            ended.append(_complete(services, one.customer_id))
        except (StorageError, VaultError) as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return ended


def certificate(services: Services, customer_id: int) -> SignedReceipt:
    """Raises NotFound where the customer was not erased."""
    with services.database.read() as connection:
        found = erasures.find(connection, customer_id)
    if found is None or found.certificate is None:
        raise NotFound(f"customer {customer_id} was not erased", field="customer_id")
    return receipts.verify(found.certificate)


def keys_left(services: Services, customer_id: int) -> list[str]:
    """Where key objects of a customer lie, in the vault and every replica, earlier versions too. After an erasure there
    are none."""
    return [
        f"{storage.url}/{name}"
        for storage in (services.storage, *services.replicas)
        for name in every_name(storage, names.keys_prefix(customer_id))
    ]


def _begin(services: Services, customer_id: int, actor: str) -> None:
    """Shut the customer out: from here on nothing of it is read or backed up, and the erasure will happen."""
    moment = now()
    with services.database.write() as connection:
        customer = customers.get(connection, customer_id, deleted=True)
        held = holds.active(connection, customer_id)
        if held:
            raise Conflict(
                f"customer {customer_id} is under a legal hold: {held[0].reason}",
                hint="Release the hold first: holdfast hold release.",
                code="held",
            )
        erasures.begin(connection, customer_id, customer.vendor_id, moment)
        customers.mark_deleted(connection, customer_id, moment)
        for instance in instances.every_of_customer(connection, customer_id):
            instances.mark_deleted(connection, instance.id, moment)
            leases.seize(connection, instance.id, services.engine.executor_id, _SEIZED_FOR)
        audit.add(connection, customer.vendor_id, actor, "customer.erase", "customer", customer_id)
        revisions.erasure_changed(connection, customer_id)


def _complete(services: Services, customer_id: int) -> SignedReceipt:
    revisions.flush(services)  # the vault knows of the erasure before it is carried out
    storages = (services.storage, *services.replicas)
    with locked(services, KEYS) as prove:
        _destroy_keys(services, customer_id, storages)
        services.vault.forget_customer(customer_id)
        removed = [erasing.remove_objects(storage, customer_id) for storage in storages]
        rows = _purge(services, customer_id)
        # Once more: a backup that ran when it began may have put something since, and been refused only then.
        _destroy_keys(services, customer_id, storages)
        for storage, counted in zip(storages, removed, strict=True):
            counted.add(erasing.remove_objects(storage, customer_id))
        with services.database.write() as connection:
            prove(connection)
            erasure = erasures.find(connection, customer_id)
            assert erasure is not None, "it is pending"
            ended_at = now()
            objects = [{"storage": storage.url, **asdict(one)} for storage, one in zip(storages, removed, strict=True)]
            content = _content(services, erasure) | {
                "objects": objects,
                "catalog_rows": dict(rows),
                "ended_at": format_time(ended_at),
            }
            signed = receipts.sign(services.vault.installation.keys, content)
            erasures.end(connection, customer_id, signed.encode(), ended_at)
            revisions.erasure_changed(connection, customer_id)
    revisions.flush(services)
    return signed


def _destroy_keys(services: Services, customer_id: int, storages: tuple[Storage, ...]) -> None:
    """In the vault and in every replica, every copy and version. What there is is noted first, for the certificate."""
    for storage in storages:
        found = list(erasing.find_keys(storage, customer_id))
        _note(services, customer_id, found)
        for key in found:
            storage.destroy(key.object_name)
        for name in every_name(storage, names.keys_prefix(customer_id)):
            storage.destroy(name)  # earlier versions of what was deleted before
        left = every_name(storage, names.keys_prefix(customer_id))
        if left:
            raise VaultError(f"{left[0]} was destroyed and is there again in {storage.url}", code="key_returns")
        _note_destroyed(services, customer_id, storage)


def _note(services: Services, customer_id: int, found: Sequence[KeyObject]) -> None:
    with services.database.write() as connection:
        erasure = erasures.find(connection, customer_id)
        assert erasure is not None, "it is pending"
        known = {(one["storage"], one["object"], one["sha256"]) for one in erasure.destroyed}
        new = [
            {"storage": key.storage_url, "object": key.object_name, "sha256": key.sha256, "destroyed_at": None}
            for key in found
            if (key.storage_url, key.object_name, key.sha256) not in known
        ]
        erasures.set_destroyed(connection, customer_id, [*erasure.destroyed, *new])


def _note_destroyed(services: Services, customer_id: int, storage: Storage) -> None:
    moment = format_time(now())
    with services.database.write() as connection:
        erasure = erasures.find(connection, customer_id)
        assert erasure is not None, "it is pending"
        noted = [
            {**one, "destroyed_at": one["destroyed_at"] or moment} if one["storage"] == storage.url else one
            for one in erasure.destroyed
        ]
        erasures.set_destroyed(connection, customer_id, noted)


def _purge(services: Services, customer_id: int) -> Counter[str]:
    """Delete the customer's rows from the catalog, some at a time. Answers how many of each table."""
    deleted: Counter[str] = Counter()
    with services.database.read() as connection:
        statements = list(purging.statements(connection, customer_id))
    for table, statement in statements:
        while True:
            with services.database.write(wiping=True) as connection:
                number = connection.execute(statement).rowcount
            deleted[table] += number
            if not number:
                break
    services.database.shorten_log()
    return +deleted


def _content(services: Services, erasure: Erasure) -> dict[str, Any]:
    return {
        "holdfast_erasure": 1,
        "vault_id": services.vault.id,
        "vendor_id": erasure.vendor_id,
        "customer_id": erasure.customer_id,
        "requested_at": format_time(erasure.requested_at),
        "keys_destroyed": [dict(one) for one in erasure.destroyed],
        "statement": (
            "Every copy of this customer's encryption keys in the vault and its replicas was destroyed. What they had "
            "encrypted can be read by nobody, wherever copies of it may still lie."
        ),
    }


def is_erased(connection: Connection, customer_id: int) -> bool:
    """Whether the customer's erasure was asked for: nothing may be written for it any more."""
    return erasures.find(connection, customer_id) is not None
