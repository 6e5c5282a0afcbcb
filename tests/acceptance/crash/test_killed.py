"""`kill -9` of the worker during a backup, and a new worker: the backup goes on by itself at its last checkpoint, what
lies behind that is not asked for again, and in the end nothing tells it from a backup that nobody disturbed.

tests/soak has a hundred more places, and several kills of one backup.
"""

import pytest

from tests.acceptance.crash.world import World
from tests.support.worker import Death


@pytest.mark.parametrize(
    "death",
    [
        Death("put", 2, "packs/", "before"),
        Death("put", 12, "packs/", "after"),  # between a pack and its transaction
        Death("commit", 9),
        Death("put", 1, "manifests/", "before"),
        Death("put", 1, "manifests/", "after"),  # between the manifest and the end of the run
    ],
    ids=lambda death: f"{death.when}-{death.kind}-{death.number}-{death.prefix.strip('/')}",
)
def test_killed_at_a_write(world: World, death: Death) -> None:
    home = world.copy()
    assert world.killed_at_write(home, death)
    world.go_on(home)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_killed_at_a_request(world: World, share: float) -> None:
    home = world.copy()
    assert world.killed_at_request(home, int(share * world.requests.total()))
    world.go_on(home)
