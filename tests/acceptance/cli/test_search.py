"""`holdfast search`, as people and programs use it."""

from tests.support.command_line import CommandLine
from tests.support.hostile_source import HostileSource, make_record


def test_records_are_found_now_and_as_they_were(shop: CommandLine, api: HostileSource) -> None:
    shop.good("backup", "shop")
    api.put("items", make_record(7, title="The Needle in the haystack"))
    shop.good("backup", "shop")
    done = shop("search", "shop", "needle")
    assert done.code == 0
    assert "items 7" in done.out and "title: The Needle in the haystack" in done.out
    assert "1 record as of backup 2" in done.err
    found = shop.good("search", "shop", "NEEDLE in")
    assert [hit["id"] for hit in found["hits"]] == ["7"] and found["more"] is False
    assert found["hits"][0]["record"]["title"] == "The Needle in the haystack"
    assert found["hits"][0]["matches"] == [{"field": "title", "text": "The Needle in the haystack"}]
    assert shop.good("search", "shop", "needle", "--backup", "1")["hits"] == []


def test_conditions_and_a_limit(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    found = shop.good("search", "shop", "--where", "id>=10", "--where", "id<14", "--limit", "3")
    assert [hit["id"] for hit in found["hits"]] == ["10", "11", "12"]
    assert found["more"] is True
    assert "record 10" in shop("search", "shop", "--where", "id=10").out
    wrong = shop("search", "shop", "--where", "nonsense")
    assert wrong.code == 2 and "is no condition" in wrong.err
    assert shop("search", "shop").code == 2
    assert shop("search", "shop", "x", "--endpoint", "nothing").code == 2


def test_a_condition_that_was_given_as_a_text_is_told(shop: CommandLine) -> None:
    shop.good("backup", "shop")
    done = shop("search", "shop", "id=7")
    assert done.code == 0 and "`--where 'id=7'` looks at a field" in done.err
    assert "looks at a field" not in shop("search", "shop", "--where", "id=7").err
