"""Alarms at the end of real backups: what raises them, what they keep, and how they end."""

import random
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from holdfast import app
from holdfast.catalog import alarms, counts, daily_sums, logs, runs, streams
from holdfast.catalog.alarms import Alarm
from holdfast.catalog.daily_sums import day_of
from holdfast.catalog.instances import Instance
from holdfast.clock import format_time, now
from holdfast.errors import NotFound
from holdfast.operations.alarms import acknowledge, conclude, examine, protected_sequences
from holdfast.operations.rebuild import rebuild
from holdfast.vault import EndpointState, Manifest
from tests.integration.operations.test_rebuild import forget_catalog
from tests.support.documents import STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record
from tests.support.installation import Installation, installed

BLOB = 'blob: {url: "{{ record.file }}", version: [etag], name: name}\n'


def open_alarms(installation: Installation, instance: Instance) -> list[Alarm]:
    with installation.services.database.read() as connection:
        return alarms.unacknowledged(connection, instance.id)


def protected(installation: Installation, instance: Instance) -> list[int]:
    with installation.services.database.read() as connection:
        return list(protected_sequences(connection, instance.id))


def remember(installation: Installation, instance: Instance, deleted: int, changed: int, days: int = 60) -> None:
    """Usual days before today."""
    with installation.services.database.write() as connection:
        (stream,) = streams.of_instance(connection, instance.id)
        for ago in range(1, days + 1):
            daily_sums.add(connection, stream.id, day_of(now()) - ago, deleted=deleted, changed=changed)


@pytest.fixture
def instance(installation: Installation, source: HostileSource) -> Instance:
    """3,000 records, backed up twice; on a usual day 5 are deleted and 20 changed."""
    source.switches.page_size = 1_000
    for number in range(3_000):
        source.put("items", make_record(number))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    remember(installation, instance, deleted=5, changed=20)
    installation.backup(instance)
    return instance


def test_a_normal_day_raises_none(installation: Installation, source: HostileSource, instance: Instance) -> None:
    for number in range(9):
        source.remove("items", number)
    for number in range(100, 140):
        source.put("items", make_record(number, title="edited"))
    installation.backup(instance)
    assert open_alarms(installation, instance) == [] and protected(installation, instance) == []


def test_mass_deletion_is_flagged_told_and_keeps_what_was_before(
    installation: Installation, source: HostileSource, instance: Instance
) -> None:
    for number in range(400):
        source.remove("items", number)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 400)
    (alarm,) = open_alarms(installation, instance)
    assert (alarm.kind, alarm.endpoint, alarm.sequence, alarm.run_id) == ("mass_deletion", "items", 3, run.id)
    assert alarm.message == "400 of 3,000 records of items are gone at the source; on a usual day it is 5"
    assert alarm.figures["value"] == 400 and alarm.figures["usual"] == 5
    with installation.services.database.read() as connection:
        entries = logs.page(connection, instance.id, now() - timedelta(hours=1), now() + timedelta(hours=1))
    assert [entry.message for entry in entries if entry.level == "warning"] == [f"alarm: {alarm.message}"]
    assert protected(installation, instance) == [1, 2]
    installation.backup(instance)
    assert len(open_alarms(installation, instance)) == 1 and protected(installation, instance) == [1, 2]
    done = acknowledge(installation.services, instance, alarm.id)
    assert done.acknowledged_at is not None and done.acknowledged_by == "operator"
    assert acknowledge(installation.services, instance, alarm.id) == done
    assert open_alarms(installation, instance) == [] and protected(installation, instance) == []
    with pytest.raises(NotFound):
        acknowledge(installation.services, instance, 1)


def test_what_raised_an_alarm_is_not_usual_until_it_has_come_often(
    installation: Installation, source: HostileSource, instance: Instance
) -> None:
    raised = []
    for begin in range(0, 1_600, 400):
        for number in range(begin, begin + 400):
            source.remove("items", number)
        installation.backup(instance)
        raised.append(len(open_alarms(installation, instance)))
        with installation.services.database.write() as connection:  # as if it had been on days before
            connection.exec_driver_sql("UPDATE alarms SET raised_at = raised_at - 86400000000")
    assert raised == [1, 2, 3, 3]


def test_held_deletions_raise_one_alarm_and_accepting_them_none(
    installation: Installation, source: HostileSource, instance: Instance
) -> None:
    for number in range(1_000):
        source.remove("items", number)
    run = installation.backup(instance)
    assert (run.status, run.counters["held"]) == ("failed", 1_000)
    (alarm,) = open_alarms(installation, instance)
    assert alarm.message.endswith(". 1,000 of them are held back")
    installation.backup(instance)
    assert installation.backup(instance, accept_deletions=True).counters["deleted"] == 1_000
    assert open_alarms(installation, instance) == [alarm]


def test_mass_changes_are_flagged(installation: Installation, source: HostileSource, instance: Instance) -> None:
    for number in range(2_000):
        source.put("items", make_record(number, title="all the same"))
    installation.backup(instance)
    (alarm,) = open_alarms(installation, instance)
    assert (alarm.kind, alarm.figures["value"]) == ("mass_change", 2_000)


def test_the_first_backup_raises_none(installation: Installation, source: HostileSource) -> None:
    source.put("items", make_record(1))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    assert open_alarms(installation, instance) == []


def blobs(source: HostileSource, number: int, name: str, data: bytes, content_type: str, etag: str) -> None:
    source.blobs[f"b{number}"] = StoredBlob(data, content_type, etag)
    source.put("items", make_record(number, file=f"{source.url}/blob/b{number}", etag=etag, name=name))


def test_mass_encryption_is_flagged_and_edited_files_are_not(installation: Installation, source: HostileSource) -> None:
    chance = random.Random(3)
    words = " ".join(chance.choices(["alpha", "beta", "gamma", "delta"], k=2_000))
    for number in range(40):
        blobs(source, number, f"file{number}.txt", f"{number} {words}".encode(), "text/plain", "1")
    instance = installation.instance(document(source.url, STABLE_ITEMS + BLOB))
    installation.backup(instance)
    for number in range(40):
        blobs(source, number, f"file{number}.txt", f"{number} edited {words}".encode(), "text/plain", "2")
    installation.backup(instance)
    assert open_alarms(installation, instance) == []
    for number in range(30):
        blobs(source, number, f"file{number}.txt.locked", chance.randbytes(12_000), "application/octet-stream", "3")
    installation.backup(instance)
    (alarm,) = open_alarms(installation, instance)
    assert (alarm.kind, alarm.sequence) == ("mass_encryption", 3)
    assert alarm.figures["turned"] == alarm.figures["renamed"] == alarm.figures["untyped"] == 30
    assert ".locked" in alarm.message
    assert protected(installation, instance) == [1, 2]


def test_a_rebuilt_catalog_has_the_alarms_and_knows_what_is_usual(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with in_thread(HostileSource({"items": []}, page_size=1_000)) as source, installed(home) as before:
        for number in range(1_000):
            source.put("items", make_record(number))
        instance = before.instance(document(source.url, STABLE_ITEMS))
        before.backup(instance)
        for number in range(3):
            source.remove("items", number)
            before.backup(instance)
        for number in range(100, 400):
            source.remove("items", number)
        assert before.backup(instance, accept_deletions=True).counters["deleted"] == 300
        (alarm,) = open_alarms(before, instance)
        before.backup(instance)
        with before.services.database.read() as connection:
            (stream,) = streams.of_instance(connection, instance.id)
            usual = daily_sums.newest(connection, stream.id, 100)
        assert [one.deleted for one in usual] == [3]
    forget_catalog(home)
    with app.opened(before.services.settings) as services:
        rebuild(services)
        after = Installation(services)
        assert open_alarms(after, instance) == [alarm] and protected(after, instance) == [1, 2, 3, 4]
        with services.database.read() as connection:
            (stream,) = streams.of_instance(connection, instance.id)
            assert daily_sums.newest(connection, stream.id, 100) == usual
        acknowledge(services, instance, alarm.id)


def test_ten_thousand_deleted_among_many_are_flagged_within_their_backup(
    installation: Installation, source: HostileSource
) -> None:
    source.switches.page_size = 10_000
    for number in range(52_000):
        source.collections["items"][str(number)] = b'{"id":%d}' % number
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    installation.backup(instance)
    for number in range(3):
        source.remove("items", number)
        installation.backup(instance)
    for number in range(20_000, 30_000):
        source.remove("items", number)
    run = installation.backup(instance)
    assert (run.status, run.counters["deleted"]) == ("successful", 10_000)
    (alarm,) = open_alarms(installation, instance)
    assert (alarm.kind, alarm.run_id, alarm.figures["value"]) == ("mass_deletion", run.id, 10_000)


def test_a_year_of_normal_backups_raises_none_and_a_bad_day_in_it_one(
    installation: Installation, source: HostileSource
) -> None:
    """Every day's end as a backup ends it: real runs, counts and alarms in the catalog; only nothing is read."""
    chance = random.Random(11)
    source.put("items", make_record(1))
    instance = installation.instance(document(source.url, STABLE_ITEMS))
    services = installation.services
    installation.backup(instance)
    start = now() + timedelta(days=1)
    live = 100_000
    for day in range(365):
        busy = day % 7 == 6
        deleted = chance.randint(600, 900) if busy else chance.randint(0, 25)
        changed = chance.randint(0, 3_000)
        if day == 300:
            deleted += 10_000
        live += deleted  # as many new ones keep the number
        manifest = Manifest(
            instance_id=instance.id, customer_id=instance.customer_id, run_id=1, sequence=2 + day,
            status="successful", started_at=format_time(start + timedelta(days=day)),
            ended_at=format_time(start + timedelta(days=day, minutes=chance.randint(1, 50))),
            endpoints=(EndpointState(endpoint="items", outcome="complete", live=live - deleted, new=0, changed=changed,
                                     deleted=deleted),),
        )  # fmt: skip
        found = examine(services, manifest)
        with services.database.write() as connection:
            run, _ = runs.queue(connection, instance.id)
            (stream,) = streams.of_instance(connection, instance.id)
            state = manifest.endpoints[0]
            counts.put(connection, counts.EndpointCounts(
                run_id=run.id, stream=stream.id, sequence=run.sequence, ordinal=0, outcome="complete", live=state.live,
                changed=changed, deleted=deleted, state_sum=bytes(16),
            ))  # fmt: skip
            runs.end(connection, run.id, "successful", ended_at=start + timedelta(days=day), failures=[], counters={})
            conclude(connection, msgspec.structs.replace(manifest, run_id=run.id), found)
        live -= deleted
    assert [alarm.sequence for alarm in open_alarms(installation, instance)] == [302]
