"""When a request that failed is sent again: pure decisions from the definition's `retry` and the answer's headers.
Who sends, and who waits, is `client`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.clock import parse_mail_date, parse_time
from holdfast.definitions.document import Quota, Retry, TimeForm

__all__ = [
    "Patience", "asked_at", "clock_difference", "declared_wait", "exhausted_quota", "is_throttled", "quota_wait",
    "seconds_until",
]  # fmt: skip

_LONGEST_DECLARED_S = 3600.0
"""How long one request waits, all in all, because the source says so: hourly quotas are the longest common ones."""
_DECLARED_ATTEMPTS = 100
"""Tries of one request while the source says how long to wait: many readers may stand before the same quota."""
_TRUSTED_ATTEMPTS = 5
"""Tries after which a declared wait is no longer believed where our own would be longer."""
_CLOCKS_DIFFER = timedelta(minutes=1)
_QUOTA_HEADERS = ("X-RateLimit", "RateLimit", "X-Rate-Limit")


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
            return self._own_wait(self.attempts)
        if self.attempts > _TRUSTED_ATTEMPTS:
            declared = max(declared, self._own_wait(self.attempts - _TRUSTED_ATTEMPTS))
        self.declared_s += declared
        if self.attempts >= max(_DECLARED_ATTEMPTS, self.retry.attempts) or self.declared_s > _LONGEST_DECLARED_S:
            return None
        # Everybody who was told the same time would come back in the same moment.
        return declared + random.uniform(0.0, min(1.0, declared * 0.1))

    def _own_wait(self, attempts: int) -> float:
        # The exponent is bounded so that a definition with many attempts cannot overflow a float.
        wait = self.retry.first_wait.total_seconds() * 2.0 ** min(attempts - 1, 30)
        return min(wait, self.retry.longest_wait.total_seconds()) * random.uniform(0.5, 1.0)


def is_throttled(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer means "too many requests": 429, and 403 or 503 that say so in their headers (GitHub)."""
    if status == 429:
        return True
    if status not in {403, 503}:
        return False
    return "Retry-After" in headers or exhausted_quota(headers) is not None


def declared_wait(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds after which the source wants to be asked again, from Retry-After or the reset of an exhausted quota.

    None where it says nothing that can be understood. Times in the past are 0.
    """
    text = headers.get("Retry-After", "").strip()
    if text:
        seconds = _seconds(text)
        if seconds is None:
            try:
                moment = parse_mail_date(text)
            except ValueError:
                return None
            # The source's clock may differ from ours; its own Date says by how much.
            seconds = (moment - _their_now(headers, now)).total_seconds()
        return max(0.0, seconds)
    quota = exhausted_quota(headers)
    reset = _seconds(headers.get(f"{quota}-Reset", "").strip()) if quota else None
    if reset is None:
        return None
    # Some send seconds from now, most a Unix time, a few in milliseconds; no quota lasts 30 years.
    if reset >= 100_000_000_000:
        reset /= 1000
    return max(0.0, reset if reset < 1_000_000_000 else reset - _their_now(headers, now).timestamp())


def exhausted_quota(headers: Mapping[str, str]) -> str | None:
    """What the names of the headers begin with that say that no request is left; None: none says so."""
    for name in _QUOTA_HEADERS:
        if headers.get(f"{name}-Remaining", "").strip() == "0":
            return name
    return None


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None


def quota_wait(quota: Quota, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to send nothing, where an answer tells that no more than the quota's `reserve` is left; None: go on."""
    remaining = _seconds(headers.get(quota.remaining, "").strip())
    if remaining is None or remaining > quota.reserve:
        return None
    return seconds_until(headers.get(quota.reset, ""), quota.reset_as, headers, now)


def seconds_until(text: str, form: TimeForm, headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until what a header says, told in this form; 0 for the past, None where it cannot be understood."""
    text = text.strip()
    if form == "time":
        try:
            moment = parse_time(text) if text[:1].isdigit() else parse_mail_date(text)
        except ValueError:
            return None
        return max(0.0, (moment - _their_now(headers, now)).total_seconds())
    number = _seconds(text)
    if number is None:
        return None
    if form == "seconds":
        return number
    return max(0.0, number / (1000 if form == "unix_ms" else 1) - _their_now(headers, now).timestamp())


def asked_at(headers: Mapping[str, str], now: datetime, took: timedelta) -> datetime:
    """When a request was sent by the source's clock, or a little earlier, but never later; `took`: until its answer
    began. Without a `Date` our own clock has to do, less what clocks usually differ by."""
    if "Date" in headers:
        return _their_now(headers, now) - took
    return now - took - _CLOCKS_DIFFER


def clock_difference(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How far the source's clock is ahead of ours; None: it does not say."""
    return _their_now(headers, now) - now if "Date" in headers else None


def _their_now(headers: Mapping[str, str], now: datetime) -> datetime:
    """The source's own time, as its `Date` tells it; ours (`now`) where it does not."""
    try:
        return parse_mail_date(headers.get("Date", ""))
    except ValueError:
        return now
