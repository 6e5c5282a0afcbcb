"""Every way to read changes and deletions, with faults at random: a run is successful only where it has everything."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.integration.operations.test_change_feeds import all_of
from tests.integration.operations.test_details import stored
from tests.support.hostile_source import in_thread
from tests.support.installation import Installation, installed
from tests.support.ledger import ASKED, COUNTED, DELETIONS, DETAIL, FEED, SWEPT, Ledger
from tests.support.scripted_source import Asked, ScriptedSource, document

COUNT = "  count: {path: /count, select: total}\n"
DELTA = '  incremental: {field: rev, query: {since: "{{ cursor }}"}, full_every: 30d}\n'
WAYS = {
    "detail": DETAIL,
    "feed": FEED,
    "sweep": SWEPT,
    "sweep and ask": SWEPT + ASKED,
    "deletions": DELETIONS,
    "count": COUNTED + COUNT,
    "count and delta": COUNTED + COUNT + DELTA,
}
RUNS = 6


class Fault:
    """Spoils some answers of a ledger while it is on."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self.ledger, self.chance, self.share = ledger, chance, 0.0

    def __call__(self, asked: Asked) -> Any:
        if self.chance.random() < self.share:
            answers = [(500, {}), (403, {}), (404, {}), {"oops": 1}, (410, {})]
            # An empty list of deletions would be a plausible lie.
            return self.chance.choice(answers if asked.path == "/deleted" else [*answers, []])
        if self.chance.random() < self.share / 4:
            change(self.ledger, self.chance)
        return self.ledger(asked)


def change(ledger: Ledger, chance: random.Random) -> None:
    number = chance.randrange(1, 60)
    if number in ledger.records and chance.random() < 0.4:
        ledger.remove(number)
    else:
        ledger.put(number, title=chance.random())


def survive(installation: Installation, way: str, seed: int) -> list[str]:
    chance = random.Random(f"{way} {seed}")
    ledger = Ledger(chance.randrange(0, 50), page_size=chance.choice([7, 20, 100]))
    fault = Fault(ledger, chance)
    outcomes = []
    with in_thread(ScriptedSource(fault)) as api:
        text = document(api, endpoints=WAYS[way]).replace("name: Scripted", f"name: Scripted {seed}")
        instance = installation.instance(text, label=f"seed{seed}")
        for number in range(RUNS):
            fault.share = chance.choice([0.0, 0.02, 0.1, 0.4]) if number < RUNS - 1 else 0.0
            run = installation.backup(instance)
            outcomes.append(run.status)
            # What changed while it was read may come with the next run, so that such a run proves nothing.
            if fault.share == 0.0:
                assert run.status == "successful", run.failures
                assert stored(installation, instance) == all_of(ledger), f"run {number + 1}"
            else:
                assert run.status == "successful" or run.failures
            for _ in range(chance.randrange(6)):
                change(ledger, chance)
    return outcomes


@pytest.mark.parametrize("way", WAYS)
def test_a_success_has_everything(tmp_path: Path, way: str) -> None:
    with installed(tmp_path) as installation:
        for seed in range(5):
            survive(installation, way, seed)


@pytest.mark.soak
@pytest.mark.parametrize("way", WAYS)
def test_a_success_has_everything_many_times(tmp_path: Path, way: str) -> None:
    with installed(tmp_path) as installation:
        outcomes = [one for seed in range(100, 250) for one in survive(installation, way, seed)]
    assert outcomes.count("failed") > 30
