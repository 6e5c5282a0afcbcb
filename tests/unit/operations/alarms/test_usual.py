"""A simulated year of every kind of normal account raises nothing; ten thousand deleted records do, on any day."""

import math
import random
from collections.abc import Callable

import pytest

from holdfast.operations.alarms.usual import CHANGES, DELETIONS, Day, Past, Scale, Verdict, judge

Pattern = Callable[[random.Random, int], int]
YEAR = 365


def poisson(chance: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    product, count = chance.random(), 0
    while product > math.exp(-mean):
        product *= chance.random()
        count += 1
    return count


def uneven(chance: random.Random, mean: float, shape: float) -> int:
    """Varies from day to day by more than chance alone would have it."""
    return poisson(chance, chance.gammavariate(shape, mean / shape))


PATTERNS: dict[str, Pattern] = {
    "hardly ever": lambda chance, day: poisson(chance, 0.1),
    "a few": lambda chance, day: poisson(chance, 2),
    "steady": lambda chance, day: poisson(chance, 1_000),
    "uneven": lambda chance, day: int(chance.lognormvariate(math.log(200), 0.5)),
    "weekdays only": lambda chance, day: uneven(chance, 500 if day % 7 < 5 else 20, 4),
    "tidied up on Sundays": lambda chance, day: uneven(chance, 2_000, 20) if day % 7 == 3 else poisson(chance, 10),
    "busy on both days of the weekend": lambda chance, day: uneven(chance, 1_500 if day % 7 in {2, 3} else 90, 20),
    "growing": lambda chance, day: uneven(chance, 50 * 20 ** (day % 1_000 / YEAR), 5),
    "quiet, then used": lambda chance, day: 0 if day % 1_000 < 100 else uneven(chance, 150, 4),
}  # fmt: skip


def simulated(
    pattern: Pattern, seed: int, *, live: int = 200_000, scale: Scale = DELETIONS, missed: float = 0.05, every: int = 1,
    attack: tuple[int, int] | None = None,
) -> dict[int, Verdict]:  # fmt: skip
    """The alarms of a year by day. Some backups are missed: the next one finds what they would have found."""
    chance = random.Random(seed)
    start = 1_000 * chance.randrange(7, 14)
    days: list[Day] = []
    alarms: dict[int, Verdict] = {}
    found = 0
    for day in range(start, start + YEAR):
        found += pattern(chance, day)
        if attack is not None and day - start == attack[0]:
            found += attack[1]
        elif (day - start) % every or chance.random() < missed:
            continue
        verdict = judge(found, day, live, Past([one.value for one in days[-60:]], days, 0), scale)
        if verdict is None:
            days.append(Day(day, found))
        else:
            alarms[day - start] = verdict
        found = 0
    return alarms


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("every", [1, 7])
def test_no_normal_day_of_a_year_raises_an_alarm(name: str, every: int) -> None:
    for seed in range(3):
        assert simulated(PATTERNS[name], seed, every=every) == {}
        assert simulated(PATTERNS[name], seed, every=every, live=2_000_000) == {}


@pytest.mark.parametrize("name", PATTERNS)
def test_ten_thousand_deleted_records_raise_one_on_any_day(name: str) -> None:
    for seed in range(8):
        day = random.Random(seed).randrange(4, YEAR)
        alarms = simulated(PATTERNS[name], seed, missed=0.0, attack=(day, 10_000))
        assert list(alarms) == [day], (seed, day)
        assert alarms[day].value >= 10_000 > alarms[day].limit


def test_changed_records_are_measured_likewise() -> None:
    def pattern(chance: random.Random, day: int) -> int:
        return uneven(chance, 40_000, 20) if day % 7 == 0 else uneven(chance, 3_000, 4)

    for seed in range(3):
        assert simulated(pattern, seed, scale=CHANGES) == {}
        assert list(simulated(pattern, seed, scale=CHANGES, attack=(200, 190_000))) == [200]


def test_backups_every_hour_add_up_to_a_day() -> None:
    days = [Day(number, 100) for number in range(1_000, 1_060)]
    assert judge(4_000, 1_060, 100_000, Past([], days, 0), DELETIONS) is not None
    assert judge(400, 1_060, 100_000, Past([], days, 100), DELETIONS) is None
    verdict = judge(400, 1_060, 100_000, Past([], days, 1_900), DELETIONS)
    assert verdict is not None and verdict.value == 2_300


def test_before_anything_is_usual_only_a_large_share_counts() -> None:
    assert judge(1_900, 1_000, 10_000, Past([], [], 0), DELETIONS) is None
    assert judge(2_100, 1_000, 10_000, Past([], [], 0), DELETIONS) is not None
    assert judge(99, 1_000, 150, Past([], [], 0), DELETIONS) is None
    assert judge(10_000, 1_000, 10_000, Past([], [], 0), CHANGES) is None


def test_many_times_as_much_as_in_any_backup_before_counts_from_the_fourth_on() -> None:
    assert judge(10_000, 1_000, 1_000_000, Past([12, 300], [], 0), DELETIONS) is None
    assert judge(10_000, 1_000, 1_000_000, Past([12, 300, 0], [], 0), DELETIONS) is not None
    assert judge(10_000, 1_000, 1_000_000, Past([12, 2_300, 0], [], 0), DELETIONS) is None
