"""restic and borg on the same records, in a file of one JSON document a line: what they cost and what they store.

Both encrypt and deduplicate as they do by default; borg, whose default is quick and large, with zstd's level 3. Debian
has them: `apt-get install restic borgbackup`.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import measuring, records
from benchmarks.measuring import Cost

_LINES_AT_ONCE = 10_000


class Peer(Protocol):
    """A program that backs a file up, in a repository of its own that is made by the first call."""

    name: str

    def backup(self, file: Path) -> Cost: ...

    def verify(self) -> Cost:
        """Read all data."""
        ...

    def restore(self, folder: Path) -> Cost:
        """The newest backup, into an empty folder."""
        ...

    def prune(self, kept: int) -> Cost:
        """Keep the newest backups only, and give the space of the others back."""
        ...

    def stored_bytes(self) -> int: ...


class Restic:
    name = "restic"

    def __init__(self, folder: Path) -> None:
        self._repository = folder / "restic"
        self._environment = {
            **os.environ, "RESTIC_REPOSITORY": str(self._repository), "RESTIC_PASSWORD": "benchmark",
            "RESTIC_CACHE_DIR": str(folder / "restic-cache"),
        }  # fmt: skip

    def backup(self, file: Path) -> Cost:
        if not self._repository.exists():
            self._run("init")
        return self._run("backup", str(file))

    def verify(self) -> Cost:
        return self._run("check", "--read-data")

    def restore(self, folder: Path) -> Cost:
        return self._run("restore", "latest", "--target", str(folder))

    def prune(self, kept: int) -> Cost:
        return self._run("forget", "--keep-last", str(kept), "--prune")

    def stored_bytes(self) -> int:
        return folder_bytes(self._repository)

    def _run(self, *arguments: str) -> Cost:
        return measuring.run(["restic", "--quiet", *arguments], self._environment)


class Borg:
    name = "borg"

    def __init__(self, folder: Path) -> None:
        self._repository, self._number = folder / "borg", 0
        self._environment = {
            **os.environ, "BORG_REPO": str(self._repository), "BORG_PASSPHRASE": "benchmark",
            "BORG_BASE_DIR": str(folder / "borg-home"),
        }  # fmt: skip

    def backup(self, file: Path) -> Cost:
        if not self._number:
            self._run("init", "--encryption", "repokey-blake2")
        self._number += 1
        return self._run("create", "--compression", "zstd,3", f"::{self._number}", str(file))

    def verify(self) -> Cost:
        return self._run("check", "--verify-data")

    def restore(self, folder: Path) -> Cost:
        return measuring.run(["borg", "extract", f"::{self._number}"], self._environment, folder)

    def prune(self, kept: int) -> Cost:
        pruned, compacted = self._run("prune", "--keep-last", str(kept)), self._run("compact")
        return Cost(
            pruned.cpu_s + compacted.cpu_s, pruned.wall_s + compacted.wall_s, max(pruned.peak_mb, compacted.peak_mb), ""
        )

    def stored_bytes(self) -> int:
        return folder_bytes(self._repository)

    def _run(self, *arguments: str) -> Cost:
        return measuring.run(["borg", *arguments], self._environment)


def installed(folder: Path, wanted: Sequence[type[Restic | Borg]] = (Restic, Borg)) -> list[Peer]:
    """Those of the programs that this machine has, each with a repository below the folder."""
    return [program(folder) for program in wanted if shutil.which(program.name)]


def write_lines(file: Path, tails: Sequence[bytes], count: int, *, day: int = 0) -> None:
    """The records as the source has them on a day, one on each line."""
    with file.open("wb") as lines:
        for first in range(0, count, _LINES_AT_ONCE):
            some = records.of_day(tails, first, min(_LINES_AT_ONCE, count - first), day)
            lines.write(b"\n".join(some) + b"\n")


def folder_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
