"""A new user's way through the commands, against a source whose every record is known."""

import errno
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, StoredBlob, make_record


def test_init_makes_a_key_only_its_owner_reads_and_says_what_it_is_worth(tmp_path: Path, cli: CommandLine) -> None:
    cli.set(HOLDFAST_HOME=str(tmp_path / "other"))
    done = cli("init")
    assert done.code == 0
    key = tmp_path / "other" / "root.key"
    assert str(key) in done.out and "LOSES THE BACKUPS" in done.out
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text().strip() not in done.out
    again = cli.good("init")
    assert again["wrote_root_key"] is False


def test_add_masks_secrets_and_status_knows_the_instance(cli: CommandLine, document: Path) -> None:
    added = cli("add", str(document), "shop", "--set", "token=t0ken-secret")
    assert added.code == 0, added
    assert "t0ken-secret" not in added.out + added.err and "********" in added.out
    (instance,) = cli.good("status")["instances"]
    assert (instance["instance"], instance["definition"], instance["last_good_backup"]) == ("shop", "Shop", None)
    assert "never" in cli("status").out


def test_the_first_backup_says_what_is_new_and_the_second_that_nothing_was_written(shop: CommandLine) -> None:
    first = shop("backup", "shop")
    assert first.code == 0, first
    assert "Backup 1 of shop is complete" in first.out and "250 new" in first.out
    second = shop("backup", "shop")
    assert "nothing changed: no pack and no record version was written" in second.out
    told = shop.good("backup", "shop")
    assert (told["status"], told["packs"], told["changed_nothing"]) == ("successful", 0, True)
    assert [(one["endpoint"], one["records"], one["unchanged"]) for one in told["endpoints"]] == [("items", 250, 250)]
    assert [one["backup"] for one in shop.good("backups", "shop")["backups"]] == [3, 2, 1]
    assert shop.good("backups", "shop", "1")["endpoints"][0]["new"] == 250
    (instance,) = shop.good("status")["instances"]
    assert instance["last_good_backup"]["backup"] == 3 and instance["records"] == 250


def test_compare_names_every_change_field_by_field(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.put("items", make_record(7, title="now another", price=1.50) | {"body": "x" * 100})
    api.put("items", b'{"id": 8, "price": 1.00}')
    api.put("items", make_record(999))
    api.remove("items", 13)
    shop.good("backup", "shop")
    api.put("items", b'{"id": 8, "price": 1.0}')
    shop.good("backup", "shop")

    told = shop.good("compare", "shop", "1", "2")
    assert (told["from"], told["to"]) == (1, 2)
    assert {(one["change"], one["id"]) for one in told["changes"]} == {
        ("changed", "7"), ("changed", "8"), ("added", "999"), ("deleted", "13"),
    }  # fmt: skip
    seven = next(one for one in told["changes"] if one["id"] == "7")
    assert {"field": "price", "after": 1.5} in seven["fields"]
    assert {"field": "title", "before": "record 7", "after": "now another"} in seven["fields"]

    shown = shop("compare", "shop").out  # the last two
    assert "From backup 2" in shown and "price: 1.00 → 1.0" in shown
    assert "Nothing differs" in shop("compare", "shop", "3", "3").out


def test_records_come_in_pages_now_or_as_they_were(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.put("items", make_record(7, title="now another"))
    shop.good("backup", "shop")

    keys: list[str] = []
    after: list[str] = []
    while True:
        page = shop.good("records", "shop", "items", "--limit", "100", *after)
        keys += [one["id"] for one in page["records"]]
        if page["next_after"] is None:
            break
        after = ["--after", page["next_after"]]
    assert keys == sorted(str(number) for number in range(1, 251))
    assert [one["records"] for one in shop.good("endpoints", "shop")["endpoints"]] == [250]

    assert shop.good("show", "shop", "items", "7")["record"]["title"] == "now another"
    was = shop.good("show", "shop", "items", "7", "--backup", "1")
    assert (was["backup"], was["record"]["title"]) == (1, "record 7")
    at = shop.good("backups", "shop", "1")["ended_at"]
    assert shop.good("show", "shop", "items", "7", "--at", at)["record"]["title"] == "record 7"
    assert "now another" in shop("show", "shop", "items", "7").out


def test_show_raw_gives_the_very_bytes(shop: CommandLine, api: HostileSource) -> None:
    raw = b'{"price":1.00 ,  "id":1,"big":1e400,"text":"\\ud800\\u00e9"}'
    api.put("items", raw)
    shop.good("backup", "shop")
    assert shop("show", "shop", "items", "1", "--raw").out.encode() == raw
    assert raw.decode() in shop("show", "shop", "items", "1", "--json").out
    assert '"price":1.00' in shop("show", "shop", "items", "1").out.replace(": ", ":")


def test_what_could_steer_a_terminal_is_shown_escaped(shop: CommandLine, api: HostileSource) -> None:
    api.put("items", json.dumps({"id": "a\x1b]0;x\x07[red]", "title": "\x9b31m \u202e"}, ensure_ascii=False).encode())
    shop.good("backup", "shop")
    for arguments in (
        ("records", "shop", "items", "--after", "9~"), ("show", "shop", "items", "a\x1b]0;x\x07[red]"),
        ("compare", "shop", "1", "1"),
    ):  # fmt: skip
        done = shop(*arguments)
        assert done.code == 0, done
        assert not {"\x1b", "\x9b", "\u202e"} & set(done.out + done.err)
    assert "a\\x1b]0;x\\x07[red]" in shop("records", "shop", "items", "--after", "9~").out


def test_a_blob_is_written_whole_and_never_over_another_file(
    cli: CommandLine, api: HostileSource, document: Path, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 2_000
    api.blobs["photo"] = StoredBlob(data, content_type="image/png")
    api.put("items", make_record(1, photo=f"{api.url}/blob/photo", version=1))
    with document.open("a") as file:
        file.write('    blob: {url: "{{ record.photo }}", version: [version]}\n')
    cli.good("add", str(document), "shop", "--set", "token=t0ken")
    assert cli.good("backup", "shop")["endpoints"][0]["blobs"] == 1

    target = tmp_path / "photo.png"
    assert cli.good("blob", "shop", "items", "1", "-o", str(target))["bytes"] == len(data)
    assert target.read_bytes() == data
    target.write_bytes(b"mine")
    refused = cli("blob", "shop", "items", "1", "-o", str(target))
    assert refused.code == 2 and "--force" in refused.err
    assert target.read_bytes() == b"mine"
    cli.good("blob", "shop", "items", "1", "-o", str(target), "--force")
    assert target.read_bytes() == data
    assert cli("blob", "shop", "items", "2", "-o", str(tmp_path / "none")).code == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["photo.png", "shop.yaml"]


def test_an_export_is_a_zip_of_what_a_backup_holds(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    target = tmp_path / "shop.zip"
    told = shop.good("export", "shop", "-o", str(target), "--formats", "json,csv,blobs")
    assert (told["records"], told["records_failed"]) == (250, 0)
    with zipfile.ZipFile(target) as opened:
        assert len(opened.read("json/items.jsonl").splitlines()) == 250
        assert json.loads(opened.read("manifest.json"))["instance"] == "shop"
    assert shop("export", "shop", "-o", str(target)).code == 2
    assert shop("export", "shop", "-o", str(tmp_path / "x.zip"), "--formats", "pdf").code == 2
    assert not (tmp_path / "x.zip").exists()


def test_an_export_is_a_folder_of_everything_where_nothing_else_is_said(
    shop: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shop.good("backup", "shop")
    told = shop.good("export", "shop")
    assert told["file"] == "shop-1"
    folder = tmp_path / "shop-1"
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert set(files) == {"manifest.json", "json/items.jsonl"}
    assert told["bytes"] == sum(path.stat().st_size for path in files.values())
    (listed,) = json.loads(files["manifest.json"].read_bytes())["files"]
    lines = files["json/items.jsonl"].read_bytes()
    assert (listed["sha256"], listed["records"]) == (hashlib.sha256(lines).hexdigest(), 250)
    with zipfile.ZipFile(str(shop.good("export", "shop", "-o", "same.ZIP")["file"])) as archive:
        assert archive.read("json/items.jsonl") == lines
    files["manifest.json"].unlink()
    for options in ((), ("--force",), ("-o", str(folder))):
        refused = shop("export", "shop", *options)
        assert refused.code == 2 and "no folder is replaced" in refused.err
    assert shop("export", "shop", "-o", "other", "--uncompressed").code == 2
    assert sorted(path.name for path in folder.rglob("*")) == ["items.jsonl", "json"]
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".") or path.name == "other"]


def test_a_folder_that_cannot_be_written_to_its_end_is_none(
    shop: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shop.good("backup", "shop")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        done = shop("export", "shop", "-o", str(tmp_path / "copy"))
    assert done.code == 5 and "no space left" in done.err
    assert not [path for path in tmp_path.iterdir() if "copy" in path.name]


def test_verify_names_a_damaged_object_and_ends_with_1(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    assert shop.good("verify")["good"] is True
    pack = next(path for path in shop.home.glob("vault/packs/**/*") if path.is_file())
    damaged = bytearray(pack.read_bytes())
    damaged[200] ^= 1  # in the first frame
    pack.chmod(0o600)
    pack.write_bytes(damaged)
    done = shop("verify")
    assert done.code == 1
    assert pack.name in done.out and "items" in done.out and "250" in done.out
    told = shop("verify", "--json")
    assert told.code == 1 and told.json["good"] is False
    assert told.json["findings"][0]["held"][0]["endpoint"] == "items"
    assert shop("show", "shop", "items", "1").code == 6


def test_verify_opens_a_vault_whose_marker_is_damaged(shop: CommandLine) -> None:
    marker = shop.home / "vault" / "vault.json"
    marker.chmod(0o600)
    marker.write_bytes(marker.read_bytes().replace(b"1", b"2", 1))
    assert shop("endpoints", "shop").code == 6
    done = shop("verify")
    assert done.code == 0  # everything can be read without it
    assert "warning: vault.json" in done.out


def test_rebuild_brings_back_everything_after_the_catalog_is_lost(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.remove("items", 13)
    shop.good("backup", "shop")
    before = [shop.good("status"), shop.good("backups", "shop"), shop.good("records", "shop", "items", "--backup", "1")]
    for file in shop.home.glob("catalog.db*"):
        file.unlink()

    lost = shop("status")
    assert lost.code == 3 and "holdfast rebuild" in lost.err
    assert not (shop.home / "catalog.db").exists()
    refused = shop("init")  # must not begin a new catalog beside the old backups
    assert refused.code == 3 and "holdfast rebuild" in refused.err
    assert shop("status").code == 3
    told = shop.good("rebuild")
    assert (told["instances"], told["backups"], told["disagreements"]) == (1, 2, [])
    after = [shop.good("status"), shop.good("backups", "shop"), shop.good("records", "shop", "items", "--backup", "1")]
    assert after == before
    assert shop.good("backup", "shop")["changed_nothing"] is True
    assert shop("rebuild").code == 2  # there is one now


def test_set_schedule_and_remove(shop: CommandLine) -> None:
    shop.good("set", "shop", "token=another")
    assert shop.good("schedule", "shop", "daily")["next_due_at"] is not None
    assert shop.good("status")["instances"][0]["frequency"] == "daily"
    assert shop("schedule", "shop", "sometimes").code == 2
    assert shop("remove", "shop").code == 2  # nobody there to ask
    shop.good("remove", "shop", "--yes")
    assert shop.good("status")["instances"] == []
    assert shop("backup", "shop").code == 2


def test_a_saved_definition_gets_revisions(cli: CommandLine, document: Path) -> None:
    assert cli.good("definition", "save", str(document))["name"] == "Shop"
    cli.good("add", "Shop", "shop", "--set", "token=t")
    document.write_text(document.read_text() + "    description: what is sold\n")
    assert "shop" in cli("definition", "save", str(document)).out
    assert "is saved already" in cli("definition", "save", str(document)).out
    assert cli("definition", "show", "Shop").out == document.read_text()
    listed = {one["name"]: one["origin"] for one in cli.good("definition", "list")["definitions"]}
    assert listed["Shop"] == "saved" and listed["kinto"] == "built-in"
    assert json.loads(cli("definition", "schema").out)["$schema"]


def test_a_definition_is_shown_in_words(cli: CommandLine) -> None:
    shown = cli("definition", "show", "kinto", "--summary").out
    for said in ("Rights: ", "Limits: ", "Left out: ", "Against a real Kinto 26.5.0", "Reads 3 endpoints"):
        assert said in shown
    assert "by last_modified, all every 1 d  tombstones" in shown
    machine = cli.good("definition", "show", "kinto")
    assert machine["document"] == cli("definition", "show", "kinto").out
    assert [one["name"] for one in machine["endpoints"]] == ["collections", "groups", "records"]
    assert machine["endpoints"][2]["parents"] == ["collections"] and machine["endpoints"][2]["blobs"]
    mark = "Against emulate 0.12.2, an imitation of the API; never against GitHub."
    assert mark in cli("definition", "list").out
    listed = {one["name"]: one["verified"] for one in cli.good("definition", "list")["definitions"]}
    assert listed["github"].startswith(mark)


def test_all_goes_on_after_a_failure_and_says_so_with_its_exit_code(shop: CommandLine, document: Path) -> None:
    shop.good("add", str(document), "broken", "--set", "token=t", "--set", "base_url=http://127.0.0.1:1")
    done = shop("backup", "--all", "--json")
    assert done.code == 1
    assert {one["instance"]: one["status"] for one in done.json["backups"]} == {
        "shop": "successful", "broken": "failed",
    }  # fmt: skip


def test_vendors_are_made_listed_rotated_and_disabled(cli: CommandLine) -> None:
    made = cli.good("vendor", "create", "Acme", "--email", "ops@acme.example")
    assert made["client_id"] and made["client_secret"]
    (listed,) = cli.good("vendor", "list")["vendors"]
    assert listed["client_id"] == made["client_id"] and len(listed["secrets"]) == 1
    assert made["client_secret"] not in json.dumps(listed)
    rotated = cli.good("vendor", "rotate", "Acme")
    assert rotated["client_secret"] != made["client_secret"]
    kept = cli.good("vendor", "rotate", made["client_id"], "--keep")
    cli.good("vendor", "revoke", "Acme", str(rotated["secret_id"]))
    (listed,) = cli.good("vendor", "list")["vendors"]
    assert [one["id"] for one in listed["secrets"]] == [kept["secret_id"]]
    cli.good("vendor", "disable", "Acme")
    assert cli.good("vendor", "list")["vendors"][0]["disabled_at"] is not None
    cli.good("vendor", "enable", "Acme")
    assert cli.good("vendor", "list")["vendors"][0]["disabled_at"] is None
    assert cli("vendor", "disable", "Nobody").code == 2


def test_a_copy_of_the_folder_is_a_whole_installation(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    shutil.copytree(shop.home, tmp_path / "copy")
    shop.set(HOLDFAST_HOME=str(tmp_path / "copy"))
    assert shop.good("endpoints", "shop")["endpoints"][0]["records"] == 250
