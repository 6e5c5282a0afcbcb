"""`retention`, `hold`, `prune`: what is kept is said first, and only the rest goes."""

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, make_record


def back_up(shop: CommandLine, api: HostileSource, times: int) -> None:
    for turn in range(times):
        api.put("items", make_record(1, turn=turn))
        shop.good("backup", "shop")


def kept(shop: CommandLine) -> list[int]:
    return [one["backup"] for one in shop.good("backups", "shop")["backups"]]


def test_a_policy_is_set_shown_and_carried_out(shop: CommandLine, api: HostileSource) -> None:
    back_up(shop, api, 4)
    assert "every backup is kept" in shop("retention", "show").err
    assert "Nothing has to go" in shop("prune", "--dry-run").out
    shop.good("retention", "set", "last=3")
    shop.good("retention", "set", "last=2", "--instance", "shop")
    shown = shop.good("retention", "show")
    assert [one["rules"] for one in shown["policies"]] == [{"last": 3}, {"last": 2}]
    assert shown["instances"][0]["from"] == "instance"
    assert "last=2" in shop("retention", "show", "shop").out
    planned = shop.good("prune", "--dry-run")
    assert planned["dry_run"] is True
    assert [one["backup"] for one in planned["instances"][0]["forgotten"]] == [1, 2]
    assert kept(shop) == [4, 3, 2, 1]
    done = shop("prune")
    assert done.code == 2 and "--yes" in done.err
    assert "2 backups of 1 instances to forget" in done.out
    report = shop.good("prune", "--yes")["report"]
    assert report["complete"] is True and report["instances"][0]["forgotten"] == 2
    assert kept(shop) == [4, 3]
    shop.good("retention", "clear", "--instance", "shop")
    assert shop.good("retention", "show")["instances"][0]["from"] == "customer"
    assert shop.good("prune")["report"]["instances"][0]["forgotten"] == 0
    assert shop.good("verify")["good"] is True


def test_a_hold_keeps_a_backup_until_it_is_released(shop: CommandLine, api: HostileSource) -> None:
    back_up(shop, api, 3)
    assert shop("hold", "set", "--reason", "audit").code == 2
    assert shop("hold", "set", "--instance", "shop", "--backup", "9", "--reason", "audit").code == 2
    hold = shop.good("hold", "set", "--instance", "shop", "--backup", "1", "--reason", "audit of May")
    assert "backup 1 of shop" in shop("hold", "list").out
    (planned,) = shop.good("prune", "shop", "--keep", "last=1", "--dry-run")["instances"]
    assert planned["kept"][0] == {"backup": 1, "because": ["legal hold"]}
    shop.good("prune", "--keep", "last=1", "--yes")
    assert kept(shop) == [3, 1]
    shop.good("hold", "release", str(hold["id"]))
    assert shop.good("hold", "list")["holds"] == []
    assert shop.good("hold", "list", "--all")["holds"][0]["reason"] == "audit of May"
    shop.good("prune", "--keep", "last=1", "--yes")
    assert kept(shop) == [3]


def test_a_removed_instance_is_pruned_by_its_id(shop: CommandLine, api: HostileSource) -> None:
    back_up(shop, api, 2)
    removed = shop.good("remove", "shop", "--yes")["id"]
    shop.good("retention", "set", "last=1", "after_deletion=30d", "--instance", str(removed))
    (planned,) = shop.good("prune", str(removed), "--dry-run")["instances"]
    assert [one["backup"] for one in planned["forgotten"]] == [1]
    assert shop.good("prune", "--yes")["report"]["instances"][0]["forgotten"] == 1


def test_an_append_only_installation_is_pruned_by_another_credential(shop: CommandLine, api: HostileSource) -> None:
    back_up(shop, api, 3)
    shop.set(HOLDFAST_APPEND_ONLY="true")
    back_up(shop, api, 1)
    assert shop.good("verify")["good"] is True
    done = shop("prune", "--keep", "last=1", "--yes", "--json")
    assert (done.code, done.error["code"]) == (3, "invalid")
    assert shop("prune", "--dry-run").code == 0
    vault = str(shop.home / "vault")
    report = shop.good("prune", "--keep", "last=1", "--yes", "--storage-url", vault)["report"]
    assert report["complete"] is True and report["freed_bytes"] > 0
    shop.set(HOLDFAST_PRUNE_STORAGE_URL=vault)
    assert shop("prune", "--keep", "last=1", "--yes").code == 0


def test_whose_policy_it_is_must_be_clear(shop: CommandLine) -> None:
    assert shop("retention", "set", "last=1", "--instance", "shop", "--vendor", "x").code == 2
    assert shop("retention", "set", "fortnightly=1").code == 2
    assert shop("retention", "set", "last=0").code == 2
    assert shop("retention", "set", "last=1", "--customer", "nobody").code == 2
    vendor = shop.good("vendor", "create", "Acme")
    assert shop.good("retention", "set", "daily=3", "--vendor", "Acme")["id"] == vendor["vendor_id"]
