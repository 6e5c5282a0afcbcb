"""What `Storage` promises, tested the same way on every storage."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdfast.errors import ObjectExists, ObjectMissing, StorageError
from holdfast.storage import Capabilities, ObjectInfo, Storage, probe
from tests.storage.conftest import Factory


def names(storage: Storage, prefix: str = "", after: str = "") -> list[str]:
    return [info.name for info in storage.list(prefix, after)]


def test_what_was_put_is_read_again_also_by_another_opening(open_again: Factory) -> None:
    open_again().put("packs/7/ab/abcd", b"content")
    assert open_again().get("packs/7/ab/abcd") == b"content"
    assert open_again().size("packs/7/ab/abcd") == 7


def test_an_empty_object_is_an_object(storage: Storage) -> None:
    storage.put("empty", b"")
    assert storage.get("empty") == b""
    assert storage.get("empty", 5, 5) == b""
    assert storage.size("empty") == 0
    assert list(storage.list("")) == [ObjectInfo("empty", 0)]


def test_every_byte_value_and_a_view_of_bytes_survive(storage: Storage) -> None:
    data = bytes(range(256)) * 3
    storage.put("view", memoryview(data)[1:-1])
    assert storage.get("view") == data[1:-1]


def test_the_caller_may_change_its_buffer_after_a_put(storage: Storage) -> None:
    buffer = bytearray(b"before")
    storage.put("buffer", memoryview(buffer))
    buffer[:] = b"behind"
    assert storage.get("buffer") == b"before"


def test_a_large_object_comes_back_whole_and_in_ranges(storage: Storage) -> None:
    data = bytes(range(251)) * 80_000  # 20 MB, no power of two anywhere
    storage.put("large", data)
    assert storage.get("large") == data
    assert storage.size("large") == len(data)
    assert storage.get("large", 15_000_001, 1_000) == data[15_000_001:15_001_001]
    storage.put("large", data)
    with pytest.raises(ObjectExists):
        storage.put("large", data[:-1] + b"\xff")


def test_putting_the_same_bytes_again_succeeds(storage: Storage) -> None:
    storage.put("twice", b"same")
    storage.put("twice", b"same")
    assert storage.get("twice") == b"same"


@pytest.mark.parametrize("other", [b"othe", b"longer than that", b"", b"some "])
def test_putting_other_bytes_is_refused_and_changes_nothing(storage: Storage, other: bytes) -> None:
    storage.put("taken", b"some")
    with pytest.raises(ObjectExists):
        storage.put("taken", other)
    assert storage.get("taken") == b"some"


def test_of_many_writers_at_once_exactly_one_wins(storage: Storage) -> None:
    writers = 8
    for attempt in range(5):
        name = f"race/{attempt}"
        start = threading.Barrier(writers)

        def write(number: int, name: str = name, start: threading.Barrier = start) -> bytes | None:
            data = b"%d" % number * 5_000
            start.wait()
            try:
                storage.put(name, data)
            except ObjectExists:
                return None
            return data

        with ThreadPoolExecutor(writers) as pool:
            won = [data for data in pool.map(write, range(writers)) if data is not None]
        assert won == [storage.get(name)]


def test_many_writers_of_the_same_bytes_all_succeed(storage: Storage) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: storage.put("shared/one", b"x" * 5_000), range(8)))
    assert names(storage) == ["shared/one"]


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, None, b"3456789"),
        (3, 4, b"3456"),
        (0, 1, b"0"),
        (9, 1, b"9"),
        (8, 5, b"89"),
        (10, None, b""),
        (10, 3, b""),
        (400, None, b""),
        (400, 3, b""),
        (4, 0, b""),
        (2, 2**62, b"23456789"),
    ],
)
def test_a_range_returns_what_is_there(storage: Storage, start: int, length: int | None, expected: bytes) -> None:
    storage.put("digits", b"0123456789")
    assert storage.get("digits", start, length) == expected


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
def test_a_negative_range_is_a_mistake_of_the_caller(storage: Storage, start: int, length: int | None) -> None:
    storage.put("digits", b"0123456789")
    with pytest.raises(ValueError, match="not a range"):
        storage.get("digits", start, length)


@pytest.mark.parametrize("name", ["nothing", "folder/nothing", "folder", "folder/object/below"])
def test_what_is_not_there_is_missing(storage: Storage, name: str) -> None:
    storage.put("folder/object", b"x")
    with pytest.raises(ObjectMissing):
        storage.get(name)
    with pytest.raises(ObjectMissing):
        storage.get(name, 5, 5)
    with pytest.raises(ObjectMissing):
        storage.get(name, 5, 0)
    with pytest.raises(ObjectMissing):
        storage.size(name)


def test_everything_is_missing_in_an_empty_storage(storage: Storage) -> None:
    with pytest.raises(ObjectMissing):
        storage.get("vault.json")
    assert names(storage) == []
    assert names(storage, "packs/") == []
    storage.delete("vault.json")


def test_a_deleted_object_is_gone_and_its_name_free(storage: Storage) -> None:
    storage.put("keys/7/0", b"old")
    storage.put("keys/7/1", b"kept")
    storage.delete("keys/7/0")
    storage.delete("keys/7/0")
    storage.delete("keys/8/0")
    with pytest.raises(ObjectMissing):
        storage.get("keys/7/0")
    assert names(storage) == ["keys/7/1"]
    storage.put("keys/7/0", b"new")
    assert storage.get("keys/7/0") == b"new"


def test_a_listing_ascends_bytewise_over_folders_and_objects(storage: Storage) -> None:
    put = ["a-b", "a.b", "a/b", "a/b.c", "a/c/d", "a0", "a_b", "ab", "b/0", "b/00", "b/10", "b/9", "b-0/x", "b.0/x"]
    for name in put:
        storage.put(name, name.encode())
    assert list(storage.list("")) == [ObjectInfo(name, len(name)) for name in sorted(put)]


def test_a_listing_shows_what_has_the_prefix_whether_or_not_it_ends_in_a_slash(storage: Storage) -> None:
    for name in ("p/1/a", "p/10/b", "p/1-x", "p/2/c", "q"):
        storage.put(name, b"")
    assert names(storage, "p/1/") == ["p/1/a"]
    assert names(storage, "p/1") == ["p/1-x", "p/1/a", "p/10/b"]
    assert names(storage, "p") == ["p/1-x", "p/1/a", "p/10/b", "p/2/c"]
    assert names(storage, "p/1/a") == ["p/1/a"]
    assert names(storage, "p/1/a/") == []
    assert names(storage, "p/3/") == []
    assert names(storage, "/") == []


def test_a_listing_goes_on_behind_any_name(storage: Storage) -> None:
    put = ["a/1", "a/2", "a/2-x", "b/1/x", "b/1/y", "b/2", "c"]
    for name in put:
        storage.put(name, b"")
    for after in [*put, "a", "a/", "a/10", "b/1", "b/1/", "b/1/xx", "bb", "0", "z"]:
        assert names(storage, "", after) == [name for name in put if name > after]
        assert names(storage, "b/", after) == [name for name in put if name > after and name.startswith("b/")]


def test_a_listing_is_longer_than_a_page_of_any_provider(storage: Storage) -> None:
    put = [f"many/{number:04}" for number in range(1_101)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: storage.put(name, b"x"), put))
    assert names(storage, "many/") == put
    assert names(storage, "many/", put[1_050]) == put[1_051:]


def test_a_listing_can_be_left_and_objects_deleted_while_it_runs(storage: Storage) -> None:
    for number in range(5):
        storage.put(f"x/{number}", b"")
    for info in storage.list("x/"):
        storage.delete(info.name)
    assert names(storage) == []


@pytest.mark.parametrize(
    "name",
    [
        *["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", ".a", "A", "a b", "ä", "a\\b", "a\n", "a\0", "-a"],
        "a" * 201,
        "/".join(["a" * 100] * 10),
    ],
)
def test_a_name_that_is_not_safe_everywhere_is_refused(storage: Storage, name: str) -> None:
    with pytest.raises(StorageError, match="not a name"):
        storage.put(name, b"x")
    with pytest.raises(StorageError, match="not a name"):
        storage.get(name)
    with pytest.raises(StorageError, match="not a name"):
        storage.size(name)
    with pytest.raises(StorageError, match="not a name"):
        storage.delete(name)


@pytest.mark.parametrize("prefix", ["A", "a b", "a\\", "ä", "*"])
def test_a_prefix_that_no_name_can_have_is_refused(storage: Storage, prefix: str) -> None:
    with pytest.raises(StorageError, match="not a prefix"):
        storage.list(prefix)
    with pytest.raises(StorageError, match="not a prefix"):
        storage.list("", prefix)


def test_the_longest_name_is_taken(storage: Storage) -> None:
    name = "/".join(["a" * 179] * 5)
    storage.put(name, b"x")
    assert names(storage) == [name]
    assert storage.get(name) == b"x"


def test_the_probe_finds_it_fit_and_leaves_nothing_behind(storage: Storage) -> None:
    assert probe(storage) == Capabilities(deletes=True)
    assert names(storage) == []


def test_its_url_says_where_it_is(storage: Storage) -> None:
    assert "://" in storage.url
