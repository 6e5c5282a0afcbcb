"""`key` and `erase`: another root key, a copy under a passphrase, a customer that is gone for ever."""

from pathlib import Path

from holdfast.operations import customers
from tests.support.command_line import CommandLine
from tests.support.installation import installed

WORDS = "correct horse battery staple"


def test_the_root_key_is_rotated_and_everything_opens(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    file = shop.home / "root.key"
    before, old = file.read_text(), shop.good("key", "show")
    assert old["customers"] == 1 and old["other_copies"] == 0
    assert before.split(":")[1] not in shop("key", "show").out
    assert shop("key", "rotate").code == 2, "it asks"
    done = shop.good("key", "rotate", "--yes")
    assert done["old_root_id"] == old["root_id"] != done["root_id"]
    assert file.read_text() != before
    assert shop.good("verify")["good"] is True
    file.write_text(before)
    assert shop("verify").code == 3


def test_a_key_that_is_in_no_file_is_rotated_in_two_steps(shop: CommandLine, tmp_path: Path) -> None:
    given = (shop.home / "root.key").read_text().strip()
    (shop.home / "root.key").unlink()
    shop.set(HOLDFAST_ROOT_KEY=given)
    assert "HOLDFAST_ROOT_KEY" in shop("key", "show").out
    assert "holdfast key prepare" in shop("key", "rotate", "--yes").err
    new = tmp_path / "new.key"
    shop.good("key", "prepare", str(new))
    shop.good("key", "prepare", str(new))
    assert shop("verify").code == 0
    shop.monkeypatch.delenv("HOLDFAST_ROOT_KEY")
    shop.set(HOLDFAST_ROOT_KEY_COMMAND=f"cat {new}")
    assert "a rotation was not ended" in shop("key", "show").out
    assert shop.good("key", "retire", "--yes")["copies_destroyed"] == 4
    assert shop.good("key", "show") == shop.good("key", "show") | {"other_copies": 0}
    shop.set(HOLDFAST_ROOT_KEY_COMMAND="echo no; exit 3")
    done = shop("verify")
    assert (done.code, "exit code 3" in done.err) == (3, True)
    shop.monkeypatch.delenv("HOLDFAST_ROOT_KEY_COMMAND")
    shop.set(HOLDFAST_ROOT_KEY=given)
    assert shop("verify").code == 3, "the old one opens nothing"


def test_a_copy_under_a_passphrase_brings_the_key_back(shop: CommandLine, tmp_path: Path) -> None:
    shop.set(WORDS=WORDS)
    copy = tmp_path / "copy.json"
    assert shop("key", "export", "--passphrase", WORDS).code == 2, "not on the command line"
    assert shop("key", "export", "--passphrase", "@" + str(tmp_path / "none")).code == 2
    assert shop("key", "export").code == 2, "nobody to ask"
    assert shop("key", "export", "-o", str(copy), "--passphrase", "env:WORDS").code == 0
    key = (shop.home / "root.key").read_text()
    assert key.split(":")[1] not in copy.read_text()
    assert shop("key", "import", str(copy), "--passphrase", "env:WORDS").code == 2, "there is a key file"
    (shop.home / "root.key").unlink()
    shop.set(WORDS="another passphrase")
    assert shop("key", "import", str(copy), "--passphrase", "env:WORDS").code == 2
    (tmp_path / "words").write_text(WORDS + "\n")
    shop.good("key", "import", str(copy), "--passphrase", "@" + str(tmp_path / "words"))
    assert (shop.home / "root.key").read_text() == key
    assert shop("verify").code == 0


def test_a_customer_is_erased_and_the_certificate_says_so(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    with installed(shop.home) as installation:
        gone = customers.create(installation.services, installation.customer.vendor_id, "gone", None)
    assert "No customer was erased" in shop("erase", "list").out
    assert shop("erase", "customer", "nobody", "--yes").code == 2
    assert shop("erase", "customer", "gone").code == 2, "it asks"
    hold = shop.good("hold", "set", "--customer", "gone", "--reason", "a court asks")
    held = shop("erase", "customer", "gone", "--yes")
    assert (held.code, "a court asks" in held.err) == (2, True)
    shop.good("hold", "release", str(hold["id"]))
    file = tmp_path / "certificate.json"
    assert shop("erase", "customer", "gone", "--yes", "-o", str(file)).code == 0
    assert not list((shop.home / "vault" / "keys" / str(gone.id)).glob("*"))
    public = shop("receipt", "key").out.strip()
    checked = shop.good("erase", "verify", str(file), "--key", public, "--vault")
    assert checked["certificate"]["customer_id"] == gone.id
    assert (checked["storages_looked_at"], checked["keys_left"]) == (1, [])
    assert shop("erase", "certificate", str(gone.id)).out == file.read_text()
    assert shop.good("erase", "list")["erasures"][0]["customer_id"] == gone.id
    assert shop.good("erase", "resume")["ended"] == []
    assert shop("erase", "verify", str(file), "--key", "0" * 64).code == 2
    file.write_text(file.read_text().replace(str(gone.id), "1"))
    assert shop("erase", "verify", str(file)).code == 2
    assert shop.good("verify")["good"] is True


def test_what_destroys_asks_and_only_the_very_answer_counts(shop: CommandLine) -> None:
    with installed(shop.home) as installation:
        gone = customers.create(installation.services, installation.customer.vendor_id, "gone", None)
    code, shown = shop.on_terminal("erase", "customer", "gone", asked="to go on", answer="gone")
    assert (code, "Nobody can bring them back" in shown) == (1, True)
    assert list((shop.home / "vault" / "keys" / str(gone.id)).glob("*"))
    code, _ = shop.on_terminal("erase", "customer", "gone", asked="to go on", answer=str(gone.id))
    assert code == 0
    assert not list((shop.home / "vault" / "keys" / str(gone.id)).glob("*"))
    assert shop.on_terminal("key", "rotate", asked="[y/N]:", answer="n")[0] == 1


def test_a_key_that_came_back_is_found(shop: CommandLine, tmp_path: Path) -> None:
    with installed(shop.home) as installation:
        gone = customers.create(installation.services, installation.customer.vendor_id, "gone", None)
        copy = installation.services.storage.get(f"keys/{gone.id}/0")
    file = tmp_path / "certificate.json"
    assert shop("erase", "customer", str(gone.id), "--yes", "-o", str(file)).code == 0
    with installed(shop.home) as installation:
        installation.services.storage.put(f"keys/{gone.id}/0", copy)
    done = shop("erase", "verify", str(file), "--vault")
    assert (done.code, "there again" in done.out) == (1, True)
