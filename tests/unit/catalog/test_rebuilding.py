import pytest

from holdfast.catalog import outbox, rebuilding
from holdfast.errors import CatalogError
from tests.unit.catalog.world import World


def test_a_catalog_is_whole_but_while_it_is_rebuilt(world: World) -> None:
    rebuilding.refuse_half(world.conn)
    rebuilding.begin(world.conn)
    with pytest.raises(CatalogError, match="only a part") as raised:
        rebuilding.refuse_half(world.conn)
    assert raised.value.code == "catalog_half_rebuilt"
    assert outbox.sent_numbers(world.conn) == {}, "the mark is no revision"
    rebuilding.end(world.conn)
    rebuilding.refuse_half(world.conn)
