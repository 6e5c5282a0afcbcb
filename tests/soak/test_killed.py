"""A hundred backups whose workers are killed at random places, up to three times each. See tests/acceptance/crash."""

import random

import pytest

from tests.acceptance.crash.world import World
from tests.support.worker import Death

BACKUPS = 100


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(BACKUPS))
def test_killed_at_random(world: World, seed: int) -> None:
    dice = random.Random(seed)
    home = world.copy()
    for life in range(dice.choice((1, 1, 2, 3))):
        remaining = world.requests.total() // (life + 1)
        with world.expecting_no_repetition(home):
            if dice.random() < 0.5:
                killed = world.killed_at_request(home, dice.randint(1, remaining))
            else:
                death = Death("write", dice.randint(1, remaining // 2), "", dice.choice(("before", "after")))
                killed = world.killed_at_write(home, death)
        if not killed:
            break
    world.go_on(home)
