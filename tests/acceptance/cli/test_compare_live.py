"""`holdfast compare --live`, as people and programs use it."""

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, make_record


def test_what_a_backup_would_change_is_told_and_not_stored(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.put("items", make_record(7, title="edited"))
    api.remove("items", 8)
    done = shop("compare", "shop", "--live")
    assert done.code == 0
    assert "~ 7" in done.out and "edited" in done.out and "- 8" in done.out
    told = shop.good("compare", "shop", "--live")
    assert (told["from"], told["to"], told["complete"]) == (1, "live", True)
    assert [(one["change"], one["id"]) for one in told["changes"]] == [("changed", "7"), ("deleted", "8")]
    assert len(shop.good("backups", "shop")["backups"]) == 1


def test_a_source_that_fails_ends_with_1(shop: CommandLine, api: HostileSource) -> None:
    api.switches.fail_page = 2
    done = shop("compare", "shop", "--live")
    assert done.code == 1 and "page 2" in done.out
    assert "Nothing differs." not in done.out and "could not be read to its end" in done.out
    assert shop("compare", "shop", "1", "--live").code == 2
