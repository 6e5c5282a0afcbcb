"""`holdfast restore`: the plan, the restore by a worker in the command itself, and what came of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.cli.session import opened
from holdfast.operations.restore import RestoreOptions, request_restore
from tests.support.command_line import CommandLine
from tests.support.writable_source import DOCUMENT, WritableSource, writable


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
        reported, key = tmp_path / "report.json", cli("receipt", "key").out.strip()
        for content in (shown, shown["report"]):
            reported.write_text(json.dumps(content))
            told = cli.good("receipt", "verify", str(reported), "--key", key)
            assert (told["valid"], told["receipt"]["restore_id"]) == (True, made["id"])
        assert "ended successful, complete, at" in cli("receipt", "verify", str(reported)).out
        reported.write_text(json.dumps(shown).replace('"created": 1', '"created": 2'))
        assert "changed after it was signed" in cli("receipt", "verify", str(reported)).err


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
        assert (done.code, "Not everything that was chosen" in done.out) == (1, True), done
        assert "2 blobs cannot be put back: the definition's `restore` has no `blob`" in done.out
        assert "Restore to mine successful, 2 without their blob: 2 created" in done.out
        (made,) = cli.good("restores", "mine")["restores"]
        assert "successful, 2 without their blob" in cli("restores", "mine", str(made["id"])).out
        assert (made["complete"], made["counters"]["without_blob"]) == (False, 2)
        told = cli.good("restores", "mine", str(made["id"]))["report"]["receipt"]
        assert (told["status"], told["complete"], told["counters"]["without_blob"]) == ("successful", False, 2)
        assert told["counters"]["endpoints"]["files"]["without_blob"] == 2


@pytest.fixture
def open_restore(cli: CommandLine, tmp_path: Path) -> Iterator[tuple[WritableSource, int]]:
    """A restore of people that a killed command has left, and the source that it was to write to."""
    with writable() as boards:
        for number in range(3):
            boards.put("one/people", name=f"person {number}", born="1990-01-01")
        file = tmp_path / "boards.yaml"
        file.write_text(DOCUMENT.format(url=boards.url))
        cli.good("add", str(file), "mine")
        cli.good("backup", "mine")
        boards.wipe("one/people")
        boards.writes.clear()
        with opened() as session:
            mine = session.instance("mine")
            options = RestoreOptions("people", where=("born=1990-01-01",))
            made = request_restore(session.services, mine, session.state(mine), mine, options)
        yield boards, made.id


THE_OPEN = ("restore", "mine", "--endpoint", "people", "--where", "born=1990-01-01")


def test_an_open_restore_is_gone_on_with_only_when_somebody_says_so(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    boards, open_id = open_restore
    done = cli(*THE_OPEN, "--dry-run", "--yes", "--json")
    assert (done.code, done.json["plan"]["create"], done.json["open_restore"]["id"]) == (0, 3, open_id)
    assert (
        f"Restore {open_id} to mine is open (people where born=1990-01-01 of backup 1"
        in cli("restore", "mine", "--dry-run").err
    )
    done = cli(*THE_OPEN)
    assert done.code == 2 and "this command asks before it does that" in done.err, done
    assert boards.writes == []
    done = cli(*THE_OPEN, "--yes", "--json")
    assert (done.code, done.json["restore"]["id"], len(boards.all("one/people"))) == (0, open_id, 3)


@pytest.mark.parametrize("other", [
    ("restore", "mine"), (*THE_OPEN, "--on-conflict", "overwrite"), ("restore", "mine", "--endpoint", "people"),
    (*THE_OPEN[:4], "--record", "1"),
])  # fmt: skip
def test_another_restore_than_the_open_one_is_refused_with_the_two_ways_out(
    cli: CommandLine, open_restore: tuple[WritableSource, int], other: tuple[str, ...]
) -> None:
    boards, open_id = open_restore
    done = cli(*other, "--yes", "--json")
    assert (done.code, done.error["code"], boards.writes) == (2, "restore_active", [])
    assert f"{open_id}, people where born=1990-01-01 of backup 1" in done.error["message"]
    goes_on = "holdfast restore mine --backup 1 --endpoint people --where born=1990-01-01"
    cancels = f"holdfast restores mine {open_id} --cancel"
    assert done.error["hint"] == f"`{goes_on}` goes on with it, `{cancels}` ends it."
    done = cli(*goes_on.split()[1:], "--yes", "--json")
    assert (done.code, done.json["restore"]["id"], len(boards.all("one/people"))) == (0, open_id, 3)


def test_the_same_command_after_another_backup_is_another_restore(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    boards, _ = open_restore
    cli.good("backup", "mine")
    done = cli(*THE_OPEN, "--yes", "--json")
    assert (done.code, done.error["code"], boards.writes) == (2, "restore_active", [])
    assert "--backup 1 --endpoint" in done.error["hint"]


def test_what_is_left_alone_though_it_differs_is_told_with_the_outcome(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    boards, _ = open_restore
    boards.put("one/people", name="person 0", born="1999-09-09")
    done = cli(*THE_OPEN, "--yes")
    assert "Restore to mine successful, 1 left alone though different: 2 created, 1 left alone" in done.out
    (made,) = cli.good("restores", "mine")["restores"]
    assert (made["complete"], made["counters"]["left_differing"]) == (False, 1)


def test_nothing_to_write_is_good_only_where_all_is_there_as_it_was(cli: CommandLine, tmp_path: Path) -> None:
    with writable() as boards:
        someone = boards.put("one/people", name="someone", born="1990-01-01")
        board = boards.put("one/boards", title="plans", owner=someone)
        boards.put(f"one/boards/{board}/cards", text="a card", owner=someone, blocks=None)
        file = tmp_path / "boards.yaml"
        file.write_text(DOCUMENT.format(url=boards.url))
        cli.good("add", str(file), "mine")
        cli.good("backup", "mine")
        one = ("restore", "mine", "--endpoint", "people", "--record", someone, "--yes")
        told = cli.good(*one)
        assert (told["plan"]["leave"], told["status"], told["complete"]) == (1, "successful", True)

        boards.records["one/people"][someone]["born"] = "2000-02-02"
        told = cli.good(*one, "--dry-run")
        assert (told["status"], told["complete"]) == (None, None)
        done = cli(*one, "--json")
        assert (done.code, done.json["complete"], done.json["plan"]["leave_differing"]) == (1, False, 1)
        done = cli(*one)
        assert done.code == 1 and "What is there differs in 1 record: --on-conflict overwrite" in done.out, done
        boards.wipe("one/boards")
        done = cli("restore", "mine", "--endpoint", "cards", "--yes", "--json")
        assert (done.code, done.json["complete"], done.json["plan"]["impossible"]) == (1, False, 1)
        told = cli.good(*one, "--on-conflict", "overwrite")
        assert (told["status"], told["complete"], told["restore"]["complete"]) == ("successful", True, True)


def test_restores_are_listed_with_their_target_and_cannot_be_canceled_at_their_end(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    _, open_id = open_restore
    done = cli("restores", "mine", str(open_id), "--cancel")
    assert done.code == 0 and "ends before its next write" in done.out and "picks it up" in done.err, done
    assert cli(*THE_OPEN, "--yes").code == 1
    done = cli("restores", "mine", str(open_id), "--cancel")
    assert done.code == 2 and f"restore {open_id} has ended: canceled" in done.err, done
    cli.good("add", "Boards", "other", "account=two")
    assert "Nothing was restored from other or to it yet" in cli("restores", "other").out
    assert cli("restore", "mine", "--endpoint", "people", "--to", "other", "--yes").code == 0
    for name in ("mine", "other"):
        listed = cli("restores", name).out
        assert "other" in listed and "yes" in listed, listed
    (made,) = cli.good("restores", "other")["restores"]
    assert cli.good("restores", "other", str(made["id"]))["restore"]["complete"] is True
    assert cli("restores", "other", str(open_id)).code == 2


def test_what_the_source_refuses_is_told_once_and_speaks_of_no_backup(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    boards, _ = open_restore
    boards.switches.refuse = {"person 1": 500}
    done = cli(*THE_OPEN, "--yes")
    assert done.code == 1 and "create: the source answered 500" in done.out, done
    assert done.out.count("people 2") == 1 and "run the backup" not in done.out, done


def test_a_plan_from_a_failed_backup_says_which_is_complete(
    cli: CommandLine, open_restore: tuple[WritableSource, int]
) -> None:
    boards, _ = open_restore
    boards.records["one/people"]["x"] = {"name": "without an id"}
    assert cli("backup", "mine").code == 1
    done = cli("restore", "mine", "--dry-run")
    assert "backup 2 failed; the last complete one is 1" in done.out, done
    assert cli.good("restore", "mine", "--dry-run")["plan"]["remarks"] == [
        "backup 2 failed; the last complete one is 1"
    ]
