from holdfast.vault.frame_cache import RecentlyUsed


def test_what_was_unused_for_longest_makes_room():
    cache: RecentlyUsed[str] = RecentlyUsed(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 4)
    assert cache.get("a") == "A"
    cache.put("c", "C", 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("A", None, "C")


def test_what_is_larger_than_everything_allowed_is_not_kept_and_drives_nothing_out():
    cache: RecentlyUsed[str] = RecentlyUsed(10)
    cache.put("a", "A", 4)
    cache.put("b", "B", 11)
    assert (cache.get("a"), cache.get("b")) == ("A", None)


def test_a_value_put_twice_counts_once():
    cache: RecentlyUsed[str] = RecentlyUsed(10)
    for _ in range(5):
        cache.put("a", "A", 6)
    cache.put("b", "B", 4)
    assert (cache.get("a"), cache.get("b")) == ("A", "B")
