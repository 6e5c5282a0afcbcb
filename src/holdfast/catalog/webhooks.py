"""Webhooks and their deliveries. `notify` sends them; here stands what is to be sent, when, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from holdfast import clock, ids
from holdfast.catalog.listing import Listing, PageRequest, listed
from holdfast.catalog.schema import webhook_deliveries, webhooks
from holdfast.errors import NotFound


@dataclass(frozen=True, slots=True)
class Webhook:
    id: int
    vendor_id: int
    url: str
    events: Sequence[str]
    """Their names; none: all."""
    sealed_secret: bytes
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    webhook_id: int
    event_id: int
    """The same for every webhook that gets the event, and for every attempt."""
    event: str
    payload: bytes
    status: Literal["pending", "delivered", "given_up"]
    attempts: int
    next_attempt_at: datetime | None
    last_answer: str | None
    created_at: datetime
    ended_at: datetime | None


_WEBHOOK = tuple(webhooks.c[name] for name in Webhook.__dataclass_fields__)
_DELIVERY = tuple(webhook_deliveries.c[name] for name in Delivery.__dataclass_fields__)
_ALIVE = webhooks.c.deleted_at.is_(None)


def create(
    conn: sa.Connection, vendor_id: int, url: str, events: Sequence[str], sealed_secret: bytes, *,
    webhook_id: int | None = None,
) -> Webhook:  # fmt: skip
    made = Webhook(webhook_id or ids.new_id(), vendor_id, url, list(events), sealed_secret, clock.now(), None)
    conn.execute(sa.insert(webhooks).values(**{name: getattr(made, name) for name in Webhook.__dataclass_fields__}))
    return made


def get(conn: sa.Connection, webhook_id: int, *, vendor_id: int | None = None) -> Webhook:
    """Raises NotFound, also for another vendor's where `vendor_id` is given."""
    row = conn.execute(sa.select(*_WEBHOOK).where(webhooks.c.id == webhook_id, _ALIVE)).one_or_none()
    if row is None or (vendor_id is not None and row.vendor_id != vendor_id):
        raise NotFound(f"no webhook {webhook_id}", field="webhook_id")
    return Webhook(*row)


def find(conn: sa.Connection, webhook_id: int) -> Webhook | None:
    row = conn.execute(sa.select(*_WEBHOOK).where(webhooks.c.id == webhook_id, _ALIVE)).one_or_none()
    return None if row is None else Webhook(*row)


def of_vendor(conn: sa.Connection, vendor_id: int, page: PageRequest) -> Listing[Webhook]:
    query = sa.select(*_WEBHOOK).where(webhooks.c.vendor_id == vendor_id, _ALIVE)
    return listed(conn, query, webhooks.c.id, page, Webhook)


def count(conn: sa.Connection, vendor_id: int) -> int:
    """How many a vendor has."""
    query = sa.select(sa.func.count()).select_from(webhooks).where(webhooks.c.vendor_id == vendor_id, _ALIVE)
    return int(conn.execute(query).scalar_one())


def change(
    conn: sa.Connection, webhook_id: int, *, url: str, events: Sequence[str], disabled_at: datetime | None
) -> None:  # fmt: skip
    conn.execute(
        sa.update(webhooks)
        .where(webhooks.c.id == webhook_id)
        .values(url=url, events=list(events), disabled_at=disabled_at)
    )


def mark_deleted(conn: sa.Connection, webhook_id: int) -> None:
    """What is still to be delivered is given up."""
    conn.execute(sa.update(webhooks).where(webhooks.c.id == webhook_id).values(deleted_at=clock.now()))
    conn.execute(
        sa.update(webhook_deliveries)
        .where(webhook_deliveries.c.webhook_id == webhook_id, webhook_deliveries.c.status == "pending")
        .values(status="given_up", next_attempt_at=None, ended_at=clock.now())
    )


def publish(conn: sa.Connection, vendor_id: int, event: str, payload: bytes) -> int:
    """Queue an event for each of the vendor's webhooks that wants it, in the transaction that makes it true. Returns
    the event's id."""
    event_id = ids.new_id()
    wanted = conn.execute(
        sa.select(webhooks.c.id, webhooks.c.events).where(
            webhooks.c.vendor_id == vendor_id, webhooks.c.disabled_at.is_(None), _ALIVE
        )
    )
    rows: list[dict[str, Any]] = [
        {"id": ids.new_id(), "webhook_id": webhook_id, "event_id": event_id, "event": event, "payload": payload,
         "status": "pending", "attempts": 0, "next_attempt_at": clock.now(), "created_at": clock.now()}
        for webhook_id, events in wanted
        if not events or event in events
    ]  # fmt: skip
    if rows:
        conn.execute(sa.insert(webhook_deliveries), rows)
    return event_id


def claim(conn: sa.Connection, moment: datetime, until: datetime, limit: int = 100) -> list[Delivery]:
    """Deliveries whose time has come, longest overdue first. They count as attempted and come up again at `until`,
    so that one whose sender dies isn't lost."""
    query = (
        sa.select(*_DELIVERY)
        .where(webhook_deliveries.c.next_attempt_at.is_not(None), webhook_deliveries.c.next_attempt_at <= moment)
        .order_by(webhook_deliveries.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [Delivery(*row) for row in conn.execute(query)]
    if found:
        conn.execute(
            sa.update(webhook_deliveries)
            .where(webhook_deliveries.c.id.in_([delivery.id for delivery in found]))
            .values(next_attempt_at=until, attempts=webhook_deliveries.c.attempts + 1)
        )
    return found


def settle(
    conn: sa.Connection, delivery_id: int, status: Literal["pending", "delivered", "given_up"], *,
    answer: str, next_attempt_at: datetime | None = None,
) -> None:  # fmt: skip
    """What came of an attempt; `pending` is tried again at `next_attempt_at`."""
    conn.execute(
        sa.update(webhook_deliveries)
        .where(webhook_deliveries.c.id == delivery_id)
        .values(
            status=status, last_answer=answer, next_attempt_at=next_attempt_at,
            ended_at=None if status == "pending" else clock.now(),
        )
    )  # fmt: skip


def replay(conn: sa.Connection, delivery_id: int) -> None:
    """Send it again, whatever came of it before."""
    conn.execute(
        sa.update(webhook_deliveries)
        .where(webhook_deliveries.c.id == delivery_id)
        .values(status="pending", next_attempt_at=clock.now(), ended_at=None, attempts=0)
    )


def deliveries(conn: sa.Connection, webhook_id: int, page: PageRequest) -> Listing[Delivery]:
    query = sa.select(*_DELIVERY).where(webhook_deliveries.c.webhook_id == webhook_id)
    return listed(conn, query, webhook_deliveries.c.id, page, Delivery)


def delivery(conn: sa.Connection, delivery_id: int, *, webhook_id: int) -> Delivery:
    """Raises NotFound."""
    row = conn.execute(
        sa.select(*_DELIVERY).where(
            webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.webhook_id == webhook_id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"no delivery {delivery_id}", field="delivery_id")
    return Delivery(*row)


def forget(conn: sa.Connection, before: datetime, limit: int = 10_000) -> int:
    """Delete deliveries that ended before this moment, at most `limit`. Returns how many."""
    ended = sa.select(webhook_deliveries.c.id).where(webhook_deliveries.c.ended_at < before).limit(limit)
    return conn.execute(sa.delete(webhook_deliveries).where(webhook_deliveries.c.id.in_(ended))).rowcount
