"""What goes wrong gets a sentence that says what to do, an exit code, no traceback; and nothing is lost."""

from pathlib import Path

import pytest

from holdfast import app
from holdfast.errors import StorageFull
from holdfast.storage import open_storage
from tests.support.command_line import CommandLine, Done
from tests.support.faulty import Wrapping
from tests.support.hostile_source import HostileSource


def _assert_told(done: Done, code: int, *parts: str) -> None:
    assert done.code == code, done
    said = done.out + done.err
    assert "Traceback" not in said
    for part in parts:
        assert part in said, (part, said)


def test_arguments_that_are_wrong(cli: CommandLine) -> None:
    _assert_told(cli("bakup"), 2, "Did you mean 'backup'", "holdfast --help")
    _assert_told(cli("show", "shop"), 2, "ENDPOINT", "holdfast show --help")
    _assert_told(cli("backup"), 2, "--all")
    _assert_told(cli("backup", "--all"), 2, "holdfast add")
    _assert_told(cli("backup", "shop"), 2, "there is no instance named 'shop'", "holdfast add")


def test_an_error_for_machines_has_code_message_and_hint(cli: CommandLine) -> None:
    done = cli("backup", "shop", "--json")
    assert done.code == 2 and done.out == ""
    assert done.error["code"] == "not_found" and "shop" in done.error["message"] and done.error["hint"]
    assert cli("backup", "--json", "--nonsense").error["code"] == "usage"


def test_names_that_do_not_exist_are_answered_with_those_that_do(shop: CommandLine) -> None:
    _assert_told(shop("endpoints", "shop"), 2, "has no backup yet", "holdfast backup shop")
    shop.good("backup", "shop")
    _assert_told(shop("endpoints", "shp"), 2, "did you mean 'shop'?", "There are: shop.")
    _assert_told(shop("records", "shop", "itms"), 2, "there is no endpoint itms", "There are: items.")
    _assert_told(shop("show", "shop", "items", "no"), 2, "items has no record no", "look like 1")
    _assert_told(shop("show", "shop", "items", "1", "--backup", "9"), 2, "there is no backup number 9", "number 1")
    _assert_told(shop("show", "shop", "items", "1", "--at", "2001-01-01"), 2, "by then")
    _assert_told(shop("show", "shop", "items", "1", "--at", "noon"), 2, "2026-11-24T08:30")
    _assert_told(shop("show", "shop", "items", "1", "--at", "2001-01-01", "--backup", "1"), 2, "one of them")
    _assert_told(shop("compare", "shop"), 2, "one backup only")
    _assert_told(shop("set", "shop", "tokn=1"), 2, "did you mean 'token'?")


def test_a_variable_that_is_missing_is_named(cli: CommandLine, document: Path) -> None:
    _assert_told(cli("add", str(document), "shop"), 2, "token (Access token)", "--set token=@FILE")
    _assert_told(cli("add", str(document), "shop", "--set", "token"), 2, "no terminal")
    _assert_told(cli("add", str(document), "shop", "--set", "token=@/no/such"), 2, "/no/such cannot be read")
    _assert_told(cli("add", str(document), "shop", "--set", "token=env:NO_SUCH"), 2, "NO_SUCH")
    _assert_told(cli("add", str(document), "shop", "--set", "token="), 2, "the secret token is empty")
    assert cli.good("status")["instances"] == []


def test_an_instance_that_cannot_be_added_leaves_nothing_behind(cli: CommandLine, document: Path) -> None:
    for given in ("token=env:NO_SUCH", "token=", "tokn=1"):
        assert cli("add", str(document), "shop", given).code == 2
    _assert_told(cli("add", "Shop", "shop", "token=1"), 2, "there is no definition `Shop`", "Built in: ", "github")
    done = cli("add", str(document), "my shop", "token=1")
    assert done.code == 0 and "Next: holdfast backup 'my shop'" in done.out
    document.write_text(document.read_text().replace("name: Shop", "name: Another"))
    _assert_told(cli("add", str(document), "my shop", "token=1"), 2, "'my shop' already", "holdfast set 'my shop'")
    _assert_told(cli("add", "Another", "other", "token=1"), 2, "there is no definition `Another`", "Saved here: Shop.")
    _assert_told(cli("add", "shp", "other", "token=1"), 2, "Did you mean `Shop`?")


def test_what_is_nearly_right_is_answered_with_what_is(shop: CommandLine, tmp_path: Path) -> None:
    _assert_told(shop("retention", "set", "last", "3"), 2, "'last' has no number: say last=3")
    _assert_told(shop("retention", "set", "daily=x"), 2, "say daily=3")
    shop.good("backup", "shop")
    receipt = tmp_path / "receipt.json"
    receipt.write_text(shop("receipt", "show", "shop").out)
    _assert_told(shop("receipt", "verify", str(receipt), "--key", "abc"), 2, "'abc' is no key", "64 hexadecimal digits")
    _assert_told(shop("search", "shop", "items"), 0, "items is an endpoint: `--endpoint items`")


def test_a_deleted_record_says_where_it_is_still_to_be_had(shop: CommandLine, api: HostileSource) -> None:
    for _ in range(2):
        shop.good("backup", "shop")
    api.remove("items", 8)
    shop.good("backup", "shop")
    shop.good("backup", "shop")
    _assert_told(shop("show", "shop", "items", "8"), 2, "deleted in backup 3", "`--backup 2` shows it")
    assert shop.good("show", "shop", "items", "8", "--backup", "2")["record"]
    _assert_told(shop("show", "shop", "items", "nothing"), 2, "has no record nothing", "look like")


def test_an_empty_secret_does_not_replace_one(shop: CommandLine) -> None:
    _assert_told(shop("set", "shop", "token="), 2, "the secret token is empty")
    _assert_told(shop("set", "shop", "token=  "), 2, "the secret token is empty")


def test_a_vendors_name_is_free_and_its_address_one(cli: CommandLine) -> None:
    cli.good("vendor", "create", "Acme")
    _assert_told(cli("vendor", "create", "Acme"), 2, "there is a vendor named 'Acme' already", "vendor rotate")
    _assert_told(cli("vendor", "create", " Acme "), 2, "already")
    _assert_told(cli("vendor", "create", "  "), 2, "needs a name")
    error = cli("vendor", "create", "Other", "--email", "ops at acme", "--json").error
    assert "'ops at acme' does not look like an email address" in error["message"]
    assert len(cli.good("vendor", "list")["vendors"]) == 1


def test_every_mistake_of_a_definition_has_its_line(cli: CommandLine, document: Path) -> None:
    document.write_text(document.read_text().replace("paging:", "pageing:").replace("id: id", "id: 7"))
    done = cli("definition", "check", str(document))
    lines = document.read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if "pageing" in line)
    _assert_told(done, 2, f"{document}:{number}:", "Did you mean `paging`?", f"{document}:{number - 2}:")
    assert len(cli("definition", "check", str(document), "--json").json["problems"]) == 2
    _assert_told(cli("add", str(document), "shop", "--set", "token=t"), 2, "pageing")
    _assert_told(cli("add", "kintoo", "shop"), 2, "kinto")
    _assert_told(cli("definition", "check", "no.yaml"), 2, "no.yaml cannot be read")


def test_a_wrong_credential_fails_the_backup_and_loses_nothing(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.switches.token = "another"
    _assert_told(shop("backup", "shop"), 1, "401", "holdfast set shop token")
    shop.good("set", "shop", "token=another")
    assert shop.good("backup", "shop")["changed_nothing"] is True
    assert [one["records"] for one in shop.good("endpoints", "shop", "--backup", "2")["endpoints"]] == [250]


def test_a_host_that_does_not_answer_fails_the_backup(shop: CommandLine) -> None:
    shop.good("set", "shop", "base_url=http://127.0.0.1:1")
    _assert_told(shop("backup", "shop"), 1, "no connection to 127.0.0.1", "holdfast set shop KEY=VALUE")
    shop.set(HOLDFAST_ALLOW_PRIVATE_NETWORK="false")
    _assert_told(shop("backup", "shop"), 1, "HOLDFAST_ALLOW_PRIVATE_NETWORK=true")
    why = shop("backups", "shop").out
    assert "failed" in why and "127.0.0.1" in why


def test_a_page_that_fails_is_named_and_what_was_read_is_kept(
    shop: CommandLine, api: HostileSource, tmp_path: Path
) -> None:
    api.switches.fail_page = 2
    done = shop("backup", "shop")
    _assert_told(done, 1, "items, page 2:", "500", "It keeps what it has read: 100 new", "read in part")
    assert "endpoint items, page 2" not in done.out, "said once"
    exported = shop("export", "shop", "-o", str(tmp_path / "x.zip"))
    _assert_told(exported, 0, "Backup 1 failed", "holdfast backups shop 1")
    _assert_told(shop("records", "shop", "items"), 0, "which failed")
    api.switches.fail_page = None
    assert shop.good("backup", "shop")["endpoints"][0]["new"] == 150


def test_deletions_that_nobody_believes_are_held_until_they_are_accepted(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.switches.empty = True
    done = shop("backup", "shop")
    _assert_told(done, 1, "deletions held", "holdfast backup shop --accept-deletions", "250")
    assert shop.good("endpoints", "shop")["endpoints"][0]["records"] == 250
    accepted = shop.good("backup", "shop", "--accept-deletions")
    assert accepted["endpoints"][0]["deleted"] == 250
    assert shop.good("endpoints", "shop")["endpoints"][0]["records"] == 0
    assert shop.good("endpoints", "shop", "--backup", "1")["endpoints"][0]["records"] == 250


def test_no_installation_no_key_another_key(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    home, other = shop.home, tmp_path / "other"
    shop.set(HOLDFAST_HOME=str(tmp_path / "nothing"))
    _assert_told(shop("status"), 3, "holdfast init")
    shop.set(HOLDFAST_HOME=str(other))
    shop.good("init")
    shop.set(HOLDFAST_HOME=str(home), HOLDFAST_ROOT_KEY_FILE=str(other / "root.key"))
    _assert_told(shop("records", "shop", "items"), 3, "key")
    shop.set(HOLDFAST_ROOT_KEY_FILE=str(tmp_path / "gone.key"))
    _assert_told(shop("records", "shop", "items"), 3, "gone.key")
    (home / "root.key").unlink()
    shop.set(HOLDFAST_ROOT_KEY_FILE=str(home / "root.key"))
    _assert_told(shop("init"), 3, "there is a vault")
    shop.set(HOLDFAST_ROOT_KEY_FILE=str(home / "root.key"), HOLDFAST_PORT="http")
    _assert_told(shop("status"), 3, "HOLDFAST_PORT", "docs/operations.md")


def test_a_setting_that_cannot_be_meant_is_named(shop: CommandLine, tmp_path: Path) -> None:
    good = shop.home / "root.key"
    wrong = {
        "HOLDFAST_STORAGE_URL": "ftp://host/vault",
        "HOLDFAST_REPLICA_URL": "ftp://host/copy",
        "HOLDFAST_DATABASE_URL": "mysql://host/catalog",
        "HOLDFAST_ROOT_KEY": "nonsense",
        "HOLDFAST_ROOT_KEY_COMMAND": "echo nonsense",
    }
    for name, value in wrong.items():
        with shop.monkeypatch.context() as patched:
            patched.setenv(name, value)
            _assert_told(shop("status"), 3, name)
    with shop.monkeypatch.context() as patched:
        patched.setenv("HOLDFAST_ROOT_KEY", good.read_text())
        patched.setenv("HOLDFAST_ROOT_KEY_COMMAND", f"cat {good}")
        _assert_told(shop("status"), 3, "HOLDFAST_ROOT_KEY and HOLDFAST_ROOT_KEY_COMMAND are both set")
        patched.setenv("HOLDFAST_HOME", "/dev/null/home")
        _assert_told(shop("init"), 3, "/dev/null/home cannot be made", "HOLDFAST_HOME")
    good.write_bytes(b"\xff no key")
    _assert_told(shop("status"), 3, f"the key file {good}", "not a root key")


def test_an_object_that_is_missing_is_named(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    pack = next(path for path in shop.home.glob("vault/packs/**/*") if path.is_file())
    pack.unlink()
    _assert_told(shop("show", "shop", "items", "1"), 6, pack.name)
    _assert_told(shop("verify"), 1, pack.name, "is missing")


def test_a_disk_that_is_full_ends_an_export_with_a_message(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    _assert_told(shop("export", "shop", "-o", "/dev/full"), 5, "no space left for /dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_file_that_cannot_be_written(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    _assert_told(shop("export", "shop", "-o", str(tmp_path / "no" / "x.zip")), 2, "cannot be written")
    _assert_told(shop("export", "shop", "-o", str(tmp_path / "no" / "x")), 2, "cannot be written")
    _assert_told(shop("export", "shop", "-o", str(tmp_path)), 2, "exists already", "no folder is replaced")


def test_a_vault_on_a_full_disk_fails_the_backup_and_the_next_one_completes_it(
    shop: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(app, "open_storage", lambda url: _Full(open_storage(url)))
        _assert_told(shop("backup", "shop"), 1, "no space left", "Make room")
    told = shop.good("backup", "shop")
    assert told["endpoints"][0]["records"] == 250


class _Full(Wrapping):
    """There is room for manifests and the like, not for records."""

    def put(self, name: str, data: bytes | memoryview) -> None:
        if name.startswith("packs/"):
            raise StorageFull(f"no space left for {name}")
        super().put(name, data)
