"""What is usual for an endpoint: how many records may be deleted or changed in a day before somebody should look.

Pure arithmetic over the daily sums of the past. Robust: single outliers move neither median nor MAD, days of the week
that are always busy are known as such, and a day that catches up on several may have as much as several.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

WINDOW_DAYS = 120
"""Older days count only where there are fewer than FEWEST_DAYS younger ones: backups once a week."""
FEWEST_DAYS = 30
_LEARNING_DAYS = 14
"""With fewer days than this nobody can tell what is usual: then a large share counts, or many times as much as in any
backup before."""
_LEARNING_RUNS = 3

_TO_SIGMA = 1.4826
"""Makes a median absolute deviation comparable to a standard deviation."""
_SPREADS = 6.0
_TIMES_THE_HIGHEST = 2.5
_TIMES_THE_HIGHEST_WHILE_LEARNING = 5.0
_PEAK = 3.0
"""A day of the week whose median is so many times the others' is busy."""


@dataclass(frozen=True)
class Scale:
    """From which number on it can be worth an alarm: a share of the records there are, within bounds."""

    fewest: int
    share: float
    always: int
    """So many are, however small their share."""
    share_while_learning: float | None
    """None: no alarm before it is known what is usual."""

    def floor(self, live: int) -> float:
        return min(max(self.fewest, self.share * live), self.always)


DELETIONS = Scale(fewest=100, share=0.02, always=5_000, share_while_learning=0.2)
CHANGES = Scale(fewest=500, share=0.1, always=50_000, share_while_learning=None)


@dataclass(frozen=True)
class Day:
    """The sum of a day's backups."""

    number: int
    """Days since 1970-01-01 (UTC), a Thursday."""
    value: int


@dataclass(frozen=True)
class Verdict:
    """A number that is far from what is usual."""

    value: int
    usual: float
    """The median of a day."""
    limit: float
    days: int
    """Over how many days that was learned."""


@dataclass(frozen=True)
class Past:
    """What came before a backup, without what was worth an alarm itself. All ascending."""

    runs: Sequence[int]
    """Of the newest backups, each for itself."""
    days: Sequence[Day]
    """Without today."""
    today: int
    """The sum of today's earlier backups."""


def judge(value: int, today: int, live: int, past: Past, scale: Scale) -> Verdict | None:
    """Whether what one backup found is far from what is usual; None: it is not. `live`: the records there were."""
    days = [day for day in past.days if day.number >= today - WINDOW_DAYS]
    if len(days) < FEWEST_DAYS:
        days = list(past.days[-FEWEST_DAYS:])
    if len(days) < _LEARNING_DAYS:
        limit = _limit_while_learning(past.runs, live, scale)
        usual = median(past.runs) if past.runs else 0.0
    else:
        value += past.today
        values = [day.value for day in days]
        limit = _catching_up(days, today) * max(_spread_limit(values), _TIMES_THE_HIGHEST * _highest(days, today))
        usual = median(values)
    limit = max(limit, scale.floor(live))
    return Verdict(value, usual, limit, len(days)) if value > limit else None


def _limit_while_learning(values: Sequence[int], live: int, scale: Scale) -> float:
    if scale.share_while_learning is None:
        return math.inf
    large = scale.share_while_learning * live
    if len(values) < _LEARNING_RUNS:
        return large
    return min(large, max(_TIMES_THE_HIGHEST_WHILE_LEARNING * max(values), scale.always))


def _spread_limit(values: Sequence[int]) -> float:
    middle = median(values)
    spread = max(_TO_SIGMA * median(abs(value - middle) for value in values), math.sqrt(middle))
    return middle + _SPREADS * spread


def _highest(days: Sequence[Day], today: int) -> int:
    """The highest of the days that today can be compared with: the busy days of the week count only where one of them
    is today or was yesterday, or since the last backup."""
    busy = _busy_weekdays(days)
    covered = range(min(days[-1].number + 1, today - 1), today + 1)
    if any(number % 7 in busy for number in covered):
        busy = set()
    return max((day.value for day in days if day.number % 7 not in busy), default=0)


def _busy_weekdays(days: Sequence[Day]) -> set[int]:
    by_weekday: dict[int, list[int]] = defaultdict(list)
    for day in days:
        by_weekday[day.number % 7].append(day.value)
    if len(by_weekday) < 7:
        return set()
    medians = {weekday: median(values) for weekday, values in by_weekday.items()}
    return {
        weekday
        for weekday, middle in medians.items()
        if middle > _PEAK * max(median(other for one, other in medians.items() if one != weekday), 1.0)
    }


def _catching_up(days: Sequence[Day], today: int) -> float:
    """How many usual spans between two backups lie behind today, at least one."""
    spans = [after.number - before.number for before, after in pairwise(days)]
    return max((today - days[-1].number) / max(median(spans), 1), 1.0)
