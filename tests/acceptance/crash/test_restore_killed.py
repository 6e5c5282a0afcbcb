"""`kill -9` of the worker during a restore, and a new worker: it goes on, nothing is missing, nothing is doubled.

tests/soak has fifty places. At every write, without processes: tests/integration/operations/test_restore_deaths.py.
"""

import pytest

from tests.acceptance.crash.restoring import RECORDS, Wiped
from tests.support.worker import Death


@pytest.mark.parametrize(
    "death",
    [
        Death("commit", 6),
        Death("commit", 20),
        Death("put", 1, "restores/", "before"),
        Death("put", 1, "restores/", "after"),  # between the report and the end of the restore
    ],
    ids=lambda death: f"{death.when}-{death.kind}-{death.number}-{death.prefix.strip('/')}",
)
def test_killed_at_a_write(wiped: Wiped, death: Death) -> None:
    home = wiped.copy()
    assert wiped.killed_at_write(home, death)
    wiped.go_on(home)


@pytest.mark.parametrize("number", [2, RECORDS])
def test_killed_before_the_answer(wiped: Wiped, number: int) -> None:
    home = wiped.copy()
    assert wiped.killed_at_request(home, number)
    wiped.go_on(home)
