"""One real service for the whole suite: SQLite, a vault in a folder, a worker, the API on a port of 127.0.0.1.

Every test gets vendors of its own, so that tests see nothing of each other.
"""

from collections.abc import Iterator

import pytest

from tests.contract.client import Client, Service
from tests.support.hostile_source import HostileSource, in_thread
from tests.support.mailbox import Mailbox


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server; what arrived is in `mails`."""
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Service]:
    """One for each file: a process can be the worker of one installation only, and other suites want to be it too."""
    home = tmp_path_factory.mktemp("installation") / "home"
    with Service.started(
        home, smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security="none", mail_from="backup@acme.example"
    ) as service:
        yield service


@pytest.fixture
def vendor(service: Service) -> Client:
    """A vendor's client with a token."""
    return service.new_vendor()


@pytest.fixture
def other(service: Service) -> Client:
    """Another vendor's client."""
    return service.new_vendor()


@pytest.fixture
def source() -> Iterator[HostileSource]:
    """An application to back up, empty at first."""
    with in_thread(HostileSource({"items": []})) as source:
        yield source
