import pytest

from holdfast.catalog import customers
from holdfast.catalog.listing import PageRequest
from tests.unit.catalog.world import World


@pytest.fixture
def ids(world: World) -> list[int]:
    return [world.customer.id] + [
        customers.create(world.conn, world.vendor.id, f"{number}", None).id for number in range(24)
    ]  # fmt: skip


def test_pages_ascend_by_id_and_the_last_may_be_short(world: World, ids: list[int]) -> None:
    pages = [customers.of_vendor(world.conn, world.vendor.id, PageRequest(number, 10)) for number in (1, 2, 3, 4)]
    assert [[customer.id for customer in page.items] for page in pages] == [ids[:10], ids[10:20], ids[20:], []]
    assert {(page.total, page.last_page) for page in pages} == {(25, 3)}


def test_a_page_goes_on_from_the_last_id(world: World, ids: list[int]) -> None:
    page = customers.of_vendor(world.conn, world.vendor.id, PageRequest(2, 10, after=ids[9]))
    assert [customer.id for customer in page.items] == ids[10:20]
    assert page.total == 25


def test_a_page_far_past_the_end_is_empty(world: World) -> None:
    page = customers.of_vendor(world.conn, world.vendor.id, PageRequest(10**15, 100))
    assert (page.items, page.total, page.last_page) == ([], 1, 1)


def test_no_items_make_one_empty_page(world: World) -> None:
    page = customers.of_vendor(world.conn, world.vendor.id + 1, PageRequest())
    assert (page.items, page.total, page.last_page) == ([], 0, 1)
