from holdfast.storage.memory import MemoryStorage


def test_each_one_is_empty_at_first() -> None:
    MemoryStorage().put("packs/1", b"x")
    assert list(MemoryStorage().list("")) == []


def test_a_listing_shows_what_there_was_when_it_began() -> None:
    storage = MemoryStorage()
    storage.put("packs/1", b"x")
    listing = storage.list("")
    storage.put("packs/2", b"x")
    assert [info.name for info in listing] == ["packs/1"]
