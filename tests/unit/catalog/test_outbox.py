from holdfast.catalog import outbox
from tests.unit.catalog.world import World


def test_revisions_are_numbered_within_their_object(world: World) -> None:
    numbers = [
        outbox.add(world.conn, "customer", 7, 7, {"name": "é"}),
        outbox.add(world.conn, "customer", 7, 7, {"sealed": b"\0\xff", "list": [1, None, True]}),
        outbox.add(world.conn, "vendor", 7, 0, {}),
    ]
    assert numbers == [1, 2, 1]
    entries = outbox.pending(world.conn)
    assert [(entry.kind, entry.object_id, entry.number, entry.customer_id) for entry in entries] == [
        ("customer", 7, 1, 7), ("customer", 7, 2, 7), ("vendor", 7, 1, 0)
    ]  # fmt: skip
    assert entries[1].payload == {"sealed": b"\0\xff", "list": [1, None, True]}


def test_what_was_sent_is_gone_and_its_number_never_used_again(world: World) -> None:
    outbox.add(world.conn, "customer", 7, 7, {})
    outbox.sent(world.conn, [entry.id for entry in outbox.pending(world.conn)])
    assert outbox.pending(world.conn) == []
    assert outbox.add(world.conn, "customer", 7, 7, {}) == 2
    assert len(outbox.pending(world.conn, limit=1)) == 1


def test_a_rebuilt_catalog_goes_on_behind_the_vaults_number(world: World) -> None:
    outbox.set_number(world.conn, "customer", 7, 41)
    outbox.set_number(world.conn, "customer", 7, 42)
    assert outbox.add(world.conn, "customer", 7, 7, {}) == 43
