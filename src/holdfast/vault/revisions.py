"""Revisions: what the installation knows beside its backups (vendors, customers, definitions, instances), each state of
each object as one sealed JSON document. The catalog's outbox writes them; rebuilding reads them."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec

from holdfast.clock import format_time, now
from holdfast.errors import Damaged, NotFound
from holdfast.vault import envelope, names
from holdfast.vault.putting import put_document
from holdfast.vault.vault import CustomerVault, Vault

_PURPOSE = "revision"


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One state of one object. The highest number is the newest; a deletion is a revision too."""

    customer_id: int
    kind: str
    object_id: str
    number: int
    written_at: str
    deleted: bool = False
    payload: dict[str, Any] = {}


def put_revision(
    customer: CustomerVault,
    kind: str,
    object_id: int | str,
    number: int,
    payload: dict[str, Any],
    *,
    deleted: bool = False,
) -> None:
    """Store a revision. The same one again is a success; another under its number raises ObjectExists."""
    revision = Revision(
        customer_id=customer.customer_id,
        kind=kind,
        object_id=str(object_id),
        number=number,
        written_at=format_time(now()),
        deleted=deleted,
        payload=payload,
    )
    name = names.revision(customer.customer_id, kind, revision.object_id, number)
    document = msgspec.json.encode(revision)
    mine = msgspec.structs.replace(msgspec.json.decode(document, type=Revision), written_at="")

    def is_same(there: bytes) -> bool:
        return msgspec.structs.replace(decode(customer, name, there), written_at="") == mine

    sealed = envelope.seal_document(customer.keys, _PURPOSE, name, document)
    put_document(customer.storage, name, sealed, is_same)


def read_revisions(vault: Vault, kinds: Collection[str] | None = None, *, every: bool = False) -> Iterator[Revision]:
    """The newest revision of every object, deletions included; with `every` all revisions, ascending.

    Customers whose keys are gone were erased: theirs are left out. Raises Damaged.
    """
    previous: names.ObjectName | None = None
    for info in vault.storage.list("revisions/"):
        name = names.parse(info.name)
        if name is None or (kinds is not None and name.revision_kind not in kinds):
            continue
        if previous is not None and (every or _identity(previous) != _identity(name)):
            yield from _read(vault, previous)
        previous = name
    if previous is not None:
        yield from _read(vault, previous)


def decode(customer: CustomerVault, name: str, data: bytes) -> Revision:
    """Raises Damaged."""
    document = envelope.unseal_document(customer.keys, _PURPOSE, name, data)
    try:
        revision = msgspec.json.decode(document, type=Revision)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{name} cannot be read as a revision: {error}", object_name=name) from error
    if names.revision(revision.customer_id, revision.kind, revision.object_id, revision.number) != name:
        raise Damaged(f"{name} holds another object's revision", object_name=name)
    return revision


def _identity(name: names.ObjectName) -> tuple[int | None, str | None, str | None]:
    return name.customer_id, name.revision_kind, name.object_id


def _read(vault: Vault, name: names.ObjectName) -> Iterator[Revision]:
    try:
        customer = vault.customer(name.customer_id or names.INSTALLATION)
    except NotFound:
        return
    yield decode(customer, name.text, vault.storage.get(name.text))
