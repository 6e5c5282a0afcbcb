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
        written = done
        assert "1 created" in done.out and "made_by differs in 1: the author is whoever restores" in done.out
        assert len(boards.all("one/people")) == 3
        done = cli("restore", "mine", "--yes", "--json")
        assert (done.code, done.json["plan"]["leave"]) == (0, 3)

        (made,) = cli("restores", "mine", "--json").json["restores"]
        assert f"holdfast restores mine {made['id']}" in written.err
        cli.good("backup", "mine")
        done = cli("restore", "mine", "--endpoint", "people", "--record", gone, "--yes")
        assert done.code == 2 and "it was deleted in backup 2\n`--backup 1` shows it" in done.err
        assert "There is nothing to write. What backup 2 has no longer" in cli("restore", "mine", "--yes").out
        shown = cli("restores", "mine", str(made["id"]), "--json").json
        assert shown["report"]["receipt"]["counters"]["created"] == 1


FILES = """
  - name: files
    path: /{{ account }}/files
    records: items
    id: id
    stable: true
    paging: {type: page, query: page}
    record: {path: "/{{ account }}/files/{{ record.id }}"}
    blob: {url: "{{ record.file }}", version: id}
    restore:
      create: {path: "/{{ account }}/files", fields: [name]}
      find: name
      ignored: {made_by: the author is whoever restores, file: it has an address of its own}
"""


def test_a_record_without_its_blob_is_not_told_as_plainly_successful(cli: CommandLine, tmp_path: Path) -> None:
    with writable() as boards:
        for number in (701, 702):
            boards.put("one/files", id=number, name=f"f{number}", file=f"{boards.url}/one/files/{number}/file")
            boards.files[f"one/files/{number}/file"] = b"content"
        file = tmp_path / "boards.yaml"
        file.write_text(DOCUMENT.format(url=boards.url) + FILES)
        cli.good("add", str(file), "mine")
        cli.good("backup", "mine")
        boards.wipe("one/files")
        done = cli("restore", "mine", "--record", "701", "--yes")
        assert done.code == 2 and "say which with --endpoint" in done.err
        done = cli("restore", "mine", "--yes")
        assert done.code == 0, done
        assert "2 blobs cannot be put back: the definition's `restore` has no `blob`" in done.out
        assert "Restore to mine successful, 2 without their blob: 2 created" in done.out
        (made,) = cli.good("restores", "mine")["restores"]
        assert "successful, 2 without their blob" in cli("restores", "mine", str(made["id"])).out
        assert (made["complete"], made["counters"]["without_blob"]) == (False, 2)
        told = cli.good("restores", "mine", str(made["id"]))["report"]["receipt"]
        assert (told["status"], told["complete"], told["counters"]["without_blob"]) == ("successful", False, 2)
        assert told["counters"]["endpoints"]["files"]["without_blob"] == 2
