"""Giving back over PostgreSQL, where no lock tells that a worker is dead: restore, search, changes, compare."""

import signal
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.postgresql import PostgreSQL
from tests.support.worker import Worker, Workers
from tests.support.writable_source import DOCUMENT, WritableSource, writable

PEOPLE, CARDS = 3, 12


@pytest.fixture
def cli(
    tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:  # fmt: skip
    made = CommandLine(tmp_path / "home", monkeypatch, capsys)
    made.set(HOLDFAST_DATABASE_URL=postgresql.create(), HOLDFAST_WORKER_DEAD_SECONDS="3")
    made.good("init")
    return made


def _filled(boards: WritableSource) -> None:
    people = [boards.put("one/people", name=f"person {number}", born="1990-01-01") for number in range(PEOPLE)]
    board = boards.put("one/boards", title="plans", owner=people[0])
    before = None
    for number in range(CARDS):
        fields = {} if before is None else {"blocks": before}
        before = boards.put(f"one/boards/{board}/cards", text=f"card {number}", owner=people[number % PEOPLE], **fields)


def _told(boards: WritableSource) -> list[tuple[str, str, str, str | None]]:
    """Board, text, the owner's name and the text of what it blocks, of every card: what holds whatever the ids are."""
    names = {one["id"]: one["name"] for one in boards.all("one/people")}
    found = []
    for board in boards.all("one/boards"):
        cards = {one["id"]: one for one in boards.all(f"one/boards/{board['id']}/cards")}
        for one in cards.values():
            blocks = cards[one["blocks"]]["text"] if one.get("blocks") else None
            found.append((board["title"], one["text"], names[one["owner"]], blocks))
    return sorted(found, key=str)


def test_killed_restore_goes_on_and_everything_is_told(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "boards.yaml"
    with writable() as boards, Workers() as workers:
        _filled(boards)
        expected = _told(boards)
        file.write_text(DOCUMENT.format(url=boards.url))
        cli.good("add", str(file), "mine")
        cli.good("backup", "mine")
        boards.wipe("one/people")
        boards.wipe("one/boards")

        plan = cli.good("restore", "mine", "--dry-run")["plan"]
        assert (plan["create"], boards.writes) == (PEOPLE + 1 + CARDS, [])
        killed: list[Worker] = []

        def kill_at_the_tenth() -> None:
            if len(boards.writes) == 10:
                killed[0].kill()

        boards.switches.after_write = kill_at_the_tenth
        log = tmp_path / "killed.log"
        killed.append(workers.command("restore", "mine", "--yes", environment=cli.environment, log=log))
        assert killed[0].wait() == -signal.SIGKILL, log.read_text()
        assert len(boards.writes) == 10
        boards.switches.after_write = None

        (waiting,) = cli.good("restores", "mine")["restores"]
        assert waiting["status"] == "in_progress"
        ended = cli.good("restore", "mine", "--yes")["restore"]
        assert (ended["id"], ended["status"], ended["failures"]) == (waiting["id"], "successful", [])
        assert ended["counters"]["created"] == PEOPLE + 1 + CARDS
        assert _told(boards) == expected
        assert (len(boards.all("one/people")), len(boards.all("one/boards"))) == (PEOPLE, 1)
        (report,) = [cli.good("restores", "mine", str(ended["id"]))["report"]["receipt"]]
        assert {one["state"] for one in report["records"]} == {"verified"}

        backup = cli.good("backup", "mine")["backup"]
        everything = cli.good("changes", "mine")["changes"]
        told = [(one["backup"], one["change"], one["endpoint"]) for one in everything]
        for endpoint, number in (("people", PEOPLE), ("boards", 1), ("cards", CARDS)):
            assert told.count((backup, "created", endpoint)) == told.count((backup, "deleted", endpoint)) == number
        assert len(cli.good("search", "mine", "card 1", "--endpoint", "cards")["hits"]) == 3
        first = boards.all("one/people")[0]
        first["born"] = "1991-02-03"
        (live,) = cli.good("compare", "mine", "--live")["changes"]
        assert (live["change"], live["id"], live["fields"][0]["after"]) == ("changed", first["id"], "1991-02-03")
        assert cli.good("compare", "mine", "1", "2")["changes"]
