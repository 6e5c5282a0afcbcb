"""Whether this catalog is being made again from the vault, and has only a part of what the vault has until that ends.

The mark is a row among the revisions' numbers: it needs no table, and a catalog of an older release has none.
"""

import sqlalchemy as sa

from holdfast.catalog.schema import revision_numbers
from holdfast.errors import CatalogError

_KIND = "rebuild"
_MOVED = "moved"


def begin(conn: sa.Connection) -> None:
    conn.execute(sa.insert(revision_numbers).values(kind=_KIND, object_id=0, number=0))


def end(conn: sa.Connection) -> None:
    conn.execute(sa.delete(revision_numbers).where(revision_numbers.c.kind == _KIND))


def mark_as_moved(conn: sa.Connection) -> None:
    """Everything stands in another catalog from now on: this one is never used again."""
    conn.execute(sa.insert(revision_numbers).values(kind=_MOVED, object_id=0, number=0))


def refuse_half(conn: sa.Connection) -> None:
    """Raises CatalogError: `catalog_half_rebuilt` unless every rebuild of this catalog has come to its end,
    `catalog_moved` where another one has taken its place."""
    if conn.execute(sa.select(revision_numbers.c.number).where(revision_numbers.c.kind == _MOVED)).first() is not None:
        raise CatalogError(
            "this catalog was moved to another database",
            hint="HOLDFAST_DATABASE_URL names the one that `holdfast migrate` has filled.",
            code="catalog_moved",
        )
    query = sa.select(sa.func.count()).select_from(revision_numbers).where(revision_numbers.c.kind == _KIND)
    if conn.execute(query).scalar_one():
        raise CatalogError(
            "the catalog is being rebuilt, or its rebuild was broken off: it has only a part of the backups",
            hint="Once no rebuild runs any more, move the catalog's file away and run `holdfast rebuild` again.",
            code="catalog_half_rebuilt",
        )
