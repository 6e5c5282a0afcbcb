"""Limits hold for all runs of a credential together, whoever asks when and whoever dies with what."""

import random
from datetime import timedelta

from holdfast.definitions.document import Limits
from holdfast.sources.ledger import PLACES_S, Ask, Ledger

SECOND = 1_000_000
LIMITS = Limits(requests=100, per=timedelta(seconds=10), concurrency=4)


def test_no_period_sees_more_requests_than_allowed_however_late_they_are_sent() -> None:
    chance, ledger, now = random.Random(7), Ledger(), 0
    sent: list[float] = []
    for _ in range(3_000):
        now += chance.randrange(1, SECOND // 20)
        share = ledger.give(f"run {chance.randrange(5)}", Ask(places=4, tokens=chance.randrange(1, 40)), LIMITS, now)
        sent += [now / SECOND + chance.choice([0.0, share.tokens_s]) for _ in range(share.tokens)]
    sent.sort()
    for later, earlier in zip(sent[100:], sent, strict=False):
        assert later - earlier >= 10
    assert len(sent) > 0.9 * 100 * now / SECOND / 10, "and hardly fewer"


def test_tokens_that_were_not_used_go_to_others() -> None:
    ledger = Ledger()
    given = [ledger.give("a", Ask(places=4, tokens=10), LIMITS, 0) for _ in range(10)]
    assert sum(one.tokens for one in given) == 100
    refused = ledger.give("b", Ask(places=4, tokens=10), LIMITS, SECOND)
    assert refused.tokens == 0 and 8 < refused.again_s < 10
    ledger.give("a", Ask(unused=7, of=given[-1].grant), LIMITS, SECOND)
    assert ledger.give("b", Ask(places=4, tokens=10), LIMITS, SECOND).tokens == 7


def test_places_are_divided_and_come_back_when_a_run_ends_or_dies() -> None:
    ledger = Ledger()
    assert ledger.give("a", Ask(places=4), LIMITS, 0).places == 4
    assert ledger.give("b", Ask(places=4), LIMITS, 0).places == 0, "all are taken"
    assert ledger.give("a", Ask(places=4, under_way=4), LIMITS, SECOND).places == 2, "its requests go on to their end"
    assert ledger.give("b", Ask(places=4), LIMITS, SECOND).places == 0
    assert ledger.give("a", Ask(places=4, under_way=2), LIMITS, 2 * SECOND).places == 2
    assert ledger.give("b", Ask(places=4), LIMITS, 2 * SECOND).places == 2
    ledger.give("a", Ask(), LIMITS, 3 * SECOND)
    assert ledger.give("b", Ask(places=4), LIMITS, 3 * SECOND).places == 4
    died = 3 * SECOND + int(PLACES_S * SECOND) + 1
    assert ledger.give("c", Ask(places=4), LIMITS, died).places == 4, "b was not heard of any more"


def test_who_takes_a_run_over_has_the_places_of_who_lost_it() -> None:
    ledger = Ledger()
    assert ledger.give("a/1", Ask(places=4), LIMITS, 0).places == 4
    assert ledger.give("a/2", Ask(places=4), LIMITS, SECOND).places == 4


def test_places_that_the_definition_does_not_speak_of_are_not_divided() -> None:
    ledger, limits = Ledger(), Limits(concurrency_is_stated=False)
    assert [ledger.give(f"run {number}", Ask(places=4), limits, 0).places for number in range(20)] == [4] * 20


def test_a_single_place_goes_round_and_starves_nobody() -> None:
    limits, ledger, has = Limits(concurrency=1), Ledger(), dict.fromkeys("abc", 0)
    for tick in range(120):
        given = {name: ledger.give(name, Ask(places=1), limits, tick * SECOND // 2).places for name in "abc"}
        assert sum(given.values()) <= 1
        for name, places in given.items():
            has[name] += places
    assert min(has.values()) > 20, has


def test_a_pause_that_one_was_asked_for_holds_for_all() -> None:
    ledger = Ledger()
    ledger.give("a", Ask(places=4, pause_s=30.0), LIMITS, 0)
    assert ledger.give("b", Ask(places=4, tokens=1), LIMITS, 10 * SECOND).paused_s == 20.0


def test_a_ledger_stays_small() -> None:
    ledger, limits = Ledger(), Limits(requests=1_000_000, per=timedelta(hours=1), concurrency=4)
    for tick in range(20_000):
        ledger.give("a", Ask(places=4, tokens=1), limits, tick * SECOND // 5)
    assert len(ledger.grants) <= 203
