"""Revisions: what the installation knows beside its backups (vendors, customers, definitions, instances), each state of
each object as one sealed JSON document. The catalog's outbox writes them; rebuilding reads them."""

from collections.abc import Callable, Collection, Iterator
from itertools import groupby
from typing import Any

import msgspec

from holdfast.clock import format_time, now
from holdfast.errors import Damaged, NotFound, ObjectMissing
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


def read_revisions(
    vault: Vault,
    kinds: Collection[str] | None = None,
    *,
    every: bool = False,
    damaged: Callable[[str, str, Revision | None], None] | None = None,
) -> Iterator[Revision]:
    """The newest revision of every object, deletions included; with `every` all revisions, ascending.

    Customers whose keys are gone were erased: theirs are left out. Raises Damaged and ObjectMissing; with `damaged` an
    older revision stands in for one that cannot be read, under the newest number: it is told the object's kind, the
    reason, and what stands in, None where the object is lost.
    """
    listed = (names.parse(info.name) for info in vault.storage.list("revisions/"))
    wanted = (name for name in listed if name is not None and (kinds is None or name.revision_kind in kinds))
    for _, group in groupby(wanted, _identity):
        found = list(group)
        if every:
            for name in found:
                yield from _read(vault, name)
        else:
            yield from _newest(vault, found, damaged)


def _newest(
    vault: Vault, found: list[names.ObjectName], damaged: Callable[[str, str, Revision | None], None] | None
) -> Iterator[Revision]:
    reason: str | None = None
    for name in reversed(found):
        try:
            revisions = list(_read(vault, name))
        except (Damaged, ObjectMissing) as error:
            if damaged is None:
                raise
            reason = reason or str(error)
            continue
        if reason is not None and damaged is not None and revisions:
            revisions = [msgspec.structs.replace(revisions[0], number=found[-1].number or 0)]
            damaged(name.revision_kind or "", reason, revisions[0])
        yield from revisions
        return
    if reason is not None and damaged is not None:
        damaged(found[-1].revision_kind or "", reason, None)


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
