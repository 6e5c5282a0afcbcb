"""A real Kinto server as fixtures: `kinto` is one for the whole session, `kinto_bucket` an empty bucket of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from demo.kinto_client import KintoClient
from demo.kinto_server import KintoServer

_buckets = count(1)


@dataclass(frozen=True)
class Kinto:
    """A running server and a client that may do everything on it."""

    server: KintoServer
    client: KintoClient

    @property
    def url(self) -> str:
        return self.server.url


@pytest.fixture(scope="session")
def kinto() -> Iterator[Kinto]:
    """Started at its first use, about two seconds; nothing of it is left after the session."""
    with KintoServer() as server:
        client = KintoClient(server.url, server.user, server.password)
        client.make_account(server.user, server.password)
        yield Kinto(server, client)
        client.close()


@pytest.fixture
def kinto_bucket() -> str:
    """A bucket's name that no test has used on this server."""
    return f"bucket-{next(_buckets)}"
