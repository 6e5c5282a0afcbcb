"""Forgotten objects: which runs a prune has dropped. Written before their manifests go, so that nobody misses them."""

import contextlib
from collections.abc import Iterable, Iterator

import msgspec

from holdfast.errors import Damaged
from holdfast.storage import Storage
from holdfast.vault import envelope, manifests, names
from holdfast.vault.keys import CustomerKeys
from holdfast.vault.manifests import Manifest
from holdfast.vault.putting import put_document

_PURPOSE = "forgotten"


class ForgottenRun(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    run_id: int
    status: str
    ended_at: str | None
    receipt_sha256: str | None = None
    """Of the receipt that went with it, so that the chain of receipts can still be followed."""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What one prune dropped of an instance. Numbers ascend with every prune that drops something."""

    customer_id: int
    instance_id: int
    number: int
    forgotten_at: str
    runs: tuple[ForgottenRun, ...]


def put(storage: Storage, keys: CustomerKeys, forgotten: Forgotten) -> None:
    """Store it. The same one again is a success; another under its number raises ObjectExists."""
    name = _name(forgotten)
    data = envelope.seal_document(keys, _PURPOSE, name, msgspec.json.encode(forgotten))
    put_document(storage, name, data, lambda there: decode(keys, name, there) == forgotten)


def read(storage: Storage, keys: CustomerKeys, customer_id: int, instance_id: int) -> Iterator[Forgotten]:
    """Everything that was dropped of an instance, oldest first. What was torn while it was written is left out."""
    for info in storage.list(names.forgotten_prefix(customer_id, instance_id)):
        if names.parse(info.name) is not None:
            with contextlib.suppress(Damaged):
                yield decode(keys, info.name, storage.get(info.name))


def chain(
    storage: Storage, keys: CustomerKeys, customer_id: int, instance_id: int, found: Iterable[Manifest]
) -> tuple[list[Manifest], int | None]:
    """`manifests.chain` of those whose runs were not dropped: an object lock may keep manifests that count no more."""
    dropped = {run.sequence for note in read(storage, keys, customer_id, instance_id) for run in note.runs}
    return manifests.chain(manifest for manifest in found if manifest.sequence not in dropped)


def decode(keys: CustomerKeys, name: str, data: bytes) -> Forgotten:
    """Raises Damaged."""
    document = envelope.unseal_document(keys, _PURPOSE, name, data)
    try:
        forgotten = msgspec.json.decode(document, type=Forgotten)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{name} cannot be read: {error}", object_name=name) from error
    if _name(forgotten) != name:
        raise Damaged(f"{name} tells of another instance", object_name=name)
    return forgotten


def _name(forgotten: Forgotten) -> str:
    return names.forgotten(forgotten.customer_id, forgotten.instance_id, forgotten.number)
