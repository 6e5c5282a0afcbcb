"""Fifty places at which the worker of a restore is killed; at every other one the next worker is killed too."""

import pytest

from tests.acceptance.crash.restoring import RECORDS, Wiped
from tests.support.worker import Death

PLACES = 50


@pytest.mark.soak
@pytest.mark.parametrize("place", range(1, PLACES + 1))
def test_killed(wiped: Wiped, place: int) -> None:
    home = wiped.copy()
    if place <= RECORDS:
        assert wiped.killed_at_request(home, place)
    else:
        assert wiped.killed_at_write(home, Death("write", place - RECORDS, "", "after" if place % 3 else "before"))
    if place % 2:
        wiped.killed_at_write(home, Death("write", place // 2 + 1))
    wiped.go_on(home)
