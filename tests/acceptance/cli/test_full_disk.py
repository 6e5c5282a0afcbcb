"""A disk that is full while a backup is made: what the command says, its exit code, and that the backup goes on."""

import errno
from pathlib import Path

import pytest

from holdfast.storage.local import LocalFolder
from tests.support.command_line import CommandLine


def test_a_full_disk_is_told_with_the_way_out_and_the_backup_goes_on(
    shop: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalFolder._write

    def full_at_the_end(storage: LocalFolder, data: memoryview, target: Path) -> bool:
        if "manifests" in target.parts:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(storage, data, target)

    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "_write", full_at_the_end)
        stopped = shop("backup", "shop")
    assert stopped.code == 5, stopped
    said = " ".join(stopped.err.split())
    assert "No space left on device" in said and "make space on this file system" in said
    assert "`holdfast backup shop` goes on where it stopped" in said
    done = shop("backup", "shop")
    assert done.code == 0, done
    assert "Backup 1 of shop is complete" in done.out and "job" not in done.err
    assert shop.good("endpoints", "shop")["endpoints"][0]["records"] == 250
