"""Mails about troubles: to the operator, and to the vendor whose instance it is. One mail for all that is new, so that
a source which is down does not send a thousand; nothing is told twice, and that it is over is told once.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from sqlalchemy import Connection

from holdfast.catalog import customers, definitions, instances, troubles, vendors
from holdfast.catalog.troubles import Trouble
from holdfast.clock import format_time, now, timedelta
from holdfast.errors import MailDeferred, MailRefused, NotFound
from holdfast.notify.mail import Mail, send
from holdfast.operations.confirmations import mail_server
from holdfast.operations.locking import locked, unless_busy
from holdfast.operations.services import Services

_AT_ONCE = 500
_LINES = 50
_NEWS_FOR = timedelta(days=1)
"""What is older when it could first be told is told to nobody: mails were switched off then."""
_SAID = {
    "backup_failed": "A backup failed",
    "credential_refused": "A credential was refused",
    "backup_late": "A backup is late",
    "alarm": "An alarm was raised",
    "vault_damaged": "The vault has lost something or is damaged",
    "replica_damaged": "A replica is damaged",
    "replica_behind": "A replica is not up to date",
}
_log = logging.getLogger(__name__)

Line = tuple[str, str]
"""What is told of one trouble: a headline, and more about it."""


class Mailed:
    """Who was told what although somebody else still waits to be told it: in this process's memory."""

    def __init__(self) -> None:
        self._known: set[tuple[str, int, bool]] = set()

    def is_told(self, recipient: str, one: Trouble) -> bool:
        return (recipient, one.id, one.ended_at is not None) in self._known

    def note(self, recipient: str, troubles: Iterable[Trouble]) -> None:
        self._known.update((recipient, one.id, one.ended_at is not None) for one in troubles)

    def forget(self, troubles: Iterable[Trouble]) -> None:
        """Everybody was told of them."""
        ids = {one.id for one in troubles}
        self._known = {key for key in self._known if key[1] not in ids}


@dataclass
class _Letter:
    """What one recipient is to be told."""

    begun: list[Line] = field(default_factory=list)
    over: list[Line] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)


def send_alerts(services: Services, mailed: Mailed | None = None) -> int:
    """Mail what nobody was told yet; answers how many mails. Raises MailError: the next call tries again.

    A recipient whose mail is deferred keeps nobody else waiting: `mailed` remembers until the next call who got theirs.
    """
    mailed = mailed or Mailed()
    sent = 0
    with unless_busy(), locked(services, "alerts"):
        while True:
            with services.database.read() as connection:
                found = troubles.untold(connection, _AT_ONCE)
                letters = _letters(services, connection, found, mailed)
            if not found:
                break
            deferred: MailDeferred | None = None
            waiting: set[int] = set()
            for recipient, letter in sorted(letters.items()):
                try:
                    send(mail_server(services), _mail(recipient, letter.begun, letter.over))
                    sent += 1
                except MailRefused as error:
                    _log.error("an alert to %s was refused: %s", recipient, error)
                except MailDeferred as error:
                    deferred = error
                    waiting.update(one.id for one in letter.troubles)
                    continue
                mailed.note(recipient, letter.troubles)
            through = [one for one in found if one.id not in waiting]
            with services.database.write() as connection:
                troubles.told(connection, through)
            mailed.forget(through)
            if deferred is not None:
                raise deferred
    return sent


def _letters(
    services: Services, connection: Connection, found: Sequence[Trouble], mailed: Mailed
) -> dict[str, _Letter]:  # fmt: skip
    new = troubles.begun_untold(connection, [one.id for one in found])
    letters: dict[str, _Letter] = defaultdict(_Letter)
    for one in found:
        if now() - (one.ended_at or one.began_at) > _NEWS_FOR or (one.ended_at is not None and one.id in new):
            continue  # old, or over before anybody heard of it
        try:
            whose, recipients = _whose(services, connection, one)
        except NotFound:
            continue  # erased
        for recipient in recipients:
            if mailed.is_told(recipient, one):
                continue
            letter = letters[recipient]
            letter.troubles.append(one)
            if one.ended_at is None:
                letter.begun.append((f"{_SAID[one.kind]}: {whose}", one.message))
            else:
                letter.over.append((f"Over: {whose}", f"since {format_time(one.began_at)}: {one.message}"))
    return letters


def _whose(services: Services, connection: Connection, trouble: Trouble) -> tuple[str, list[str]]:
    if trouble.instance_id is None:
        return trouble.subject or "what belongs to no single instance", services.settings.alert_to.split()
    instance = instances.get(connection, trouble.instance_id, deleted=True)
    customer = customers.get(connection, instance.customer_id, deleted=True)
    definition = definitions.get(connection, instance.definition_id, deleted=True)
    vendor = vendors.get(connection, customer.vendor_id)
    recipients = services.settings.alert_to.split()
    if services.settings.alert_vendors and vendor.email is not None and vendor.disabled_at is None:
        recipients.append(vendor.email)
    name = instance.label or f"instance {instance.id}"
    return f"{definition.name} of {customer.name} ({name})", list(dict.fromkeys(recipients))


def _mail(recipient: str, begun: Sequence[Line], over: Sequence[Line]) -> Mail:
    lines = [*begun, *over]
    if len(lines) == 1:
        subject = lines[0][0]
    else:
        parts = [f"{len(begun)} new troubles" if begun else "", f"{len(over)} over" if over else ""]
        subject = "Backups: " + ", ".join(part for part in parts if part)
    shown, more = lines[:_LINES], len(lines) - _LINES
    rest = f"And {more} more: `holdfast status` shows them." if more > 0 else ""
    text = "\n\n".join([*(f"{headline}\n  {about}" for headline, about in shown), rest]).rstrip() + "\n"
    html = "".join(f"<p><b>{escape(headline)}</b><br>{escape(about)}</p>" for headline, about in shown)
    return Mail(recipient, " ".join(subject.split())[:200], text, html + (f"<p>{escape(rest)}</p>" if rest else ""))
