"""Proves that bytes are what was written under a name: for whoever copies an object from one storage to another."""

from holdfast.errors import Damaged, NotFound, WrongKey
from holdfast.storage import ObjectInfo
from holdfast.vault import forgotten, manifests, marker, names, receipts, reports, revisions
from holdfast.vault.check_packs import check_pack_bytes
from holdfast.vault.keys import WrappedKeys
from holdfast.vault.names import ObjectName
from holdfast.vault.vault import CustomerVault, Vault


def prove(vault: Vault, name: ObjectName, data: bytes) -> None:
    """Check every byte. Raises Damaged, for a key object also WrongKey, NotFound where the customer has no keys."""
    if name.kind == "marker":
        if marker.decode(data, vault.installation.keys).vault_id != vault.id:
            raise Damaged(f"{name.text} is that of another vault", object_name=name.text)
    elif name.kind == "key":
        _prove_key(vault, name, data)
    else:
        _prove_content(vault.customer(name.customer_id or names.INSTALLATION), name, data)


def is_genuine(vault: Vault, name: ObjectName, data: bytes) -> bool:
    try:
        prove(vault, name, data)
    except (Damaged, WrongKey, NotFound):
        return False
    return True


def _prove_key(vault: Vault, name: ObjectName, data: bytes) -> None:
    wrapped = WrappedKeys.parse(data, name.text)
    wrapped.unwrap(vault.root_key, name.text)
    if wrapped.vault_id.hex() != vault.id:
        raise Damaged(f"{name.text} is a key of another vault", object_name=name.text)


def _prove_content(customer: CustomerVault, name: ObjectName, data: bytes) -> None:
    if name.kind == "pack":
        report = check_pack_bytes(customer, ObjectInfo(name.text, len(data)), data)
        if report.findings:
            raise Damaged(f"{name.text} {report.findings[0].what}", object_name=name.text)
    elif name.kind == "manifest":
        manifests.decode(customer.keys, name.text, data)
    elif name.kind == "forgotten":
        forgotten.decode(customer.keys, name.text, data)
    elif name.kind == "receipt":
        receipts.decode(customer.keys, name.text, data)
    elif name.kind == "restore":
        reports.decode(customer.keys, name.text, data)
    elif name.kind == "revision":
        revisions.decode(customer, name.text, data)
    else:
        customer.unseal(data, name.text.encode())
