"""`holdfast verify` as people type it, and what `holdfast status` says of it."""

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


def damage_a_pack(home: Path) -> str:
    file = next(path for path in sorted((home / "vault" / "packs").rglob("*")) if path.is_file())
    data = bytearray(file.read_bytes())
    data[-40] ^= 1
    file.write_bytes(data)
    return file.relative_to(home / "vault").as_posix()


def test_a_check_says_what_it_read_and_status_when(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    assert "never proved" in shop("status").err
    done = shop("verify", "--rate", "1000")
    assert done.code == 0 and "every byte is what was written" in done.out
    assert "proved" in shop("status").err
    sampled = shop("verify", "--sample", "50%")
    assert sampled.code == 0 and "50% of its content, chosen by chance" in sampled.out
    assert shop.good("verify", "--structure")["share"] == 0.0
    assert shop.good("verify", "--anew")["data"] is True


def test_damage_stands_in_the_status_and_the_metrics(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    name = damage_a_pack(shop.home)
    done = shop("verify", "--json")
    assert done.code == 1
    assert [finding["object"] for finding in done.json["findings"]] == [name]
    assert shop.good("status")["vault"]["errors"] == 1
    assert "damaged, 1 error: holdfast repair" in shop("status").err


def test_replicas_are_proved_too(shop: CommandLine, tmp_path: Path) -> None:
    shop.good("backup", "shop")
    assert "no replica" in shop("verify", "--replica").err
    shop.set(HOLDFAST_REPLICA_URL=str(tmp_path / "copy"))
    assert "never complete yet" in shop("status").err
    shop.good("replicate")
    assert "is good" in shop("verify", "--replica").out
    assert shop.good("status")["replicas"][0]["findings"] == 0


@pytest.mark.parametrize("arguments", [("--sample", "0"), ("--sample", "x"), ("--sample", "5%", "--structure")])
def test_what_cannot_be_meant_is_refused(cli: CommandLine, arguments: tuple[str, ...]) -> None:
    done = cli("verify", *arguments)
    assert done.code == 2 and "--sample" in done.err
