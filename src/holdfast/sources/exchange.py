"""One request to a source and its answer, as values. Sending is `client`'s matter, what an answer means `judging`'s."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from multidict import CIMultiDictProxy

from holdfast.errors import SourceError
from holdfast.sources.judging import Verdict

__all__ = ["Answer", "Exchange", "Request", "Streamed", "Tally", "asking"]


@dataclass(frozen=True, slots=True)
class Streamed:
    """A body that is read while it is sent, anew for each attempt."""

    size_bytes: int
    open: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask; without the credential, which is added on the way out, to the source's own origin only."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | Streamed | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that was answered, whatever the answer, for whoever looks on."""

    asked: str
    """Method and URL, without the credential."""
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    seconds: float
    """From its sending to the end of the body."""


@contextmanager
def asking(request: Request) -> Iterator[None]:
    """Note with an error that leaves the block what was asked, where it does not know better."""
    try:
        yield
    except SourceError as error:
        if error.asked is None:
            error.asked = f"{request.method} {request.url}"
        raise


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    url: str
    """Where it came from in the end, after redirects, without the credential."""
    requests: int
    """Requests it took, repeated attempts and redirects included."""
    asked_at: datetime
    """When it was asked for by the source's own clock, as far as its `Date` tells; never later than that."""
    verdict: Verdict | None = None
    """What the definition says that such an answer means; None: what its status says."""

    @property
    def is_success(self) -> bool:
        """A whole answer to the question; 206 would be a part of one."""
        return self.verdict is None and 200 <= self.status < 300 and self.status != 206


@dataclass(slots=True)
class Tally:
    """Requests sent for one purpose."""

    requests: int = 0
