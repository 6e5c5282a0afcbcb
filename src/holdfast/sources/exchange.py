"""One request to a source and its answer, as values. Sending is `client`'s matter, what an answer means `judging`'s."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from multidict import CIMultiDictProxy

from holdfast.sources.judging import Verdict

__all__ = ["Answer", "Request", "Tally"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask; without the credential, which is added on the way out, to the source's own origin only."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | None = None


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
