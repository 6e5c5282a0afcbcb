"""Packs by their short local numbers, and what they are called in the vault."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from holdfast.catalog.schema import blobs, chunks, pack_references, packs

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


def get_many(conn: sa.Connection, numbers: Iterable[int]) -> list[PackRow]:
    """Those of these packs that there are."""
    wanted = sorted(set(numbers))
    found: list[PackRow] = []
    for begin in range(0, len(wanted), _MANY):
        query = sa.select(*_PACK).where(packs.c.id.in_(wanted[begin : begin + _MANY])).order_by(packs.c.id)
        found += [PackRow(*row) for row in conn.execute(query)]
    return found


def size_bytes(conn: sa.Connection) -> int:
    """Of all packs that are there."""
    return int(conn.execute(sa.select(sa.func.coalesce(sa.func.sum(packs.c.size_bytes), 0))).scalar_one())


def of_customer(conn: sa.Connection, customer_id: int) -> set[str]:
    """The names of all packs of a customer that the catalog knows, whatever is to become of them."""
    query = sa.select(packs.c.object_id).where(packs.c.customer_id == customer_id)
    return set(conn.execute(query).scalars())


def of_instance(conn: sa.Connection, instance_id: int) -> list[PackRow]:
    """In the order in which they apply."""
    query = sa.select(*_PACK).where(packs.c.instance_id == instance_id)
    return [PackRow(*row) for row in conn.execute(query.order_by(packs.c.sequence, packs.c.batch, packs.c.id))]


def last_batch(conn: sa.Connection, instance_id: int, sequence: int) -> int:
    """The greatest batch number of a run's packs; 0: it has none."""
    query = sa.select(sa.func.coalesce(sa.func.max(packs.c.batch), 0)).where(
        packs.c.instance_id == instance_id, packs.c.sequence == sequence
    )
    return int(conn.execute(query).scalar_one())


def condemn(conn: sa.Connection, numbers: Sequence[int], moment: datetime) -> None:
    """Prune is going to empty these packs: nothing new may rely on them."""
    for begin in range(0, len(numbers), _MANY):
        some = numbers[begin : begin + _MANY]
        conn.execute(
            sa.update(packs).where(packs.c.id.in_(some), packs.c.condemned_at.is_(None)).values(condemned_at=moment)
        )


def acquit(conn: sa.Connection, number: int) -> None:
    """The pack stays: some of it cannot be moved."""
    conn.execute(sa.update(packs).where(packs.c.id == number).values(condemned_at=None))


def void(conn: sa.Connection, numbers: Sequence[int]) -> None:
    """The record versions and deletions of these packs have been written elsewhere: they no longer apply."""
    for begin in range(0, len(numbers), _MANY):
        some = numbers[begin : begin + _MANY]
        conn.execute(sa.update(packs).where(packs.c.id.in_(some)).values(contents_only=True))
        conn.execute(sa.delete(pack_references).where(pack_references.c.pack.in_(some)))


def referring_to(conn: sa.Connection, numbers: Sequence[int]) -> set[int]:
    """The packs that have record versions whose bytes stand in one of these."""
    found: set[int] = set()
    for begin in range(0, len(numbers), _MANY):
        query = sa.select(pack_references.c.pack).where(pack_references.c.target.in_(numbers[begin : begin + _MANY]))
        found.update(conn.execute(query).scalars())
    return found


def mark_deleting(conn: sa.Connection, numbers: Sequence[int], moment: datetime) -> None:
    """Nothing relies on these packs any more."""
    conn.execute(
        sa.update(packs)
        .where(packs.c.id.in_(numbers), packs.c.deleting_at.is_(None), packs.c.condemned_at.is_not(None))
        .values(deleting_at=moment)
    )


def remove(conn: sa.Connection, numbers: Sequence[int]) -> None:
    """These packs are gone from the vault."""
    for column in (pack_references.c.pack, pack_references.c.target):
        conn.execute(sa.delete(pack_references).where(column.in_(numbers)))
    conn.execute(sa.delete(packs).where(packs.c.id.in_(numbers), packs.c.deleting_at.is_not(None)))


def holding(conn: sa.Connection, numbers: Sequence[int]) -> set[int]:
    """Those of these packs in which chunks stand or that describe blobs, or that record versions refer to."""
    found = referring_to(conn, numbers)
    for column in (chunks.c.pack, blobs.c.pack):
        found.update(conn.execute(sa.select(column).where(column.in_(numbers)).distinct()).scalars())
    return found


def is_live(conn: sa.Connection, object_id: str) -> bool:
    """Whether the catalog relies on the pack of that name."""
    query = sa.select(packs.c.id).where(packs.c.object_id == object_id, packs.c.deleting_at.is_(None))
    return conn.execute(query).one_or_none() is not None
