"""When a request that failed is sent again: pure decisions from the definition's `retry` and the answer's headers.
Who sends, and who waits, is `client`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from holdfast.definitions.document import Retry

__all__ = ["Patience", "declared_wait", "is_throttled"]

_LONGEST_DECLARED_S = 3600.0
"""How long one request waits, all in all, because the source says so: hourly quotas are the longest common ones."""
_DECLARED_ATTEMPTS = 20
"""Tries of one request while the source says how long to wait: many readers may stand before the same quota."""


@dataclass
class Patience:
    """What is left of the will to repeat one request. `next_wait` gives seconds, or None when it is used up."""

    retry: Retry
    most: int | None = None
    """At most so many attempts, where that is fewer than the definition's."""
    attempts: int = 0
    """Failed attempts so far."""
    declared_s: float = 0.0

    def next_wait(self, declared: float | None = None) -> float | None:
        """Seconds to wait before the next attempt. `declared`: what the source itself asked for."""
        self.attempts += 1
        if declared is None:
            if self.attempts >= min(self.retry.attempts, self.most or self.retry.attempts):
                return None
            longest = self.retry.longest_wait.total_seconds()
            # The exponent is bounded so that a definition with many attempts cannot overflow a float.
            wait = min(longest, self.retry.first_wait.total_seconds() * 2.0 ** min(self.attempts - 1, 30))
            return wait * random.uniform(0.5, 1.0)
        self.declared_s += declared
        if self.attempts >= max(_DECLARED_ATTEMPTS, self.retry.attempts) or self.declared_s > _LONGEST_DECLARED_S:
            return None
        # Everybody who was told the same time would come back in the same moment.
        return declared + random.uniform(0.0, min(1.0, declared * 0.1))


def is_throttled(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer means "too many requests": 429, and 403 or 503 that say so in their headers (GitHub)."""
    if status == 429:
        return True
    if status not in {403, 503}:
        return False
    return "Retry-After" in headers or headers.get("X-RateLimit-Remaining", "").strip() == "0"


def declared_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds after which the source wants to be asked again, from Retry-After or an exhausted X-RateLimit-Reset.

    None where it says nothing that can be understood. Times in the past are 0.
    """
    text = headers.get("Retry-After", "").strip()
    if text:
        seconds = _seconds(text)
        if seconds is None:
            try:
                moment = parsedate_to_datetime(text)
            except ValueError:
                return None
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            # The source's clock may differ from ours; its own Date says by how much.
            seconds = (moment - _their_now(headers, now)).total_seconds()
        return max(0.0, seconds)
    if headers.get("X-RateLimit-Remaining", "").strip() == "0":
        reset = _seconds(headers.get("X-RateLimit-Reset", "").strip())
        if reset is not None:
            # Some send seconds from now, most a Unix time; no quota lasts 30 years.
            seconds = reset if reset < 1_000_000_000 else reset - _their_now(headers, now).timestamp()
            return max(0.0, seconds)
    return None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None


def _their_now(headers: Mapping[str, str], now: datetime) -> datetime:
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return now
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
