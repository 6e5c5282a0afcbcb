"""Sends one mail through the operator's SMTP server."""

import asyncio
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Literal

import aiosmtplib

from holdfast.clock import now
from holdfast.errors import MailDeferred, MailError, MailRefused

TIMEOUT_S = 30.0
_NOT_ABOUT_THE_MAIL = (
    aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPHeloError, aiosmtplib.SMTPConnectResponseError,
    aiosmtplib.SMTPSenderRefused,
)  # fmt: skip
"""Whatever their code: a password that was changed is no reason to give a mail up."""


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str
    password: str
    sender: str


@dataclass(frozen=True)
class Mail:
    recipient: str
    subject: str
    text: str
    html: str


def send(server: MailServer, mail: Mail) -> None:
    """Send it, or raise: MailError where the server does not serve us at all, MailDeferred where it may take this mail
    later, MailRefused where it never will."""
    message = EmailMessage()
    try:
        message["From"] = server.sender
        message["To"] = Address(addr_spec=mail.recipient)
        message["Subject"] = mail.subject
    except (ValueError, IndexError) as error:
        raise MailRefused(f"{mail.recipient!r} is no address to send a mail to") from error
    message["Date"] = format_datetime(now())
    message["Message-ID"] = make_msgid(domain=server.sender.rpartition("@")[2].rstrip(">") or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    try:
        asyncio.run(_send(server, message))
    except _NOT_ABOUT_THE_MAIL as error:
        raise MailError(f"{server.host} does not serve us: {error.code} {error.message}") from error
    except aiosmtplib.SMTPResponseException as error:
        failure = MailRefused if error.code >= 500 else MailDeferred
        raise failure(f"{server.host} refused the mail: {error.code} {error.message}") from error
    except aiosmtplib.SMTPRecipientsRefused as error:
        code = max(one.code for one in error.recipients)
        failure = MailRefused if code >= 500 else MailDeferred
        raise failure(f"{server.host} refused the recipient: {code}") from error
    except (aiosmtplib.SMTPNotSupported, UnicodeEncodeError) as error:
        raise MailRefused(f"{server.host} knows no such address as {mail.recipient!r}") from error
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        raise MailError(f"{server.host}:{server.port} took no mail: {error}") from error


async def _send(server: MailServer, message: EmailMessage) -> None:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        timeout=TIMEOUT_S,
    )
    async with client:
        if server.username:
            await client.login(server.username, server.password)
        await client.send_message(message)
