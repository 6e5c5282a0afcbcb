import pytest

from holdfast.errors import ObjectExists, ObjectMissing, StorageFull, StorageUnavailable
from holdfast.storage.memory import MemoryStorage
from holdfast.storage.retrying import Patience, RetryingStorage
from tests.support.faulty import Counting, Full, Unavailable


def patient(storage: Unavailable | Counting, tries: int = 4) -> tuple[RetryingStorage, list[float]]:
    """The storage, and the pauses that it makes."""
    pauses: list[float] = []
    return RetryingStorage(storage, Patience(tries=tries), pauses.append), pauses


def test_every_method_is_tried_again() -> None:
    inner = MemoryStorage()
    # Two of three calls fail, whichever they are.
    storage, pauses = patient(Unavailable(inner, lambda call, method, name: call % 3 != 0))
    storage.put("a", b"first")
    assert storage.get("a", 1, 2) == b"ir"
    assert storage.size("a") == 5
    assert [info.name for info in storage.list("")] == ["a"]
    storage.delete("a")
    assert list(inner.list("")) == []
    assert len(pauses) == 10


def test_a_put_and_a_delete_that_took_effect_unseen_succeed() -> None:
    inner = MemoryStorage()
    storage, pauses = patient(Unavailable(inner, lambda call, method, name: call % 2 == 1, unseen=True))
    storage.put("a", b"mine")
    assert inner.get("a") == b"mine"
    storage.delete("a")
    assert list(inner.list("")) == []
    assert len(pauses) == 2


def test_a_name_taken_by_others_during_the_outage_is_not_mistaken_for_ours() -> None:
    inner = MemoryStorage()
    inner.put("a", b"theirs")
    storage, _ = patient(Unavailable(inner, lambda call, method, name: call == 1))
    with pytest.raises(ObjectExists):
        storage.put("a", b"mine")


def test_the_last_error_is_raised_when_patience_ends() -> None:
    faulty = Unavailable(MemoryStorage(), lambda call, method, name: True)
    storage, pauses = patient(faulty, tries=4)
    with pytest.raises(StorageUnavailable, match="size of a"):
        storage.size("a")
    assert faulty.calls == 4
    assert len(pauses) == 3


def test_permanent_errors_are_not_tried_again() -> None:
    counting = Counting(Full(MemoryStorage(), capacity_bytes=3))
    storage, pauses = patient(counting)
    storage.put("a", b"x")
    with pytest.raises(ObjectExists):
        storage.put("a", b"y")
    with pytest.raises(StorageFull):
        storage.put("b", b"too much")
    with pytest.raises(ObjectMissing):
        storage.get("c")
    assert len(counting.calls) == 4
    assert pauses == []


def test_a_listing_goes_on_behind_the_last_name_as_long_as_it_gets_on() -> None:
    inner = MemoryStorage()
    names = [f"a/{number}" for number in range(10)]
    for name in names:
        inner.put(name, b"")
    # Every listing breaks behind its first object, far more often than patience would last for one.
    storage, pauses = patient(Unavailable(inner, lambda call, method, name: call <= 10), tries=2)
    assert [info.name for info in storage.list("a/")] == names
    assert len(pauses) == 10
    assert [info.name for info in storage.list("a/", "a/7")] == ["a/8", "a/9"]


def test_pauses_double_up_to_a_limit_and_differ_between_workers() -> None:
    pauses = [list(Patience(tries=10, first_pause_s=1, longest_pause_s=20).pauses()) for _ in range(20)]
    for one in pauses:
        for pause, most in zip(one, [1, 2, 4, 8, 16, 20, 20, 20, 20], strict=True):
            assert most / 2 <= pause <= most
    assert len({tuple(one) for one in pauses}) == 20
