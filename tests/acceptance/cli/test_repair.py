"""`holdfast repair` as people type it, following what each command says."""

import shutil
from pathlib import Path

from tests.acceptance.cli.test_verify import damage_a_pack
from tests.support.command_line import CommandLine


def damage_records(home: Path) -> str:
    """In the first frame, on which all others of the pack depend."""
    file = next(path for path in sorted((home / "vault" / "packs").rglob("*")) if path.is_file())
    data = bytearray(file.read_bytes())
    data[34 + int.from_bytes(data[30:34], "big") + 3] ^= 1
    file.write_bytes(data)
    return file.relative_to(home / "vault").as_posix()


def test_the_way_out_without_a_replica(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    name = damage_records(shop.home)
    found = shop("verify")
    assert found.code == 1 and "holdfast repair" in found.out
    first = shop("repair")
    assert first.code == 1 and "waits for the next backup" in first.out and "`holdfast backup shop`" in first.out
    shop.good("backup", "shop")
    second = shop.good("repair")
    assert [mended["object"] for mended in second["mended"]] == [name] and second["whole"]
    assert shop("verify").code == 0 and shop.good("status")["vault"]["errors"] == 0
    assert shop("repair").out.strip() == "Nothing is lost or damaged now."


def test_the_way_out_with_one(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    shop.set(HOLDFAST_REPLICA_URL=str(tmp_path / "copy"))
    shop.good("replicate")
    damage_a_pack(shop.home)
    shutil.rmtree(shop.home / "vault" / "keys" / "0")
    assert "holdfast repair" in shop("verify").err
    done = shop("repair", "--data")
    assert done.code == 0 and "taken from" in done.out
    assert shop("verify").code == 0
    damaged = next(path for path in (tmp_path / "copy" / "packs").rglob("*") if path.is_file())
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    assert shop("verify", "--replica").code == 1
    assert shop("repair", "--replica").code == 0 and shop("verify", "--replica").code == 0
    assert shop("repair", "--replica", "--data").code == 2
