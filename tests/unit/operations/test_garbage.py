import gc
import threading
import weakref

import pytest

from holdfast.operations import garbage


class Ring:
    """In a cycle: only the collector frees it."""

    def __init__(self, freed: threading.Event) -> None:
        self.itself = self
        weakref.finalize(self, freed.set)


def test_cycles_go_by_the_clock_within_blocks_and_the_collector_is_as_it_was_behind_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(garbage, "_PAUSE_S", 0.01)
    usual, freed = gc.get_threshold(), threading.Event()
    with garbage.rare_collections():
        with garbage.rare_collections():
            assert gc.get_threshold() > usual and gc.get_freeze_count() > 0
        Ring(freed)
        assert freed.wait(30), "nobody collects"
    assert gc.get_threshold() == usual and gc.get_freeze_count() == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "garbage" and thread.join(30)]
