"""Objects as files below one folder, durable against power loss. File systems' quirks are met here and nowhere else.

A put writes a temporary file, fsyncs it, gives it its name with link(2), which refuses an existing name, and fsyncs the
folder. So no reader sees half an object, and no crash leaves one; at most a temporary file stays behind in `.tmp`,
where no listing looks, and is removed once it is a day old.
"""

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from holdfast import clock
from holdfast.errors import ObjectExists, ObjectMissing, StorageError, StorageFull, StorageUnavailable
from holdfast.storage.names import SEGMENT, check_name, check_prefix, check_range
from holdfast.storage.protocol import ObjectInfo

_TEMPORARY = ".tmp"
_TEMPORARY_KEPT_S = 86_400
"""A put takes minutes at worst: a temporary file of yesterday belongs to a process that died."""
_TEMPORARY_ABANDONED_S = 3_600
"""No put of a small object takes this long."""

_COMPARED_BYTES = 1 << 20
_DURABLE_KEPT = 10_000
"""Folders remembered as durable; forgetting them costs an fsync each."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PASSING = frozenset(
    # ENOENT: what a put or a listing had just seen was deleted under its hands.
    {errno.EAGAIN, errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ENOENT, errno.ESTALE, errno.ETIMEDOUT}
)
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_LINKS = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM, errno.EMLINK})


class LocalFolder:
    """A storage in a folder of this machine or of a mounted file system that has hard links.

    The folder is made by the first put (0700; files 0600). Folders that deletes leave empty stay.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._prefix = f"{self._root}/"
        self.url = self._root.as_uri()
        self._identity = self._find_identity()
        self._durable: set[Path] = set()
        self._sweep()

    def put(self, name: str, data: bytes | memoryview) -> None:
        check_name(name)
        view = memoryview(data).cast("B")
        target = self._root / name
        with self._translated(name):
            self._make_root()
            self._make_folder(target.parent)
            if not (self._write(view, target) or _holds(target, view)):
                raise ObjectExists(f"{name} exists with other bytes in {self.url}")
            # Also when it was there before: whoever linked it may not have come to this line.
            _sync(target.parent)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_name(name)
        check_range(start, length)
        with self._found(name):
            # Without a file object and without a Path: 10 us instead of 26, and a page of records reads one or two.
            descriptor = os.open(self._prefix + name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                left = max(0, os.fstat(descriptor).st_size - start)
                return _read(descriptor, start, left if length is None else min(length, left))
            finally:
                os.close(descriptor)

    def size(self, name: str) -> int:
        check_name(name)
        with self._found(name):
            status = (self._root / name).stat()
            if not stat.S_ISREG(status.st_mode):
                raise IsADirectoryError(name)
            return status.st_size

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        check_prefix(after)
        self._check_identity()
        return self._walk("", prefix, after)

    def delete(self, name: str) -> None:
        check_name(name)
        target = self._root / name
        with self._translated(name):
            self._check_identity()
            try:
                target.unlink()
            except (FileNotFoundError, NotADirectoryError):
                if not target.parent.is_dir():
                    return
            # Also when it was gone: a first try may have been interrupted before this line.
            _sync(target.parent)

    def destroy(self, name: str) -> None:
        # A put that was broken off may have left a copy.
        self._sweep(_TEMPORARY_ABANDONED_S)
        self.delete(name)

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """The objects below `folder` ("" or ending in a slash), ascending.

        A folder sorts with its slash, because its objects' names have one: `a-b`, `a.b`, `a/b`.
        """
        found: list[tuple[str, int]] = []
        with self._translated(folder):
            try:
                entries = os.scandir(self._root / folder)
            except (FileNotFoundError, NotADirectoryError):
                self._check_identity()
                return
            with entries:
                for entry in entries:
                    if SEGMENT.fullmatch(entry.name) is None:
                        continue
                    name = folder + entry.name
                    if entry.is_dir():
                        name += "/"
                        if name.startswith(prefix[: len(name)]) and (name > after or after.startswith(name)):
                            found.append((name, 0))
                    elif name.startswith(prefix) and name > after and entry.is_file():
                        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                            found.append((name, entry.stat().st_size))
        found.sort()
        for name, size_bytes in found:
            if name.endswith("/"):
                yield from self._walk(name, prefix, after)
            else:
                yield ObjectInfo(name, size_bytes)

    def _write(self, data: memoryview, target: Path) -> bool:
        """Write the file whole and fsynced. False: the name was taken, and nothing has changed."""
        if target.exists():
            return False
        folder = self._root / _TEMPORARY
        folder.mkdir(mode=0o700, exist_ok=True)
        temporary = folder / secrets.token_hex(16)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
                _sync_descriptor(descriptor)
            finally:
                os.close(descriptor)
            return self._link(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _link(self, temporary: Path, target: Path) -> bool:
        """Give the file its name. False: the name is taken."""
        try:
            os.link(temporary, target)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise StorageError(
                    f"{target.parent} is on another file system than {self.url}",
                    hint="keep the whole storage on one file system; mount that one instead",
                ) from error
            if error.errno in _NO_LINKS:
                raise StorageError(
                    f"the file system of {self.url} has no hard links",
                    hint="an object is given its name with link(2): use ext4, xfs, btrfs, zfs, apfs or NFS",
                ) from error
            raise
        return True

    def _make_root(self) -> None:
        if self._identity is None:
            missing = [folder for folder in (self._root, *self._root.parents) if not folder.exists()]
            for folder in reversed(missing):
                folder.mkdir(mode=0o700, exist_ok=True)
                _sync(folder.parent)
        self._check_identity()

    def _make_folder(self, folder: Path) -> None:
        """Make the folder, and see to it once in this process that it survives a power loss, whoever made it."""
        if folder == self._root or (folder in self._durable and folder.is_dir()):
            return
        self._make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)
        if len(self._durable) >= _DURABLE_KEPT:
            self._durable.clear()
        self._durable.add(folder)

    def _find_identity(self) -> tuple[int, int] | None:
        with self._translated(""), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            status = self._root.stat()
            return status.st_dev, status.st_ino
        return None

    def _check_identity(self) -> None:
        """Refuse to go on when the folder is not the one that was opened.

        An unmounted disk leaves its empty mount point: objects would seem to be missing, and new ones would be written
        below it, out of sight once the disk is back.
        """
        found = self._find_identity()
        if self._identity is None:
            self._identity = found
        elif found != self._identity:
            raise StorageUnavailable(
                f"{self.url} is no longer the folder that was opened",
                hint="is its disk still mounted? start again when it is",
            )

    def _sweep(self, kept_s: int = _TEMPORARY_KEPT_S) -> None:
        """Remove old temporary files. That nobody may remove them here is no reason to fail."""
        oldest = clock.now().timestamp() - kept_s
        with contextlib.suppress(OSError), os.scandir(self._root / _TEMPORARY) as entries:
            for entry in entries:
                if entry.stat().st_mtime < oldest:
                    Path(entry.path).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _found(self, name: str) -> Iterator[None]:
        """Read an object: it is missing when there is no such file in the folder that was opened."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            with self._translated(name):
                self._check_identity()
            raise ObjectMissing(f"{name} is not in {self.url}") from error
        except OSError as error:
            raise self._translate(name, error) from error

    @contextlib.contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._translate(name, error) from error

    def _translate(self, name: str, error: OSError) -> StorageError:
        message = f"{self.url}/{name}: {error.strerror or error}"
        if error.errno in _FULL:
            return StorageFull(message, hint="make space on this file system, or raise the quota")
        if error.errno in _PASSING:
            return StorageUnavailable(message)
        if error.errno in _REFUSED:
            hint = "the user this process runs as needs to read and write this folder"
            return StorageError(message, hint=hint, code="storage_refused")
        return StorageError(message)


def _read(descriptor: int, start: int, wanted: int) -> bytes:
    """So many bytes, or to the file's end. A single pread(2) may return fewer, and never more than 2 GiB."""
    piece = os.pread(descriptor, wanted, start)
    if len(piece) == wanted or not piece:
        return piece
    pieces = [piece]
    while wanted := wanted - len(piece):
        start += len(piece)
        piece = os.pread(descriptor, wanted, start)
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces)


def _holds(path: Path, data: memoryview) -> bool:
    """Whether the file has exactly these bytes."""
    with path.open("rb", buffering=0) as file:
        if os.fstat(file.fileno()).st_size != len(data):
            return False
        while data:
            piece = file.read(_COMPARED_BYTES)
            if not piece or piece != data[: len(piece)]:
                return False
            data = data[len(piece) :]
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _sync_descriptor(descriptor)
    finally:
        os.close(descriptor)


def _sync_descriptor(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        # fsync(2) of macOS leaves the bytes in the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)
