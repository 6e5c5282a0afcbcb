"""A random story: a source that changes in every way, backups of it that succeed, fail and are canceled, definitions
that change between them. Told once, so that what a catalog says of it can be compared with what a rebuilt one says.
"""

import json
import random
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from holdfast.catalog import counts, customers, debts, definitions, instances, runs, streams, vendors
from holdfast.catalog.instances import Instance
from holdfast.operations import definitions as definition_operations
from holdfast.operations import instances as instance_operations
from holdfast.operations import schedule
from holdfast.operations import variables as variable_operations
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.operations.backup.state import BackupOptions
from holdfast.operations.compare import compare
from tests.support.documents import CHILDREN, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, make_record
from tests.support.installation import Installation

FILES = """
name: files
path: /cursor/files
records: items
id: [kind, id]
paging: {type: cursor, body: next_cursor, query: cursor}
record: {path: "/record/files/{{ record.id }}"}
blob: {url: "{{ record.file }}", version: [etag], name: name}
"""
DELTA = """
name: events
path: /cursor/events
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
incremental: {field: updated_at, query: {since: "{{ cursor }}"}, full_every: 7d}
"""
VOLATILE = CHILDREN + "volatile: [seen_at]\n"
MEMBERS = """
name: members
description: People, who move
for_each: parents
path: /cursor/parents/{{ parent.id }}/members
records: items
id: id
global_id: true
paging: {type: cursor, body: next_cursor, query: cursor}
stable: true
"""
ENDPOINTS = (STABLE_ITEMS, FILES, DELTA, PARENTS, VOLATILE, MEMBERS)
NUMBERS = 40
PARENT_NUMBERS = 5


class Story:
    """Tells itself step by step; every step is one backup."""

    def __init__(self, seed: int, installation: Installation, source: HostileSource) -> None:
        self._dice = random.Random(seed)
        self._installation = installation
        self._source = source
        self._clock = 0
        for name in ("items", "files", "events", "parents"):
            source.collections.setdefault(name, {})
        for parent in range(1, PARENT_NUMBERS + 1):
            for name in ("children", "members"):
                source.collections[f"parents/{parent}/{name}"] = {}
        for _ in range(120):
            self._change()
        self.definition = definition_operations.create(
            installation.services, installation.customer.vendor_id, document(source.url, *ENDPOINTS)
        )
        self.instances = [self._instance("first"), self._instance("second")]
        schedule.set_schedule(installation.services, self.instances[0], schedule.parse("daily"))

    def step(self) -> None:
        """Some changes, and a backup that ends in some way."""
        for _ in range(self._dice.randrange(30)):
            self._change()
        instance = self._dice.choice((self.instances[0], self.instances[0], self.instances[1]))
        services, source = self._installation.services, self._source
        if self._dice.random() < 0.25:
            self._change_definition()
        if self._dice.random() < 0.2:
            instance_operations.set_variables(services, instance, {"token": f"t{self._dice.random()}"})
        options = BackupOptions(full=self._dice.random() < 0.3, accept_deletions=self._dice.random() < 0.7)
        run, _ = request_backup(services, instance.id, options)
        trouble = self._dice.choice(("none", "none", "page", "cancel", "blob"))
        canceled_at = len(source.log) + self._dice.randrange(20)

        def told(path: str) -> None:
            if len(source.log) == canceled_at:
                with services.database.write() as connection:
                    runs.request_cancel(connection, run.id)

        if trouble == "page":
            source.switches.fail_page = self._dice.choice((1, 2))
        if trouble == "cancel":
            source.switches.told = told
        hidden = {}
        if trouble == "blob":
            hidden = {name: source.blobs.pop(name) for name in self._dice.sample(sorted(source.blobs), 3)}
        try:
            run_backup(services, run.id)
        finally:
            source.switches.fail_page = source.switches.told = None
            source.blobs.update(hidden)

    def _instance(self, label: str) -> Instance:
        return instance_operations.create(
            self._installation.services, self._installation.customer.id, self.definition.id, label=label,
            given={"token": f"secret of {label}"},
        )  # fmt: skip

    def _change_definition(self) -> None:
        endpoints = [one for one in ENDPOINTS if one != STABLE_ITEMS or self._dice.random() < 0.5]
        if self._dice.random() < 0.5:
            endpoints = [*endpoints[1:], endpoints[0]]
        text = document(self._source.url, *endpoints)
        definition_operations.set_document(self._installation.services, self.definition.id, text)

    def _change(self) -> None:
        changes: tuple[Callable[[int], None], ...] = (
            self._change_item, self._change_file, self._change_event, self._change_parent, self._change_child,
            self._change_member,
        )  # fmt: skip
        self._clock += 1
        self._dice.choice(changes)(self._dice.randrange(1, NUMBERS + 1))

    def _change_record(self, collection: str, number: int, **more: Any) -> None:
        if self._dice.random() < 0.25:
            self._source.collections[collection].pop(str(number), None)
        elif self._dice.random() < 0.1 and str(number) in self._source.collections[collection]:
            record = json.loads(self._source.collections[collection][str(number)])
            spelled = json.dumps(dict(reversed(record.items())), indent=1).encode()  # no change
            self._source.collections[collection][str(number)] = spelled
        else:
            stamp = f"2026-02-01T{self._clock // 3600:02d}:{self._clock // 60 % 60:02d}:{self._clock % 60:02d}Z"
            self._source.put(
                collection, make_record(number, value=self._dice.randrange(4), **{"updated_at": stamp, **more})
            )

    def _change_item(self, number: int) -> None:
        self._change_record("items", number)

    def _change_file(self, number: int) -> None:
        etag = str(self._dice.randrange(3))
        more = {}
        if etag != "0":
            name = f"f{number}-{self._clock}"
            data = random.Random(f"{number} {etag}").randbytes(self._dice.choice((0, 10, 3_000)))
            self._source.blobs[name] = StoredBlob(data, "text/plain", etag)
            more = {"file": f"{self._source.url}/blob/{name}", "etag": etag, "name": f"{number}.txt"}
        self._change_record("files", number, kind="ab~"[number % 3], **more)

    def _change_event(self, number: int) -> None:
        self._change_record("events", number)

    def _change_parent(self, number: int) -> None:
        self._change_record("parents", number % PARENT_NUMBERS + 1)

    def _change_child(self, number: int) -> None:
        parent = number % PARENT_NUMBERS + 1
        self._change_record(f"parents/{parent}/children", self._dice.randrange(1, 25), seen_at=self._dice.random())

    def _change_member(self, number: int) -> None:
        for parent in range(1, PARENT_NUMBERS + 1):
            raw = self._source.collections[f"parents/{parent}/members"].pop(str(number), None)
            if raw is not None and self._dice.random() < 0.6:  # it moves as it is
                target = self._dice.randrange(1, PARENT_NUMBERS + 1)
                self._source.collections[f"parents/{target}/members"][str(number)] = raw
                return
        self._change_record(f"parents/{self._dice.randrange(1, PARENT_NUMBERS + 1)}/members", number)


def told(installation: Installation, of_instances: list[Instance]) -> dict[str, Any]:
    """All that the catalog and the vault say, to be compared."""
    services = installation.services
    found: dict[str, Any] = {}
    with services.database.read() as connection:
        found["vendors"] = vendors.all_vendors(connection)
        found["customer"] = customers.get(connection, installation.customer.id)
        for instance in of_instances:
            again = instances.get(connection, instance.id)
            found[f"instance {instance.label}"] = again
            found[f"definition {instance.label}"] = definitions.get(connection, again.definition_id)
            all_runs = runs.all_of_instance(connection, instance.id)
            found[f"runs {instance.label}"] = [
                {**asdict(run), "worker": None, "cancel_requested_at": None, "turn": 0, "gave_way": 0}
                for run in all_runs
            ]
            by_id = {stream.id: stream for stream in streams.of_instance(connection, instance.id)}
            found[f"streams {instance.label}"] = [
                {**asdict(stream), "id": None, "next_slot": None} for stream in by_id.values()
            ]
            found[f"counts {instance.label}"] = {
                (run.sequence, name): {**asdict(one), "stream": by_id[one.stream].endpoint}
                for run in all_runs
                for name, one in counts.of_run(connection, run.id).items()
            }
            found[f"debts {instance.label}"] = [
                {**asdict(debt), "stream": stream.endpoint, "scope": None, "last_run": None}
                for stream in by_id.values()
                for debt in debts.of_stream(connection, stream.id)
            ]
    for instance in of_instances:
        found[f"variables {instance.label}"] = variable_operations.stored(services, instance)
        found[f"listings {instance.label}"] = installation.everything(instance)
        found[f"blobs {instance.label}"] = _blobs(installation, instance)
        found[f"changes {instance.label}"] = _changes(installation, instance)
    return found


def _sequences(installation: Installation, instance: Instance) -> list[int]:
    with installation.services.database.read() as connection:
        return [run.sequence for run in runs.all_of_instance(connection, instance.id)]


def _blobs(installation: Installation, instance: Instance) -> dict[tuple[int, str], tuple[str | None, bytes]]:
    """Name and content by backup and record."""
    browser = installation.browser
    found = {}
    for sequence in _sequences(installation, instance):
        state = installation.state(instance, sequence)
        if "files" in {endpoint.name for endpoint in browser.endpoints(state)}:
            for record in browser.records(state, "files", limit=1_000):
                if record.has_blob:
                    blob = browser.blob(state, record)
                    found[sequence, record.key] = (blob.descriptor.name, b"".join(blob.read()))
    return found


def _changes(installation: Installation, instance: Instance) -> dict[int, list[Any]]:
    """What each backup changed, as `compare` says."""
    sequences = _sequences(installation, instance)
    return {
        after: list(
            compare(installation.services, installation.state(instance, before), installation.state(instance, after))
        )
        for before, after in pairwise(sequences)
    }
