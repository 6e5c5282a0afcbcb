import pytest

from holdfast.errors import ObjectExists, ObjectMissing
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.overlay import Overlay


def test_both_are_seen_and_the_lower_one_is_never_written() -> None:
    lower, upper = MemoryStorage(), MemoryStorage()
    lower.put("packs/1", b"one")
    lower.put("packs/3", b"three")
    before = list(lower.list(""))
    overlay = Overlay(lower, upper)
    overlay.put("packs/2", b"two")
    overlay.put("packs/3", b"three")
    with pytest.raises(ObjectExists):
        overlay.put("packs/1", b"other")
    overlay.delete("packs/1")
    assert [info.name for info in overlay.list("packs/")] == ["packs/2", "packs/3"]
    with pytest.raises(ObjectMissing):
        overlay.get("packs/1")
    overlay.put("packs/1", b"new")
    assert overlay.get("packs/1") == b"new" and overlay.size("packs/1") == 3
    assert list(lower.list("")) == before and lower.get("packs/1") == b"one"
    assert [info.name for info in upper.list("")] == ["packs/1", "packs/2"]
