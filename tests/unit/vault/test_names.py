import pytest

from holdfast.storage.names import check_name
from holdfast.vault import names

PACK_ID = "ab" * 16


@pytest.mark.parametrize(
    ("name", "kind", "customer_id"),
    [
        (names.MARKER, "marker", None),
        (names.key(0, 1), "key", 0),
        (names.pack(7, PACK_ID), "pack", 7),
        (names.manifest(7, 3, 12, 2), "manifest", 7),
        (names.revision(0, "vendor", "5", 1), "revision", 0),
    ],
)
def test_every_name_says_what_it_was_made_of_and_can_be_stored(name: str, kind: str, customer_id: int | None):
    found = names.parse(check_name(name))
    assert found is not None
    assert (found.text, found.kind, found.customer_id) == (name, kind, customer_id)


def test_names_carry_their_numbers():
    manifest = names.parse(names.manifest(7, 3, 12, 2))
    revision = names.parse(names.revision(7, "instance", "3", 4))
    assert manifest is not None
    assert revision is not None
    assert (manifest.instance_id, manifest.number, manifest.generation) == (3, 12, 2)
    assert (revision.revision_kind, revision.object_id, revision.number) == ("instance", "3", 4)


def test_manifests_list_in_the_order_of_their_runs():
    made = [names.manifest(7, 3, sequence, generation) for sequence in (1, 2, 10, 100) for generation in (1, 2)]
    assert made == sorted(made)


@pytest.mark.parametrize(
    "name",
    [
        "other",
        "keys/07/0",
        "keys/7",
        f"packs/7/cd/{PACK_ID}",
        f"packs/7/ab/{PACK_ID}0",
        f"packs/-1/ab/{PACK_ID}",
        "manifests/7/3/1-1",
        "revisions/7/Vendor/1/0000000001",
        "vault.json/x",
    ],
)
def test_other_names_are_no_objects_of_a_vault(name: str):
    assert names.parse(name) is None


@pytest.mark.parametrize(
    ("kind", "object_id", "number"), [("a/b", "1", 1), ("a", "../1", 1), ("a", "1", 0), ("", "1", 1)]
)
def test_a_revision_that_fits_no_name_is_refused(kind: str, object_id: str, number: int):
    with pytest.raises(ValueError, match="no name"):
        names.revision(7, kind, object_id, number)
