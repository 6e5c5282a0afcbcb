"""`holdfast restore`: the plan, the restore by a worker in the command itself, and what came of it."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.writable_source import DOCUMENT, writable


def test_plan_restore_and_report(cli: CommandLine, tmp_path: Path) -> None:
    with writable() as boards:
        for number in range(3):
            boards.put("one/people", name=f"person {number}", born="1990-01-01")
        file = tmp_path / "boards.yaml"
        file.write_text(DOCUMENT.format(url=boards.url))
        assert cli("add", str(file), "mine").code == 0
        assert cli("backup", "mine").code == 0
        gone = boards.all("one/people")[0]["id"]
        del boards.records["one/people"][gone]

        done = cli("restore", "mine", "--dry-run")
        assert done.code == 0 and "people" in done.out, done.err
        assert cli("restore", "mine").code == 2, "it asks"
        assert boards.writes == []
        done = cli("restore", "mine", "--endpoint", "people", "--record", gone, "--yes")
        assert done.code == 0, (done.out, done.err)
        assert "1 created" in done.out and "made_by differs in 1: the author is whoever restores" in done.out
        assert len(boards.all("one/people")) == 3
        done = cli("restore", "mine", "--yes", "--json")
        assert (done.code, done.json["plan"]["leave"]) == (0, 3)

        (made,) = cli("restores", "mine", "--json").json["restores"]
        shown = cli("restores", "mine", str(made["id"]), "--json").json
        assert shown["report"]["receipt"]["counters"]["created"] == 1
