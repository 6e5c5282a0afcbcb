"""The same commands over PostgreSQL, where there is no worker's lock."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.postgresql import PostgreSQL


def test_a_command_works_by_itself_over_postgresql(
    tmp_path: Path, document: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    cli = CommandLine(tmp_path / "home", monkeypatch, capsys)
    cli.set(HOLDFAST_DATABASE_URL=postgresql.create())
    cli.good("init")
    cli.good("add", str(document), "shop", "--set", "token=t")
    assert cli.good("backup", "shop")["endpoints"][0]["new"] == 250
    assert cli.good("backup", "shop")["changed_nothing"] is True
    assert cli.good("status")["instances"][0]["last_good_backup"]["backup"] == 2
    assert cli.good("compare", "shop")["changes"] == []
    assert cli.good("verify")["good"] is True
