"""What all tables are made of: their metadata, and the columns and checks that they share."""

import sqlalchemy as sa
from sqlalchemy import Column

from holdfast.catalog.columns import Id

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
STATUSES = ("queued", "in_progress", "successful", "failed", "canceled")
"""Of a backup, an export, a restore."""
Json = sa.JSON(none_as_null=True)

PARTITIONS = 64
"""Hash partitions of `current` and `history` on PostgreSQL, by stream: vacuum, locks and rebuilt indexes stay small."""


def public_id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


def local_id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=column)
