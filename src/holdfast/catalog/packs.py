"""Packs by their short local numbers, and what they are called in the vault."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import pack_references, packs

_MANY = 5_000


@dataclass(frozen=True, slots=True)
class PackRow:
    id: int
    object_id: str
    customer_id: int
    instance_id: int
    run_id: int
    sequence: int
    batch: int
    kind: str
    """records or blobs."""
    size_bytes: int
    raw_bytes: int
    """What its frames hold once decoded."""
    contents_only: bool
    """Its record versions and deletions no longer apply; its chunks and descriptions of blobs do."""
    condemned_at: datetime | None
    deleting_at: datetime | None


_PACK = tuple(packs.c[name] for name in PackRow.__dataclass_fields__)
_OBJECT_IDS = sa.select(packs.c.id, packs.c.object_id).where(packs.c.id.in_(sa.bindparam("numbers", expanding=True)))


def add(
    conn: sa.Connection, object_id: str, *, customer_id: int, instance_id: int, run_id: int, sequence: int, batch: int,
    kind: str, size_bytes: int, raw_bytes: int, refers_to: Collection[int] = (), contents_only: bool = False,
) -> int:  # fmt: skip
    """The new pack's local number. `refers_to` are the packs in which bytes of its record versions stand."""
    statement = sa.insert(packs).values(
        object_id=object_id, customer_id=customer_id, instance_id=instance_id, run_id=run_id, sequence=sequence,
        batch=batch, kind=kind, size_bytes=size_bytes, raw_bytes=raw_bytes, contents_only=contents_only,
    )  # fmt: skip
    number: int = conn.execute(statement.returning(packs.c.id)).scalar_one()
    if refers_to:
        conn.execute(sa.insert(pack_references), [{"pack": number, "target": target} for target in set(refers_to)])
    return number


def object_ids(conn: sa.Connection, numbers: Iterable[int]) -> dict[int, str]:
    """The vault's names of these packs. They never change: callers may cache them."""
    wanted = list(set(numbers))
    found: dict[int, str] = {}
    for begin in range(0, len(wanted), _MANY):
        rows = conn.execute(_OBJECT_IDS, {"numbers": wanted[begin : begin + _MANY]})
        found.update((number, object_id) for number, object_id in rows)
    return found


def numbers(conn: sa.Connection, object_ids: Sequence[str]) -> dict[str, int]:
    """The local numbers of those of these packs that the catalog knows."""
    found: dict[str, int] = {}
    for begin in range(0, len(object_ids), _MANY):
        query = sa.select(packs.c.object_id, packs.c.id).where(packs.c.object_id.in_(object_ids[begin : begin + _MANY]))
        found.update((object_id, number) for object_id, number in conn.execute(query))
    return found


def of_run(conn: sa.Connection, run_id: int) -> list[PackRow]:
    """In batch order."""
    query = sa.select(*_PACK).where(packs.c.run_id == run_id).order_by(packs.c.batch, packs.c.id)
    return [PackRow(*row) for row in conn.execute(query)]


def all_live(conn: sa.Connection) -> list[PackRow]:
    """Every pack that prune has not condemned."""
    return [PackRow(*row) for row in conn.execute(sa.select(*_PACK).where(packs.c.condemned_at.is_(None)))]


def of_customer(conn: sa.Connection, customer_id: int) -> set[str]:
    """The names of all packs of a customer that the catalog knows, whatever is to become of them."""
    query = sa.select(packs.c.object_id).where(packs.c.customer_id == customer_id)
    return set(conn.execute(query).scalars())
