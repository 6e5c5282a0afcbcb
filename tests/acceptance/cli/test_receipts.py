"""`holdfast receipt`: shown, checked offline, found out where it was changed or contradicts itself."""

import json
from pathlib import Path

from holdfast.vault import receipts
from tests.support.command_line import CommandLine


def test_a_receipt_is_checked_without_the_installation(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    file = tmp_path / "receipt.json"
    file.write_text(shop("receipt", "show", "shop").out)
    key = shop("receipt", "key").out.strip()
    shop.set(HOLDFAST_HOME=str(tmp_path / "none"))
    told = shop.good("receipt", "verify", str(file), "--key", key)
    assert (told["valid"], told["key_checked"], told["problems"]) == (True, True, [])
    assert "250 records" in shop("receipt", "verify", str(file)).out
    assert shop("receipt", "verify", str(file), "--key", "00" * 32).code == 2
    file.write_text(file.read_text().replace('"listed": 250', '"listed": 249'))
    assert "changed after it was signed" in shop("receipt", "verify", str(file)).err


def test_a_signed_receipt_that_contradicts_itself_ends_with_1(shop: CommandLine, tmp_path: Path) -> None:
    from holdfast.cli.session import opened

    shop.good("backup", "shop")
    content = json.loads(shop("receipt", "show", "shop").out)["receipt"]
    content["endpoints"][0]["listed"] = 249
    with opened() as session:
        signed = receipts.sign(session.services.vault.installation.keys, content)
    file = tmp_path / "receipt.json"
    file.write_bytes(signed.encode())
    done = shop("receipt", "verify", str(file))
    assert done.code == 1 and "items: 249 records were listed, but 250 new makes 250" in done.out
