"""What differs between SQLite and PostgreSQL in ordinary statements: column types and the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["Id", "Message", "RecordKey", "Time", "database_now", "microseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit integer that may be a table's id: SQLite keeps rows by it only where the type is called INTEGER."""


def microseconds(moment: datetime) -> int:
    """An aware time as whole microseconds since 1970, which is how it is stored."""
    return (moment - _EPOCH) // _MICROSECOND


class Time(sa.types.TypeDecorator[datetime]):
    """An aware UTC time as microseconds since 1970: the same on both databases, exact, and it sorts."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class RecordKey(sa.types.TypeDecorator[str]):
    """A record key: any text that UTF-8 can hold, also with NUL, in bytewise order.

    PostgreSQL's text refuses NUL, so there it is a bytea, which sorts bytewise whatever the database's collation.
    """

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.LargeBinary() if dialect.name == "postgresql" else sa.Text())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> Any:
        return value.encode() if value is not None and dialect.name == "postgresql" else value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> str | None:
        return bytes(value).decode() if value is not None and dialect.name == "postgresql" else value


class Message(sa.types.TypeDecorator[str]):
    """Text for people that may quote anything a source sent: what a database cannot hold is shown as a replacement."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002
        return (
            None
            if value is None
            else value.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        )


class database_now(sa.sql.functions.FunctionElement[int]):  # noqa: N801 - reads as a function in statements
    """The database's own clock, in the units of `Time`, a plain integer: all workers' leases agree on it."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(database_now, "sqlite")
def _sqlite_now(element: database_now, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"


@compiles(database_now, "postgresql")
def _postgresql_now(element: database_now, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ARG001
    # Not now(): that stands still within a transaction, and a lease must not outlive its time inside a slow one.
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
