"""Writes an export's files into a folder, each synced to disk: what a zip holds, as it is after unpacking."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from holdfast.errors import InputError


class Folder:
    """Files of one export under `path`, which exists and is empty. Used as a context, like the zip."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folders = {path}

    def __enter__(self) -> "Folder":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            for folder in self._folders:
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    @contextmanager
    def new_file(self, name: str) -> Iterator[IO[bytes]]:
        """A file to be written within the block; what breaks off leaves none.

        Raises InputError where the file system takes the name for another file's, upper and lower case for the same.
        """
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._folders.update(folder for folder in path.parents if folder.is_relative_to(self._path))
        try:
            file = path.open("xb")
        except FileExistsError as error:
            raise InputError(
                f"{name} has the name of another file of this export for this file system",
                hint="A zip has room for both: -o FILE.zip.",
            ) from error
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink()
            raise

    def writestr(self, name: str, text: str) -> None:
        """A file with this text."""
        with self.new_file(name) as file:
            file.write(text.encode())
