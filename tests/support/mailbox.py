"""A real SMTP server in this process (aiosmtpd) that keeps what it gets."""

import socket
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


class Mailbox:
    """`refuse` says with which answer the next mails are refused; None: they are taken."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuse: str | None = None
        self.not_now: set[str] = set()
        """Recipients whose mails are to be sent again later."""
        self.sender: str | None = None
        """The one sender that is served; None: all are."""
        self.attempts = 0
        self._arrived = threading.Condition()
        self._controller = Controller(self, hostname="127.0.0.1", port=0)

    @property
    def port(self) -> int:
        server: Any = self._controller.server
        number: int = server.sockets[0].getsockname()[1]
        return number

    async def handle_DATA(self, server: object, session: object, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.attempts += 1
        if self.refuse is not None:
            return self.refuse
        with self._arrived:
            content = cast(bytes, envelope.content)
            self.mails.append(message_from_bytes(content, policy=default))  # type: ignore[arg-type]
            self._arrived.notify_all()
        return "250 OK"

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self, server: object, session: object, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender not in (None, address):
            return "550 you may not send from here"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self,
        server: object,
        session: object,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if address in self.not_now:
            return "450 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def wait_for(self, recipient: str, count: int = 1) -> list[EmailMessage]:
        """The mails to somebody, when there are so many."""

        def found() -> list[EmailMessage]:
            return [mail for mail in self.mails if mail["To"] == recipient]

        with self._arrived:
            assert self._arrived.wait_for(lambda: len(found()) >= count, 30), f"{len(found())} mails to {recipient}"
            return found()

    def __enter__(self) -> Self:
        # The controller calls itself to see whether it is there, and with port 0 it would not know where.
        self._controller._trigger_server = self._call  # type: ignore[method-assign]
        self._controller.start()
        return self

    def _call(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.recv(1024)

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
