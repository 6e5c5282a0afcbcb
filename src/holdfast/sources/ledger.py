"""What the runs of one credential have been given of its limits: requests in any period, places at once, pauses.

Pure: whoever keeps the ledger lets one at a time in, and says what time it is.
"""

from dataclasses import dataclass, field
from typing import Any

from holdfast.definitions.document import Limits

__all__ = ["Ask", "Ledger", "Share"]

PLACES_S = 10.0
"""Places that were not renewed for so long are free again: their run's worker is dead or frozen."""
_SLICE_S = 2.0
"""Where there are more runs than places, a place goes round: each has it for so long."""
_TOKENS_SHARE, _TOKENS_LEAST_S, _TOKENS_MOST_S = 0.05, 0.2, 5.0
"""How long requests that were granted may be sent, as a share of the period: by so much the period is stretched."""
_PIECES = 200
"""A period's grants are kept in so many pieces, each dated at its end, which errs on the side of fewer requests."""
_LARGEST_SHARE = 10
_AGAIN_S = 0.5
_NO_LIMIT = 1_000
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """What a run wants."""

    places: int = 0
    """To have at once from now on; 0: it gives all back."""
    under_way: int = 0
    """Requests that it waits for: their places cannot be given to others yet."""
    tokens: int = 0
    """Further requests that it wants to send soon."""
    unused: int = 0
    """Tokens of the grant `of` that it has not used and will not use any more."""
    of: int = 0
    pause_s: float = 0.0
    """The source asks for a pause of so long."""


@dataclass(frozen=True, slots=True)
class Share:
    """What it gets. Times count from the moment of asking."""

    places: int
    places_s: float
    tokens: int
    tokens_s: float
    grant: int
    again_s: float
    """When to ask again, where this is less than was wanted."""
    paused_s: float


@dataclass
class Ledger:
    """Times are microseconds of the keeper's clock."""

    grants: list[list[int]] = field(default_factory=list)
    """[time, requests], ascending."""
    users: dict[str, list[int]] = field(default_factory=dict)
    """By run: [places, since when, good until]."""
    paused_until: int = 0

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Ledger":
        return cls(**document)

    def document(self) -> dict[str, Any]:
        return {"grants": self.grants, "users": self.users, "paused_until": self.paused_until}

    def give(self, user: str, ask: Ask, limits: Limits, now: int) -> Share:
        """Note what was given back, and give out what is there.

        `user` is a run's name, a slash, and a number for each worker that takes it over: the earlier ones have lost it.
        """
        run = user.partition("/")[0]
        self.users = {
            name: one
            for name, one in self.users.items()
            if name == user or (one[2] > now and name.partition("/")[0] != run)
        }
        self.paused_until = max(self.paused_until, now + int(ask.pause_s * _SECOND))
        self._take_back(ask)
        # Who asks for nothing but requests is still one of those who share them.
        total = limits.concurrency if limits.concurrency_is_stated else limits.concurrency * _NO_LIMIT
        places = self._places(user, ask, total, now)
        tokens, tokens_s, grant, again_s = self._tokens(ask, limits, now)
        return Share(places, PLACES_S, tokens, tokens_s, grant, again_s, max(0.0, (self.paused_until - now) / _SECOND))

    def _places(self, user: str, ask: Ask, total: int, now: int) -> int:
        has, since, _ = self.users.get(user, [0, now, 0])
        if not ask.places and not ask.under_way:
            self.users.pop(user, None)
            return 0
        others = [one for name, one in self.users.items() if name != user]
        fair = max(1, total // (len(others) + 1))
        is_waited_for = any(not one[0] for one in others)
        if has and len(others) >= total and is_waited_for and now - since > _SLICE_S * _SECOND:
            given = 0
        else:
            free = total - sum(one[0] for one in others)
            given = max(0, min(ask.places, free, max(fair, total - sum(max(one[0], fair) for one in others))))
        # Whoever waits longest has been without for the longest time.
        if len(others) >= total and not has and given and any(not one[0] and one[1] < since for one in others):
            given = 0
        kept = max(given, ask.under_way)
        self.users[user] = [kept, since if bool(kept) == bool(has) else now, now + int(PLACES_S * _SECOND)]
        return given

    def _tokens(self, ask: Ask, limits: Limits, now: int) -> tuple[int, float, int, float]:
        if limits.requests is None or not ask.tokens:
            return 0, 0.0, 0, _AGAIN_S
        period_s = limits.per.total_seconds()
        good_s = min(_TOKENS_MOST_S, max(_TOKENS_LEAST_S, _TOKENS_SHARE * period_s))
        # A request of a grant may be sent until `good_s` later: only then does it lie behind every period from now on.
        behind = now - int((period_s + good_s) * _SECOND)
        self.grants = [one for one in self.grants if one[0] > behind]
        left = limits.requests - sum(one[1] for one in self.grants)
        if left <= 0:
            return 0, 0.0, 0, max(0.05, (self.grants[0][0] - behind) / _SECOND)
        share = max(1, min(limits.requests // _LARGEST_SHARE, left // max(1, len(self.users))))
        given = min(ask.tokens, share, left)
        piece = max(1, int(period_s * _SECOND / _PIECES))
        grant = (now // piece + 1) * piece
        if self.grants and self.grants[-1][0] >= grant:
            grant = self.grants[-1][0]
            self.grants[-1][1] += given
        else:
            self.grants.append([grant, given])
        return given, good_s, grant, _AGAIN_S

    def _take_back(self, ask: Ask) -> None:
        for one in self.grants:
            if ask.unused and one[0] == ask.of:
                one[1] = max(0, one[1] - ask.unused)
