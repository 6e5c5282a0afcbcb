"""Which backups the rules keep: a pure function, tried on calendars."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.errors import InputError
from holdfast.operations.retention import EndedRun, RetentionRules, keep

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def runs_every(step: timedelta, count: int, status: str = "successful") -> list[EndedRun]:
    """Backups at equal distances, the last one just now."""
    return [EndedRun(number + 1, 1000 + number, status, NOW - step * (count - 1 - number)) for number in range(count)]


def kept(ended: list[EndedRun], text: str, **more: object) -> set[int]:
    return set(keep(ended, RetentionRules.parse(text), moment=NOW, **more))  # type: ignore[arg-type]


def ages(ended: list[EndedRun], sequences: set[int]) -> list[int]:
    return sorted((NOW - run.ended_at).days for run in ended if run.sequence in sequences)


def test_without_rules_everything_is_kept() -> None:
    assert len(keep(runs_every(timedelta(days=1), 400), RetentionRules(), moment=NOW)) == 400
    only_after_deletion = RetentionRules.parse("after_deletion=30d")
    assert len(keep(runs_every(timedelta(days=1), 400), only_after_deletion, moment=NOW)) == 400


def test_the_last_ones_are_kept() -> None:
    assert kept(runs_every(timedelta(days=1), 10), "last=3") == {8, 9, 10}


def test_each_period_keeps_its_newest_backup() -> None:
    ended = runs_every(timedelta(days=1), 800)
    assert ages(ended, kept(ended, "daily=7")) == [0, 1, 2, 3, 4, 5, 6]
    assert ages(ended, kept(ended, "weekly=3")) == [0, 2, 9]  # the day itself and two Sundays
    assert ages(ended, kept(ended, "monthly=3")) == [0, 24, 55]
    assert ages(ended, kept(ended, "yearly=2")) == [0, 328]
    assert kept(ended, "daily=7 weekly=3 monthly=3 yearly=2") == set().union(
        *(kept(ended, rule) for rule in ("daily=7", "weekly=3", "monthly=3", "yearly=2"))
    )


def test_periods_without_a_backup_do_not_count() -> None:
    ended = [EndedRun(n, n, "successful", NOW - timedelta(days=age)) for n, age in enumerate((900, 500, 400, 0), 1)]
    assert kept(ended, "daily=3") == {2, 3, 4}
    assert kept(ended, "hourly=2") == {3, 4}


def test_within_counts_from_the_newest() -> None:
    ended = [
        EndedRun(n, n, "successful", NOW - timedelta(days=100, hours=age)) for n, age in enumerate((60, 50, 40, 0), 1)
    ]
    assert kept(ended, "within=2d") == {3, 4}


def test_failed_backups_do_not_push_out_good_ones() -> None:
    good = runs_every(timedelta(days=1), 10)
    failed = [EndedRun(10 + n, n, "failed", NOW + timedelta(hours=n)) for n in range(1, 101)]
    assert kept(good + failed, "last=3") == {8, 9, 10, 108, 109, 110}
    assert kept(good + failed, "daily=2") >= {9, 10, 110}


def test_failed_backups_before_the_last_success_go() -> None:
    ended = [EndedRun(n, n, "failed" if n % 2 else "successful", NOW + timedelta(hours=n)) for n in range(1, 11)]
    assert kept(ended, "last=2") == {8, 10}


def test_the_newest_and_the_newest_successful_stay_whatever_happens() -> None:
    ended = [
        EndedRun(1, 1, "successful", NOW - timedelta(days=500)),
        *(EndedRun(n, n, "failed", NOW - timedelta(days=500 - n)) for n in range(2, 400)),
    ]
    assert kept(ended, "within=1h") == {1, 399}
    assert kept(ended[1:], "last=1") == {399}


def test_protected_backups_stay() -> None:
    ended = runs_every(timedelta(days=1), 10)
    assert kept(ended, "last=1", protected={3: "legal hold"}) == {3, 10}
    reasons = keep(ended, RetentionRules.parse("last=1 daily=1"), moment=NOW, protected={3: "legal hold"})
    assert reasons == {3: ["legal hold"], 10: ["the newest", "the newest successful one", "last", "daily"]}


def test_a_deleted_instance_is_forgotten_when_its_time_is_over() -> None:
    ended = runs_every(timedelta(days=1), 10)
    long_ago, lately = NOW - timedelta(days=90), NOW - timedelta(days=89)
    assert kept(ended, "last=5 after_deletion=90d", deleted_at=lately) == {6, 7, 8, 9, 10}
    assert kept(ended, "last=5 after_deletion=90d", deleted_at=long_ago) == set()
    assert kept(ended, "last=5 after_deletion=90d", deleted_at=long_ago, protected={2: "legal hold"}) == {2}
    assert kept(ended, "last=5", deleted_at=long_ago) == {6, 7, 8, 9, 10}


def test_keeping_again_keeps_the_same() -> None:
    """Applied to what it has kept, no rule drops anything."""
    dice = random.Random(1)
    for _ in range(200):
        moment = NOW - timedelta(days=1000)
        ended = []
        for number in range(1, dice.randrange(2, 60)):
            moment += timedelta(hours=dice.choice([1, 3, 20, 24, 200]))
            ended.append(EndedRun(number, number, dice.choice(["successful", "successful", "failed"]), moment))
        names = dice.sample(["last", "hourly", "daily", "weekly", "monthly", "yearly"], 3)
        text = " ".join(f"{name}={dice.randrange(1, 9)}" for name in names)
        first = kept(ended, text)
        assert kept([run for run in ended if run.sequence in first], text) == first


@pytest.mark.parametrize("text", ["last=7 daily=30 weekly=12 monthly=24 yearly=10 within=14d after_deletion=90d", ""])
def test_rules_are_read_as_they_are_shown(text: str) -> None:
    rules = RetentionRules.parse(text)
    assert RetentionRules.parse(str(rules).replace("everything", "")) == rules
    assert RetentionRules.of(rules.as_mapping()) == rules


@pytest.mark.parametrize("text", ["last=0", "daily=-1", "last=x", "fortnightly=2", "within=3", "within=0d", "last"])
def test_rules_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        RetentionRules.parse(text)
