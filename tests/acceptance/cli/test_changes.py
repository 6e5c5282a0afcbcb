"""`holdfast changes`, as people and programs use it."""

from holdfast.operations.feed.cursors import Cursor
from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, make_record


def test_what_happened_is_told_and_goes_on_from_a_cursor(shop: CommandLine, api: HostileSource) -> None:
    assert shop("changes", "shop").code == 2
    shop.good("backup", "shop")
    api.put("items", make_record(7, title="edited", color="red"))
    api.remove("items", 8)
    shop.good("backup", "shop")
    done = shop("changes", "shop")
    assert done.code == 0
    assert "color: text" in done.out and "title, color" in done.out and "deleted" in done.out
    told = shop.good("changes", "shop")
    assert [(one["backup"], one["change"], one["id"]) for one in told["changes"]] == [
        (2, "field", "7"), (2, "changed", "7"), (2, "deleted", "8"),
    ]  # fmt: skip
    assert told["changes"][1]["record"]["title"] == "edited"
    assert shop.good("changes", "shop", "--after", told["next"]) == {"changes": [], "next": told["next"], "more": False}
    everything = shop.good("changes", "shop", "--from", "1", "--limit", "10")
    assert everything["more"] is True
    assert [one["id"] for one in everything["changes"] if one["change"] == "created"][:2] == ["1", "10"]
    assert shop("changes", "shop", "--from", "1", "--after", told["next"]).code == 2
    assert shop("changes", "shop", "--after", "nonsense").code == 2


def test_a_backup_that_is_not_there_yet_is_nowhere_to_begin(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    done = shop("changes", "shop", "--from", "9")
    assert (done.code, "there is no backup number 9" in done.err) == (2, True), done
    done = shop("changes", "shop", "--after", Cursor(9).text())
    assert (done.code, "lies ahead" in done.err) == (2, True), done
    assert shop.good("changes", "shop", "--after", Cursor(2).text())["changes"] == []
