"""Reports of restores: what was written, read back and found to differ, signed like receipts, sealed like them."""

from holdfast.errors import Damaged, InputError
from holdfast.storage import Storage
from holdfast.vault import envelope, names
from holdfast.vault.keys import CustomerKeys
from holdfast.vault.putting import put_document
from holdfast.vault.receipts import SignedReceipt, verify

_PURPOSE = "restore"


def put(storage: Storage, keys: CustomerKeys, customer_id: int, signed: SignedReceipt) -> None:
    """Store a report. The same one again is a success; another one of the same restore raises ObjectExists."""
    name = names.restore(customer_id, signed.receipt["restore_id"])
    sealed = envelope.seal_document(keys, _PURPOSE, name, signed.encode())
    put_document(storage, name, sealed, lambda there: decode(keys, name, there) == signed)


def read(storage: Storage, keys: CustomerKeys, customer_id: int, restore_id: int) -> SignedReceipt:
    """Raises ObjectMissing, Damaged."""
    name = names.restore(customer_id, restore_id)
    return decode(keys, name, storage.get(name))


def decode(keys: CustomerKeys, name: str, data: bytes) -> SignedReceipt:
    """Raises Damaged."""
    try:
        signed = verify(envelope.unseal_document(keys, _PURPOSE, name, data))
    except InputError as error:
        raise Damaged(f"{name} cannot be read as the report of a restore: {error}", object_name=name) from error
    if name.rsplit("/", 1)[1] != str(signed.receipt.get("restore_id")):
        raise Damaged(f"{name} holds another restore's report", object_name=name)
    return signed
