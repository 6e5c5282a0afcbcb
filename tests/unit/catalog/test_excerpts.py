from pathlib import Path

from holdfast.catalog import instances, packs, records, runs, scopes, streams
from holdfast.catalog.database import Database
from holdfast.catalog.excerpts import copy_instance
from tests.unit.catalog.world import World


def test_an_instance_stands_in_the_copy_as_it_stood(world: World, migrated_file: Path, tmp_path: Path) -> None:
    world.insert(1, *(f"{number:05}" for number in range(12_000)))
    world.end_run()
    world.replace(2, "00007", "new")
    scope = scopes.ensure(world.conn, world.stream, ["parent"])["parent"]
    other = World.make(world.conn, "other")
    other.insert(1, "foreign")
    (tmp_path / "copy.db").write_bytes(migrated_file.read_bytes())
    database = Database(f"sqlite:///{tmp_path}/copy.db")
    with database.write() as copy:
        copy_instance(world.conn, copy, world.instance.id)
    with database.write() as copy:
        assert instances.get(copy, world.instance.id) == world.instance
        assert streams.of_instance(copy, world.instance.id) == streams.of_instance(world.conn, world.instance.id)
        assert scopes.get(copy, scope.id) == scope
        assert runs.all_of_instance(copy, world.instance.id) == runs.all_of_instance(world.conn, world.instance.id)
        keys = [f"{number:05}" for number in range(12_000)]
        assert records.lookup(copy, world.stream, keys) == records.lookup(world.conn, world.stream, keys)
        assert (
            streams.of_instance(copy, other.instance.id) == [] and records.lookup(copy, other.stream, ["foreign"]) == {}
        )
        assert packs.of_run(copy, world.run.id) == []
    database.close()
