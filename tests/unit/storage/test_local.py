import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageFull, StorageUnavailable
from holdfast.storage.local import LocalFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def failing(number: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def test_only_its_own_user_can_read_what_it_writes(root: Path) -> None:
    LocalFolder(root).put("packs/1/ab", b"x")
    assert (root / "packs/1/ab").stat().st_mode & 0o777 == 0o600
    for folder in (root, root / "packs", root / "packs/1", root / ".tmp"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_opening_and_reading_make_no_folder(root: Path) -> None:
    storage = LocalFolder(root)
    assert list(storage.list("")) == []
    storage.delete("packs/1")
    with pytest.raises(ObjectMissing):
        storage.get("packs/1")
    assert not root.exists()


def test_a_file_is_synced_before_it_has_its_name_and_its_folders_before_the_put_returns(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        fsync(descriptor)
        synced.append((os.fstat(descriptor).st_ino, (root / "packs/1/ab").exists()))

    monkeypatch.setattr(os, "fsync", record)
    LocalFolder(root).put("packs/1/ab", b"x")
    inode = {name: (root / name).stat().st_ino for name in ("..", ".", "packs", "packs/1", "packs/1/ab")}
    # Each folder that was made is an entry of the one above it.
    for above in ("..", ".", "packs"):
        assert (inode[above], False) in synced
    assert synced[-2:] == [(inode["packs/1/ab"], False), (inode["packs/1"], True)]


def test_putting_the_same_bytes_again_syncs_the_folder_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    LocalFolder(root).put("packs/ab", b"x")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    LocalFolder(root).put("packs/ab", b"x")
    assert synced[-1] == (root / "packs").stat().st_ino
    assert (root / "packs/ab").stat().st_ino not in synced


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("function", ["write", "fsync", "link"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(
    root: Path, number: int, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(root)
    storage.put("packs/old", b"old")
    with monkeypatch.context() as patched:
        patched.setattr(os, function, failing(number))
        with pytest.raises(StorageFull) as caught:
            storage.put("packs/new", b"new")
    assert not caught.value.retryable
    assert caught.value.hint is not None
    assert files(root) == ["packs/old"]
    storage.put("packs/new", b"new")


def test_a_disk_that_fills_during_a_write_leaves_no_part(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = LocalFolder(root)
    write = os.write

    def write_some(descriptor: int, data: memoryview) -> int:
        if len(data) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:4])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write_some)
        with pytest.raises(StorageFull):
            storage.put("packs/new", b"0123456789")
    assert files(root) == []


def test_a_write_that_takes_less_than_it_was_given_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    storage = LocalFolder(root)
    storage.put("packs/new", b"0123456789")
    assert storage.get("packs/new") == b"0123456789"


@pytest.mark.parametrize(
    ("number", "error", "code"),
    [
        (errno.EIO, StorageError, "storage_error"),
        (errno.EROFS, StorageError, "storage_refused"),
        (errno.EACCES, StorageError, "storage_refused"),
        (errno.EMFILE, StorageUnavailable, "storage_unavailable"),
        (errno.ESTALE, StorageUnavailable, "storage_unavailable"),
    ],
)
def test_the_systems_errors_are_translated(
    root: Path, number: int, error: type[StorageError], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(root)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(number))
        with pytest.raises(error, match="packs/new") as caught:
            storage.put("packs/new", b"new")
    assert caught.value.code == code
    assert files(root) == []


@pytest.mark.parametrize(
    ("number", "message"), [(errno.EXDEV, "another file system"), (errno.EPERM, "has no hard links")]
)
def test_a_file_system_without_links_is_refused_with_the_reason(
    root: Path, number: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(number))
    with pytest.raises(StorageError, match=message) as caught:
        LocalFolder(root).put("packs/new", b"new")
    assert caught.value.hint is not None
    assert files(root) == []


def test_a_temporary_file_of_a_dead_process_is_not_listed_and_goes_when_it_is_old(root: Path) -> None:
    storage = LocalFolder(root)
    storage.put("packs/1", b"x")
    old, young = root / ".tmp/old", root / ".tmp/young"
    for leftover in (old, young):
        leftover.write_bytes(b"half an obj")
    os.utime(old, (1, 1))
    assert [info.name for info in storage.list("")] == ["packs/1"]
    LocalFolder(root)
    assert not old.exists()
    assert young.exists()


def test_files_of_others_are_no_objects(root: Path) -> None:
    storage = LocalFolder(root)
    storage.put("packs/1", b"x")
    (root / "lost+found").mkdir()
    (root / "lost+found/file").write_bytes(b"x")
    (root / "packs/.DS_Store").write_bytes(b"x")
    (root / "README").write_bytes(b"x")
    os.mkfifo(root / "packs/pipe")
    assert [info.name for info in storage.list("")] == ["packs/1"]


def test_a_folder_that_is_no_longer_the_one_opened_is_unavailable_not_empty(root: Path) -> None:
    storage = LocalFolder(root)
    storage.put("packs/1", b"x")
    mounted = root.rename(root.with_name("mounted"))
    root.mkdir()  # what an unmounted disk leaves
    for call in (
        lambda: storage.get("packs/1"),
        lambda: storage.size("packs/1"),
        lambda: list(storage.list("packs/")),
        lambda: storage.put("packs/2", b"y"),
        lambda: storage.delete("packs/1"),
    ):
        with pytest.raises(StorageUnavailable, match="no longer the folder"):
            call()
    assert files(root) == []
    root.rmdir()
    with pytest.raises(StorageUnavailable):
        storage.put("packs/2", b"y")
    mounted.rename(root)
    storage.put("packs/2", b"y")
    assert [info.name for info in storage.list("")] == ["packs/1", "packs/2"]


def test_a_disk_that_goes_during_a_listing_does_not_end_it_early(root: Path) -> None:
    storage = LocalFolder(root)
    for name in ("a/1", "b/1", "c/1"):
        storage.put(name, b"x")
    listing = storage.list("")
    assert next(listing).name == "a/1"
    root.rename(root.with_name("gone"))
    with pytest.raises(StorageUnavailable):
        list(listing)


def test_an_object_cannot_be_the_folder_of_another(root: Path) -> None:
    storage = LocalFolder(root)
    storage.put("packs", b"x")
    with pytest.raises(StorageError, match="packs/1"):
        storage.put("packs/1", b"x")
    storage.put("keys/1", b"x")
    with pytest.raises(StorageError, match="keys"):
        storage.put("keys", b"x")


def test_two_processes_share_a_folder(root: Path) -> None:
    first, second = LocalFolder(root), LocalFolder(root)
    first.put("packs/1", b"x")
    second.put("packs/1", b"x")
    with pytest.raises(ObjectExists):
        second.put("packs/1", b"y")
    second.delete("packs/1")
    first.put("packs/1", b"y")


_WRITE_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from holdfast.storage.local import LocalFolder
storage = LocalFolder(Path(sys.argv[1]))
for number in itertools.count():
    storage.put(f"packs/{number % 16}/{number}", b"%d" % number * 50_000)
    print(number, flush=True)
"""


def test_a_killed_process_leaves_whole_objects_and_all_that_it_reported(root: Path) -> None:
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", _WRITE_UNTIL_KILLED, str(root)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        with writer.stdout:
            reported = [writer.stdout.readline() for _ in range(20)]
            writer.kill()
            reported += [line for line in writer.stdout if line.endswith(b"\n")]
        writer.wait()
        storage = LocalFolder(root)
        found = {info.name.rpartition("/")[2]: info for info in storage.list("packs/")}
        for number, info in found.items():
            assert storage.get(info.name) == number.encode() * 50_000
        assert {line.strip().decode() for line in reported} <= set(found)
