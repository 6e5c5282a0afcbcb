"""Checks of the vault and its replicas: how far each has come and what it found, so that it can go on and be looked at
later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from holdfast.catalog.schema import verifications
from holdfast.ids import new_id


@dataclass(frozen=True, slots=True)
class Verification:
    id: int
    started_at: datetime
    ended_at: datetime | None
    options: Mapping[str, Any]
    """What was asked for, and by whom."""
    position: str
    """The last pack whose data was proved; empty: none yet."""
    objects: int
    size_bytes: int
    findings: Sequence[Mapping[str, Any]]

    @property
    def replica(self) -> str | None:
        """The address of the replica that is checked; None: it is the vault."""
        replica: str | None = self.options.get("replica")
        return replica

    @property
    def errors(self) -> int:
        """How much was found lost or damaged."""
        return sum(finding["severity"] == "error" for finding in self.findings)


_VERIFICATION = tuple(verifications.c[name] for name in Verification.__dataclass_fields__)
_NEWEST_FIRST = verifications.c.id.desc()


def begin(conn: sa.Connection, options: Mapping[str, Any], moment: datetime) -> Verification:
    made = Verification(new_id(), moment, None, options, "", 0, 0, ())
    conn.execute(sa.insert(verifications).values(
        id=made.id, started_at=moment, options=dict(options), position="", objects=0, size_bytes=0, findings=[],
    ))  # fmt: skip
    return made


def advance(
    conn: sa.Connection, id_: int, position: str, *, objects: int, size_bytes: int,
    findings: Sequence[Mapping[str, Any]],
) -> None:  # fmt: skip
    """What was proved up to here is not read again."""
    conn.execute(
        sa.update(verifications)
        .where(verifications.c.id == id_)
        .values(position=position, objects=objects, size_bytes=size_bytes, findings=list(findings))
    )


def end(conn: sa.Connection, id_: int, moment: datetime) -> None:
    conn.execute(sa.update(verifications).where(verifications.c.id == id_).values(ended_at=moment))


def drop(conn: sa.Connection, id_: int) -> None:
    """As if it had never begun."""
    conn.execute(sa.delete(verifications).where(verifications.c.id == id_))


def unended(conn: sa.Connection, replica: str | None = None) -> list[Verification]:
    """Those of the vault, or of a replica, that are under way or were broken off, newest first."""
    return _of(conn, verifications.c.ended_at.is_(None), replica)


def ended(conn: sa.Connection, replica: str | None = None) -> list[Verification]:
    """Newest first."""
    return _of(conn, verifications.c.ended_at.is_not(None), replica)


def newest(conn: sa.Connection, replica: str | None = None) -> Verification | None:
    """The one that was begun last, of those that have ended or have found something."""
    found = _of(conn, sa.true(), replica)
    return next((one for one in found if one.ended_at is not None or one.findings), None)


def proved_at(conn: sa.Connection, replica: str | None = None) -> datetime | None:
    """When the newest check that read all data has ended."""
    columns = verifications.c.ended_at, verifications.c.options
    query = sa.select(*columns).where(verifications.c.ended_at.is_not(None)).order_by(_NEWEST_FIRST)
    return next(
        (at for at, options in conn.execute(query) if options["share"] >= 1.0 and options.get("replica") == replica),
        None,
    )


def _of(conn: sa.Connection, condition: sa.ColumnElement[bool], replica: str | None) -> list[Verification]:
    found = conn.execute(sa.select(*_VERIFICATION).where(condition).order_by(_NEWEST_FIRST))
    return [one for one in (Verification(*row) for row in found) if one.replica == replica]


def forget(conn: sa.Connection, kept: int = 100) -> None:
    """All but the newest, and those that nobody will go on with."""
    newest = sa.select(verifications.c.id).order_by(_NEWEST_FIRST).limit(kept)
    conn.execute(sa.delete(verifications).where(verifications.c.id.not_in(newest)))
