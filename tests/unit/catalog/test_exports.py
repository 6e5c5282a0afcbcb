from datetime import timedelta

import pytest

from holdfast.catalog import exports
from holdfast.catalog.exports import Export
from holdfast.catalog.listing import PageRequest
from holdfast.clock import now
from holdfast.errors import NotFound
from tests.unit.catalog.world import World


def _queue(world: World, fingerprint: str = "f") -> Export:
    return exports.queue(
        world.conn, world.instance.id, world.run.id, formats=["csv", "json"], content_types="image/png",
        fingerprint=fingerprint, send_confirmation=True,
    )  # fmt: skip


def _finish(world: World, export: Export) -> Export:
    later = now() + timedelta(days=1)
    assert exports.end(
        world.conn, export.id, "successful", archive_objects=["a", "b"], archive_bytes=5, url_expires_at=later,
        archive_expires_at=later,
    )  # fmt: skip
    return exports.get(world.conn, export.id)


def test_an_export_goes_its_way(world: World) -> None:
    export = _queue(world)
    assert (export.status, export.formats, export.failures, export.archive_objects) == (
        "queued", ["csv", "json"], [], None
    )  # fmt: skip
    started = exports.start(world.conn, export.id)
    assert exports.start(world.conn, export.id).started_at == started.started_at is not None
    exports.set_progress(world.conn, export.id, records_processed=10, records_failed=1)
    done = _finish(world, export)
    assert (done.status, done.records_processed, done.records_failed) == ("successful", 10, 1)
    assert (done.archive_objects, done.archive_bytes) == (["a", "b"], 5)
    assert not exports.end(world.conn, export.id, "failed", failures=[{"message": "too late"}])
    assert exports.start(world.conn, export.id) == done


def test_another_instances_export_is_not_found(world: World) -> None:
    export = _queue(world)
    assert exports.get(world.conn, export.id, instance_id=world.instance.id) == export
    with pytest.raises(NotFound):
        exports.get(world.conn, export.id, instance_id=world.instance.id + 1)


def test_an_equal_export_is_used_again_while_it_has_its_archive(world: World) -> None:
    assert exports.reusable(world.conn, world.instance.id, "f") is None
    export = _queue(world)
    assert exports.reusable(world.conn, world.instance.id, "f") == export
    assert exports.reusable(world.conn, world.instance.id, "other") is None
    done = _finish(world, export)
    assert exports.reusable(world.conn, world.instance.id, "f") == done
    past = now() - timedelta(seconds=1)
    exports.set_expiry(world.conn, export.id, url_expires_at=past, archive_expires_at=past)
    assert exports.reusable(world.conn, world.instance.id, "f") is None


def test_a_failed_export_is_not_used_again(world: World) -> None:
    export = _queue(world)
    assert exports.end(world.conn, export.id, "failed", failures=[{"message": "no"}])
    assert exports.reusable(world.conn, world.instance.id, "f") is None
    assert exports.get(world.conn, export.id).failures == [{"message": "no"}]


def test_expired_archives_are_found_until_they_are_forgotten(world: World) -> None:
    export = _finish(world, _queue(world))
    assert exports.expired(world.conn, now()) == []
    assert exports.expired(world.conn, now() + timedelta(days=2)) == [export]
    exports.forget_archive(world.conn, export.id)
    assert exports.expired(world.conn, now() + timedelta(days=2)) == []
    assert exports.get(world.conn, export.id).archive_objects is None


def test_exports_are_listed(world: World) -> None:
    first, second = _queue(world), _queue(world, "other")
    assert exports.of_instance(world.conn, world.instance.id, PageRequest()).items == [first, second]
    done = _finish(world, first)
    assert exports.all_active(world.conn) == [second]
    assert exports.of_instance(world.conn, world.instance.id, PageRequest()).items == [done, second]
