import os
from pathlib import Path

import pytest

from holdfast.cli.files import written
from holdfast.errors import Conflict, InputError, StorageFull


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with written(str(target), force=False) as file:
        file.write(b"half")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"half"
    mask = os.umask(0)
    os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), written(str(tmp_path / "x"), force=False) as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_replaced_only_by_force(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with pytest.raises(Conflict, match="exists already"), written(str(target), force=False):
        pass
    with pytest.raises(RuntimeError), written(str(target), force=True):
        raise RuntimeError
    assert target.read_bytes() == b"old"
    with written(str(target), force=True) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "x"
    with pytest.raises(Conflict), written(str(target), force=False) as file:
        file.write(b"ours")
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"


def test_what_a_link_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with written(str(tmp_path / "link"), force=True) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


def test_a_device_is_written_into_and_stays_one() -> None:
    with written("/dev/null", force=False) as file:
        file.write(b"x")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(StorageFull), written("/dev/full", force=True) as file:
        file.write(b"x")
    assert Path("/dev/full").is_char_device()


def test_what_cannot_be_written_is_an_error_that_says_why(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "x"):
        with pytest.raises(InputError, match=r"is a folder|cannot be written"), written(str(target), force=False):
            pass


def test_a_minus_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with written("-", force=False) as file:
        file.write(b"\x00\xff")
    assert capfdbinary.readouterr().out == b"\x00\xff"
