"""`holdfast alarms` and `acknowledge`, and where else an alarm is seen."""

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource


def test_an_alarm_is_told_everywhere_until_it_is_acknowledged(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    assert "no alarm" in shop("alarms").out
    assert shop.good("status")["instances"][0]["alarms"] == 0
    for number in range(1, 201):
        api.remove("items", number)
    done = shop("backup", "shop", "--accept-deletions")
    assert done.code == 0
    assert "alarm: 200 of 250 records of items are gone" in done.out and "holdfast acknowledge shop" in done.out
    assert shop.good("status")["instances"][0]["alarms"] == 1
    assert "holdfast alarms" in shop("status").err
    assert "2: alarm: 200 of 250" in shop("backups", "shop").out
    assert [one["kind"] for one in shop.good("backups", "shop")["backups"][0]["alarms"]] == ["mass_deletion"]
    (alarm,) = shop.good("alarms", "shop")["alarms"]
    assert (alarm["instance"], alarm["backup"], alarm["figures"]["value"]) == ("shop", 2, 200)
    assert "mass deletion" in shop("alarms").out
    assert shop("acknowledge", "shop", "1").code == 2
    assert len(shop.good("acknowledge", "shop")["acknowledged"]) == 1
    assert shop.good("alarms")["alarms"] == []
    assert shop.good("alarms", "--all")["alarms"][0]["acknowledged_by"] == "operator"
    assert "Nothing to acknowledge" in shop("acknowledge", "shop").out
