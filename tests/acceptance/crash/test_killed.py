"""`kill -9` of the worker during a backup, and a new worker: the backup goes on by itself at its last checkpoint, what
lies behind that is not asked for again, and in the end nothing tells it from a backup that nobody disturbed.
"""

from collections import Counter

import pytest

from tests.acceptance.crash.world import CHECKPOINT_RECORDS, KILLED, PAGE, World, page_of
from tests.support.worker import Death

AFTER_CHECKPOINT_RECORDS = CHECKPOINT_RECORDS
"""How many records at most may be read that no checkpoint has."""


def run_and_kill_at_request(world: World, number: int) -> None:
    """Kill the worker when it sends its so-manieth request; another one goes on."""
    home, source = world.copy(), world.source
    source.requests.clear()
    worker = world.start(home)

    def told(path: str) -> None:
        if source.requests.total() == number:
            worker.kill()

    source.switches.told = told
    try:
        assert worker.wait() == KILLED, f"the backup had less than {number} requests"
    finally:
        source.switches.told = None
    go_on(world, home)


def run_and_die(world: World, death: Death) -> None:
    """Let the worker kill itself at one of its writes; another one goes on."""
    home = world.copy()
    world.source.requests.clear()
    assert world.start(home, death).wait() == KILLED, f"it never came to {death}"
    go_on(world, home)


def go_on(world: World, home) -> None:  # type: ignore[no-untyped-def]
    source = world.source
    before = Counter(source.requests)
    checkpoints = world.checkpoints(home)
    source.requests.clear()
    world.finish(home)
    check_requests(checkpoints, before, Counter(source.requests))
    assert world.undisturbed is not None
    found = world.outcome(home)
    for part in ("runs", "counts", "listings", "blobs"):
        assert getattr(found, part) == getattr(world.undisturbed, part)
    assert world.rebuilt(home) == found


def check_requests(checkpoints: dict[str, int], before: Counter[str], after: Counter[str]) -> None:
    repeated = 0
    for path in after:
        asked = page_of(path)
        if asked is None:
            continue
        name, page = asked
        assert page > checkpoints.get(name, 0), f"{path} lies behind the checkpoint"
        repeated += PAGE * (before[path] > 0)
    assert repeated <= AFTER_CHECKPOINT_RECORDS, "the last checkpoint was too old"


PLACES = (
    Death("put", 2, "packs/", "before"),
    Death("put", 12, "packs/", "after"),
    Death("commit", 9),
    Death("put", 1, "manifests/", "before"),
    Death("put", 1, "manifests/", "after"),
)


@pytest.mark.parametrize("death", PLACES, ids=str)
def test_killed_at_a_write(world: World, death: Death) -> None:
    run_and_die(world, death)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_killed_at_a_request(world: World, share: float) -> None:
    run_and_kill_at_request(world, int(share * world.requests.total()))
