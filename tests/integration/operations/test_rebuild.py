"""The catalog made again from the vault equals the one that was lost."""

import random
from pathlib import Path

import pytest

from holdfast import app
from holdfast.catalog import instances, runs
from holdfast.errors import Conflict
from holdfast.operations.rebuild import rebuild
from holdfast.operations.variables import stored
from tests.integration.operations.test_blobs import BLOB, put, read
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.hostile_source import HostileSource, make_record
from tests.support.installation import Installation, installed

GLOBAL_CHILDREN = CHILDREN.replace("id: id", "id: id\nglobal_id: true")


def forget_catalog(home: Path) -> None:
    for file in home.glob("catalog.db*"):
        file.unlink()


@pytest.mark.parametrize("children", [CHILDREN, GLOBAL_CHILDREN])
def test_every_listing_at_every_backup_is_the_same(tmp_path: Path, source: HostileSource, children: str) -> None:
    dice = random.Random(7)
    home = tmp_path / "home"
    for parent in (1, 2, 3):
        source.put("parents", {"id": parent})
        source.collections[f"parents/{parent}/children"] = {}
    with installed(home) as before:
        instance = before.instance(document(source.url, ITEMS + BLOB, PARENTS, children), token="s3cret")
        for _ in range(6):
            for _ in range(25):
                number = dice.randrange(1, 40)
                if dice.random() < 0.2 and str(number) in source.collections["items"]:
                    source.remove("items", number)
                elif dice.random() < 0.4:
                    put(source, number, str(dice.random()).encode(), etag=str(dice.random()))
                else:
                    for parent in (1, 2, 3):  # a child moves from one parent to another
                        source.collections[f"parents/{parent}/children"].pop(str(number), None)
                    source.put(f"parents/{dice.randrange(1, 4)}/children", make_record(number, n=dice.randrange(3)))
            source.blobs.pop(f"b{dice.randrange(1, 40)}", None)
            before.backup(instance, accept_deletions=True)
        with before.services.database.read() as connection:
            all_runs = [
                (run.id, run.status, run.ended_at, run.failures)
                for run in runs.all_of_instance(connection, instance.id)
            ]
        expected = before.everything(instance)
        owed = [run for run in all_runs if run[1] == "failed"]
        assert owed, "some blobs could not be had"
    forget_catalog(home)
    with app.opened(before.services.settings) as services:
        report = rebuild(services)
        after = Installation(services)
        assert report.disagreements == []
        assert (report.instances, report.backups) == (1, 6)
        with services.database.read() as connection:
            again = instances.get(connection, instance.id)
            assert again == instance
            found = [
                (run.id, run.status, run.ended_at, run.failures)
                for run in runs.all_of_instance(connection, instance.id)
            ]
            assert found == all_runs
        assert stored(services, again) == {"token": "s3cret"}
        assert after.everything(instance) == expected
        with pytest.raises(Conflict):
            rebuild(services)
        for name in (f"b{number}" for number in range(1, 41)):  # what was owed can be had now
            if name not in source.blobs and name[1:] in source.collections["items"]:
                put(source, int(name[1:]), b"late", etag="late")
        run = after.backup(instance)
        assert run.status == "successful", run.failures
        assert after.records(instance, "items") == source.collections["items"]
        for key in source.collections["items"]:
            record = after.browser.record(after.state(instance), "items", key)
            if record.has_blob:
                assert read(after, instance, key) == source.blobs[f"b{key}"].data
        assert after.backup(instance).counters["packs"] == 0
