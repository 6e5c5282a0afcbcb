"""Webhooks: a vendor's addresses that are told of events, their signing secrets, and the deliveries to them.

`events` queues a delivery in the transaction that makes the event true; `deliver_due` sends, with growing pauses, until
the receiver takes it or a day has passed.
"""

import asyncio
import base64
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp

from holdfast.catalog import webhooks
from holdfast.catalog.webhooks import Delivery, Webhook
from holdfast.clock import now
from holdfast.errors import InputError
from holdfast.ids import new_id
from holdfast.notify.webhooks import Outcome, send
from holdfast.operations import acting, revisions
from holdfast.operations.events import EVENTS
from holdfast.operations.services import Services
from holdfast.sources.network import connector

PAUSES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400)
)  # fmt: skip
"""After each failed attempt, as Standard Webhooks proposes: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h."""
_CLAIMED_FOR = timedelta(minutes=2)
_AT_ONCE = 20
_KEPT = timedelta(days=30)
_OF_A_VENDOR = 100
"""Each event is written and sent once for every one of them, beside those of all other vendors."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewWebhook:
    """A webhook with its signing secret in clear, for the one moment in which it is shown."""

    webhook: Webhook
    secret: str


def create(services: Services, vendor_id: int, url: str, events: Sequence[str]) -> NewWebhook:
    """A webhook for these events; none: for all. Raises InputError."""
    check(services, url, events)
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    webhook_id = new_id()
    sealed = services.vault.installation.seal(secret.encode(), _context(webhook_id))
    with services.database.write() as connection:
        if webhooks.count(connection, vendor_id) >= _OF_A_VENDOR:
            raise InputError(f"a vendor may have {_OF_A_VENDOR} webhooks", field="url", code="too_many")
        made = webhooks.create(connection, vendor_id, url, events, sealed, webhook_id=webhook_id)
        revisions.webhook_changed(connection, made.id)
        acting.note(connection, vendor_id, "webhook.create", "webhook", made.id, url=url)
    revisions.flush(services)
    return NewWebhook(made, secret)


def change(
    services: Services, webhook: Webhook, *, url: str | None, events: Sequence[str] | None, enabled: bool | None
) -> Webhook:  # fmt: skip
    """What is None stays. Raises InputError."""
    url = webhook.url if url is None else url
    events = webhook.events if events is None else events
    check(services, url, events)
    disabled_at = webhook.disabled_at
    if enabled is not None:
        disabled_at = None if enabled else (disabled_at or now())
    with services.database.write() as connection:
        webhooks.change(connection, webhook.id, url=url, events=events, disabled_at=disabled_at)
        revisions.webhook_changed(connection, webhook.id)
        acting.note(connection, webhook.vendor_id, "webhook.change", "webhook", webhook.id, url=url)
        changed = webhooks.get(connection, webhook.id)
    revisions.flush(services)
    return changed


def remove(services: Services, webhook: Webhook) -> None:
    """What is still to be delivered is given up."""
    with services.database.write() as connection:
        webhooks.mark_deleted(connection, webhook.id)
        revisions.webhook_changed(connection, webhook.id)
        acting.note(connection, webhook.vendor_id, "webhook.delete", "webhook", webhook.id)
    revisions.flush(services)


def replay(services: Services, webhook: Webhook, delivery_id: int) -> Delivery:
    """Send an event once more, whatever came of it before. Raises NotFound."""
    with services.database.write() as connection:
        webhooks.delivery(connection, delivery_id, webhook_id=webhook.id)
        webhooks.replay(connection, delivery_id)
        acting.note(connection, webhook.vendor_id, "webhook.replay", "webhook", webhook.id, delivery_id=delivery_id)
        return webhooks.delivery(connection, delivery_id, webhook_id=webhook.id)


def check(services: Services, url: str, events: Sequence[str]) -> None:
    """Raises InputError for an address or an event that cannot be meant."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isascii() or not url.isprintable() or " " in url:
        raise InputError("this is not an address: write https://...", field="url", code="invalid")
    if parts.scheme == "http" and not services.network.allow_private:
        raise InputError("an address must begin with https://", field="url", code="invalid")
    for event in events:
        if event not in EVENTS:
            raise InputError(f"there is no event {event}: {', '.join(EVENTS)}", field="events", code="invalid")


def deliver_due(services: Services) -> int:
    """Send every delivery whose time has come; answers how many were tried. To be called again and again."""
    count = 0
    while True:
        with services.database.write() as connection:
            due = webhooks.claim(connection, now(), now() + _CLAIMED_FOR, _AT_ONCE)
            receivers = {one.webhook_id: webhooks.find(connection, one.webhook_id) for one in due}
            wanted: list[tuple[Delivery, Webhook]] = []
            for one in due:
                receiver = receivers[one.webhook_id]
                if receiver is not None and receiver.disabled_at is None:
                    wanted.append((one, receiver))
                    continue
                # It may have been removed while something was on its way to it.
                why = "the webhook is removed" if receiver is None else "the webhook is disabled"
                webhooks.settle(connection, one.id, "given_up", answer=why)
        if not due:
            return count
        outcomes = asyncio.run(_send_all(services, wanted))
        for (delivery, _), outcome in zip(wanted, outcomes, strict=True):
            _settle(services, delivery, outcome)
        count += len(due)


def forget_old(services: Services) -> int:
    """Delete deliveries that ended a month ago; answers how many."""
    with services.database.write() as connection:
        return webhooks.forget(connection, now() - _KEPT)


async def _send_all(services: Services, wanted: Sequence[tuple[Delivery, Webhook]]) -> list[Outcome]:
    async with aiohttp.ClientSession(connector=connector(services.network)) as session:
        return await asyncio.gather(*(_send(services, session, *one) for one in wanted))


async def _send(services: Services, session: aiohttp.ClientSession, delivery: Delivery, receiver: Webhook) -> Outcome:
    try:
        return await send(session, receiver.url, _secret(services, receiver), delivery.event_id, delivery.payload)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one receiver, the others get theirs
        _log.exception("delivery %d to webhook %d could not be sent", delivery.id, receiver.id)
        return Outcome(False, False, f"{type(error).__name__}: it could not be sent")


def _settle(services: Services, delivery: Delivery, outcome: Outcome) -> None:
    attempts = delivery.attempts + 1  # claiming counted this one
    with services.database.write() as connection:
        receiver = webhooks.find(connection, delivery.webhook_id)
        if outcome.delivered:
            webhooks.settle(connection, delivery.id, "delivered", answer=outcome.answer)
        elif receiver is None or outcome.gone or attempts > len(PAUSES):
            webhooks.settle(connection, delivery.id, "given_up", answer=outcome.answer)
            if receiver is not None and outcome.gone:
                webhooks.change(
                    connection, receiver.id, url=receiver.url, events=receiver.events, disabled_at=now()
                )  # fmt: skip
                revisions.webhook_changed(connection, receiver.id)
            _log.warning("delivery %d to webhook %d is given up: %s", delivery.id, delivery.webhook_id, outcome.answer)
        else:
            again_at = now() + PAUSES[attempts - 1]
            webhooks.settle(connection, delivery.id, "pending", answer=outcome.answer, next_attempt_at=again_at)


def _secret(services: Services, webhook: Webhook) -> str:
    return services.vault.installation.unseal(webhook.sealed_secret, _context(webhook.id)).decode()


def _context(webhook_id: int) -> bytes:
    return f"webhook/{webhook_id}".encode()
