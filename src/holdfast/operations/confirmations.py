"""The mail that tells a customer that an export is there, sent by a job of its own so that a dead mail server delays
nothing else."""

import logging
import socket
from html import escape

from sqlalchemy import Connection

from holdfast.catalog import customers, definitions, exports, instances, logs, vendors
from holdfast.catalog.exports import Export
from holdfast.clock import format_time
from holdfast.errors import MailRefused
from holdfast.ids import new_id
from holdfast.notify.mail import Mail, MailServer, send
from holdfast.operations import jobs
from holdfast.operations.services import Services

_log = logging.getLogger(__name__)


def enqueue(services: Services, connection: Connection, export_id: int) -> None:
    """Send the confirmation of an export that has its archive, if mails are sent at all."""
    if services.settings.smtp_host:
        # A key of its own: an address that was renewed is sent again.
        services.engine.enqueue(
            connection, jobs.CONFIRMATION, export_id, key=f"{jobs.CONFIRMATION}-{export_id}-{new_id()}"
        )


def send_confirmation(services: Services, export_id: int) -> None:
    """Send it. Raises MailError where the server should be asked again."""
    from holdfast.operations import exports as operations

    with services.database.read() as connection:
        export = exports.get(connection, export_id)
        instance = instances.get(connection, export.instance_id, deleted=True)
        customer = customers.get(connection, instance.customer_id, deleted=True)
        definition = definitions.get(connection, instance.definition_id, deleted=True)
        vendor = vendors.get(connection, customer.vendor_id)
    address = operations.address(services, export)
    if address is None or customer.email is None or customer.deleted_at is not None:
        return
    mail = _mail(customer.email, vendor.name, definition.name, export, base_url(services) + address)
    try:
        send(mail_server(services), mail)
    except MailRefused as error:
        _log.warning("the confirmation of export %d was not sent: %s", export_id, error)
        level, message = "warning", f"the confirmation of an export could not be sent: {error}"
    else:
        level, message = "info", "the confirmation of an export was sent"
    with services.database.write() as connection:
        logs.write(connection, instance.id, level, message, export_id=export_id)


def base_url(services: Services) -> str:
    """What addresses in mails begin with."""
    settings = services.settings
    return settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"


def _mail(recipient: str, vendor: str, application: str, export: Export, url: str) -> Mail:
    assert export.url_expires_at is not None, "an export with an address has a time when it expires"
    until = format_time(export.url_expires_at)
    records = f"{export.records_processed:,} records"
    incomplete = (
        ""
        if not export.records_failed
        else f" {export.records_failed:,} of them could not be read; manifest.json in the archive names them."
    )
    text = (
        f"Your export of {application} is ready: {records}.{incomplete}\n\n{url}\n\n"
        f"The address is good until {until}. Whoever has it can download the export: do not pass it on.\n\n{vendor}\n"
    )
    html = (
        f"<p>Your export of {escape(application)} is ready: {records}.{incomplete}</p>"
        f'<p><a href="{escape(url)}">Download the export</a></p>'
        f"<p>The address is good until {until}. Whoever has it can download the export: do not pass it on.</p>"
        f"<p>{escape(vendor)}</p>"
    )
    return Mail(recipient, f"Your export of {application} is ready", text, html)


def mail_server(services: Services) -> MailServer:
    """The operator's, as the settings say."""
    settings = services.settings
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security,
        username=settings.smtp_username,
        password="" if password is None else password.get_secret_value(),
        sender=settings.mail_from or f"holdfast@{socket.getfqdn()}",
    )
