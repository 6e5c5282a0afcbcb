import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast.errors import StorageFull, StorageUnavailable
from holdfast.storage.memory import MemoryStorage
from tests.support.faulty import Counting, Full, Last, Slow, StaleListing, Stopped, Stopping, Unavailable


@pytest.mark.parametrize(("last", "left"), [(Last.LOST, None), (Last.UNSEEN, b"fourth"), (Last.TORN, b"fou")])
def test_a_stopped_storage_has_done_so_many_writes_and_part_of_the_next(last: Last, left: bytes | None) -> None:
    inner = MemoryStorage()
    storage = Stopping(inner, after_writes=3, last=last)
    storage.put("a", b"first")
    storage.put("b", b"second")
    storage.delete("a")
    with pytest.raises(Stopped):
        storage.put("d", b"fourth")
    assert storage.dead
    there = {info.name: inner.get(info.name) for info in inner.list("")}
    assert there == {"b": b"second"} | ({"d": left} if left is not None else {})


def test_the_dead_neither_read_nor_write() -> None:
    storage = Stopping(MemoryStorage(), after_writes=1)
    storage.put("a", b"x")
    listing = storage.list("")
    assert next(listing).name == "a"
    with pytest.raises(Stopped):
        storage.delete("a")
    for call in (
        lambda: storage.get("a"),
        lambda: storage.size("a"),
        lambda: next(listing),
        lambda: storage.put("b", b""),
    ):
        with pytest.raises(Stopped):
            call()


def test_many_threads_do_exactly_the_writes_allowed() -> None:
    inner = MemoryStorage()
    storage = Stopping(inner, after_writes=37)

    def write(number: int) -> None:
        with contextlib.suppress(Stopped):
            storage.put(f"a/{number}", b"x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(100)))
    assert len(list(inner.list(""))) == 37


@pytest.mark.parametrize("unseen", [False, True])
def test_an_unavailable_storage_may_have_done_what_it_was_asked(unseen: bool) -> None:
    inner = MemoryStorage()
    storage = Unavailable(inner, lambda call, method, name: name == "b", unseen=unseen)
    storage.put("a", b"x")
    with pytest.raises(StorageUnavailable):
        storage.put("b", b"x")
    assert [info.name for info in inner.list("")] == (["a", "b"] if unseen else ["a"])


def test_a_full_storage_takes_objects_again_when_something_is_deleted() -> None:
    storage = Full(MemoryStorage(), capacity_bytes=10)
    storage.put("a", b"0123456")
    with pytest.raises(StorageFull):
        storage.put("b", b"0123")
    storage.put("a", b"0123456")
    storage.delete("a")
    storage.put("b", b"0123")


def test_a_stale_listing_shows_the_past_and_everything_else_the_present() -> None:
    storage = StaleListing(MemoryStorage())
    storage.put("a", b"x")
    assert list(storage.list("")) == []
    assert storage.get("a") == b"x"
    storage.look()
    storage.delete("a")
    assert [info.name for info in storage.list("")] == ["a"]


def test_a_slow_storage_can_hold_two_writers_until_both_are_there() -> None:
    barrier = threading.Barrier(2)
    storage = Slow(MemoryStorage(), lambda method, name: barrier.wait())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: storage.put(name, b"x"), ["a", "b"]))
    assert [info.name for info in storage.storage.list("")] == ["a", "b"]


def test_a_counting_storage_tells_what_was_asked() -> None:
    storage = Counting(MemoryStorage())
    storage.put("packs/1", b"x")
    storage.get("packs/1")
    storage.get("packs/1", 0, 1)
    assert storage.calls == [("put", "packs/1"), ("get", "packs/1"), ("get", "packs/1")]
    assert storage.count("get", "packs/") == 2
    assert storage.count("get", "keys/") == 0
