import pytest

from holdfast.catalog import definitions, vendors
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import NotFound
from tests.unit.catalog.world import World


def test_the_newest_revision_is_the_definitions(world: World) -> None:
    assert world.definition.revision_id is None
    first = definitions.add_revision(world.conn, world.definition.id, "holdfast: 1")
    second = definitions.add_revision(world.conn, world.definition.id, "holdfast: 1\nname: é")
    assert (first.number, second.number) == (1, 2)
    assert definitions.get(world.conn, world.definition.id).revision_id == second.id
    assert definitions.revision(world.conn, first.id) == first
    assert definitions.revisions(world.conn, world.definition.id) == [first, second]
    with pytest.raises(NotFound):
        definitions.revision(world.conn, 1)


def test_a_vendor_sees_its_own_and_published_ones(world: World) -> None:
    other = vendors.create(world.conn, "other", None, "client-other")
    private = definitions.create(world.conn, world.vendor.id, "Private", "", False)
    theirs = definitions.create(world.conn, other.id, "Theirs", "", False)
    gone = definitions.create(world.conn, world.vendor.id, "Gone", "", True)
    definitions.mark_deleted(world.conn, gone.id, now())
    page = PageRequest()
    assert definitions.visible(world.conn, world.vendor.id, page).items == [world.definition, private]
    assert definitions.visible(world.conn, other.id, page).items == [world.definition, theirs]
    assert definitions.visible(world.conn, other.id, page, of_vendor=world.vendor.id).items == [world.definition]
    assert definitions.get(world.conn, world.definition.id, visible_to=other.id) == world.definition
    with pytest.raises(NotFound):
        definitions.get(world.conn, private.id, visible_to=other.id)
    with pytest.raises(NotFound):
        definitions.get(world.conn, world.definition.id, owned_by=other.id)
    with pytest.raises(NotFound):
        definitions.get(world.conn, gone.id)
    assert definitions.get(world.conn, gone.id, deleted=True).deleted_at is not None


def test_a_name_finds_the_newest(world: World) -> None:
    newer = definitions.create(world.conn, world.vendor.id, "Kinto", "", False)
    assert definitions.find(world.conn, world.vendor.id, "Kinto") == newer
    assert definitions.find(world.conn, world.vendor.id, "none") is None


def test_a_change_is_kept(world: World) -> None:
    definitions.change(world.conn, world.definition.id, name="New", description="D", published=False)
    changed = definitions.get(world.conn, world.definition.id)
    assert (changed.name, changed.description, changed.published) == ("New", "D", False)
