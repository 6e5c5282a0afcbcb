from holdfast import ids
from holdfast.clock import now, timedelta


def test_an_id_tells_when_it_was_made() -> None:
    before = now()
    made = ids.new_id()
    assert ids.lowest_id(before) <= made < ids.lowest_id(now() + timedelta(minutes=1))
    assert ids.lowest_id(before - timedelta(days=10_000)) == 0
