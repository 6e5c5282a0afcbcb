"""Mails about troubles: to the operator, and to the vendor whose instance it is. One mail for all that is new, so that
a source which is down does not send a thousand; nothing is told twice, and that it is over is told once.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from html import escape

from sqlalchemy import Connection

from holdfast.catalog import customers, definitions, instances, troubles, vendors
from holdfast.catalog.troubles import Trouble
from holdfast.clock import format_time, now, timedelta
from holdfast.errors import MailRefused, NotFound
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


def send_alerts(services: Services) -> int:
    """Mail what nobody was told yet; answers how many mails. Raises MailError: the next call tries again."""
    sent = 0
    with unless_busy(), locked(services, "alerts"):
        while True:
            with services.database.read() as connection:
                found = troubles.untold(connection, _AT_ONCE)
                mails = _mails(services, connection, found)
            if not found:
                break
            for mail in mails:
                try:
                    send(mail_server(services), mail)
                    sent += 1
                except MailRefused as error:
                    _log.error("an alert to %s was refused: %s", mail.recipient, error)
            with services.database.write() as connection:
                troubles.told(connection, found)
    return sent


def _mails(services: Services, connection: Connection, found: Sequence[Trouble]) -> list[Mail]:
    new = troubles.begun_untold(connection, [one.id for one in found])
    begun: dict[str, list[Line]] = defaultdict(list)
    over: dict[str, list[Line]] = defaultdict(list)
    for one in found:
        if now() - (one.ended_at or one.began_at) > _NEWS_FOR or (one.ended_at is not None and one.id in new):
            continue  # old, or over before anybody heard of it
        try:
            whose, recipients = _whose(services, connection, one)
        except NotFound:
            continue  # erased
        for recipient in recipients:
            if one.ended_at is None:
                begun[recipient].append((f"{_SAID[one.kind]}: {whose}", one.message))
            else:
                over[recipient].append((f"Over: {whose}", f"since {format_time(one.began_at)}: {one.message}"))
    return [_mail(recipient, begun[recipient], over[recipient]) for recipient in sorted({*begun, *over})]


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
