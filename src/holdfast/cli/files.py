"""What commands write, files and folders: there as a whole or not at all, never in place of another unless asked."""

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from holdfast.errors import Conflict, InputError, StorageFull

STANDARD_OUTPUT = "-"


@contextmanager
def written(target: str, *, force: bool) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `target` at the end of the block; an error leaves none. `-`: standard output.

    Raises Conflict where the target exists and `force` does not allow to replace it, InputError where it cannot be
    written, StorageFull.
    """
    if target == STANDARD_OUTPUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    if path.is_symlink():
        path = path.resolve()
    if path.is_dir():
        raise InputError(f"{path} is a folder", field="-o")
    if path.exists() and not path.is_file():  # a pipe or a device: written into, never replaced
        with _translated(path), path.open("wb") as file:
            yield file
        return
    if path.exists() and not force:
        raise _exists(path)
    with _translated(path):
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with _translated(path), os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        with _translated(path):
            _put_in_place(Path(temporary), path, force=force)
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """An empty folder to write into, which becomes `path` at the end of the block; an error leaves none.

    Raises Conflict where something has the name already: nobody's folder is replaced. InputError, StorageFull.
    """
    if path.exists() or path.is_symlink():
        raise _folder_exists(path)
    with _translated(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        with _translated(path):
            yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        if path.exists():  # an empty folder would be replaced
            raise _folder_exists(path)
        with _translated(path):
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, path: Path, *, force: bool) -> None:
    if not force:
        try:
            path.hardlink_to(temporary)
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without links: the one name goes over to the other
            if path.exists():
                raise _exists(path) from None
    temporary.replace(path)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise _exists(path) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFull(f"no space left for {path}", hint="Nothing was written.") from error
        raise InputError(f"{path} cannot be written: {error.strerror}", field="-o") from error


def _folder_exists(path: Path) -> Conflict:
    return Conflict(f"{path} exists already", field="-o", hint="Give a name that is free: no folder is replaced.")


def _exists(path: Path) -> Conflict:
    return Conflict(f"{path} exists already", field="-o", hint="--force replaces it.")
