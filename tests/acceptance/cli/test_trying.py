"""`holdfast definition try` and `holdfast plan`, as people and programs use them."""

from pathlib import Path

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource


def test_a_definition_is_tried_without_an_installation(
    cli: CommandLine, api: HostileSource, document: Path, tmp_path: Path
) -> None:
    cli.set(HOLDFAST_HOME=str(tmp_path / "none"))
    done = cli("definition", "try", str(document), "--set", "token=t0ken")
    assert done.code == 0, done.err
    assert "250" in done.out and "The shortest schedule that can be kept: every 5 minutes" in done.out
    assert not (tmp_path / "none").exists()
    told = cli.good("definition", "try", str(document), "--set", "token=t0ken")
    assert told["endpoints"][0]["records"][0]["id"] == "1"
    assert told["forecast"]["first"]["requests"] == 3
    api.switches.fail_page = 2
    done = cli("definition", "try", str(document), "--set", "token=t0ken")
    assert done.code == 1 and f"[GET {api.url}/cursor/items?cursor=c100]" in done.out
    assert cli("definition", "try", str(document), "--set", "token=x", "--endpoint", "itms").code == 2


def test_a_plan_compares_the_forecast_with_what_backups_took(shop: CommandLine, api: HostileSource) -> None:
    told = shop.good("plan", "shop")
    assert (told["actual"], told["shortest_schedule"]) == ({"first": None, "daily": None}, "every 5 minutes")
    for _ in range(2):
        shop.good("backup", "shop")
    told = shop.good("plan", "shop")
    assert (told["forecast"]["first"]["requests"], told["actual"]["first"]["requests"]) == (3, 3)
    assert told["actual"]["daily"]["backups"] == [2] and told["actual"]["daily"]["endpoints"] == {"items": 3}
    done = shop("plan", "shop")
    assert done.code == 0 and "by what backups took" in done.out
    api.switches.token = "another"
    done = shop("plan", "shop")
    assert done.code == 1 and "401" in done.out
