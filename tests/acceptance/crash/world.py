"""A source with some thousand records, an installation that has backed it up once and is asked to do so again after
many changes, and what an undisturbed second backup makes of that. Crashed ones are compared with it.
"""

import random
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from holdfast import app
from holdfast.catalog import counts, instances, records, runs, scopes, streams
from holdfast.catalog.instances import Instance
from holdfast.operations.backup.request import request_backup
from holdfast.operations.rebuild import rebuild
from holdfast.operations.verify import verify
from tests.support.documents import document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record
from tests.support.installation import Installation, settings_for
from tests.support.worker import Death, Worker, Workers

PAGE = 20
CHECKPOINT_RECORDS = 240
"""How many records at most may be read again after a crash."""
CONCURRENCY = 4
KILLED = -signal.SIGKILL

ITEMS = """
name: items
path: /cursor/items
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
record: {path: "/record/items/{{ record.id }}"}
blob: {url: "{{ record.file }}", version: [etag], name: name}
"""
EVENTS = """
name: events
path: /cursor/events
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
incremental: {field: updated_at, query: {since: "{{ cursor }}"}, full_every: 7d}
"""
PARENTS = """
name: parents
path: /cursor/parents
records: items
id: id
paging: {type: cursor, body: next_cursor, query: cursor}
record: {path: "/record/parents/{{ record.id }}"}
"""
CHILDREN = """
name: children
for_each: parents
path: /cursor/parents/{{ parent.id }}/children
records: items
id: id
volatile: [seen_at]
paging: {type: cursor, body: next_cursor, query: cursor}
record: {path: "/record/parents/{{ parent.id }}/children/{{ record.id }}"}
"""
MEMBERS = """
name: members
for_each: parents
path: /cursor/parents/{{ parent.id }}/members
records: items
id: id
global_id: true
paging: {type: cursor, body: next_cursor, query: cursor}
record: {path: "/record/parents/{{ parent.id }}/members/{{ record.id }}"}
"""
_UNEQUAL = {"run_id", "requests", "bytes_read"}
"""Counts in which a crash may show: pages that were asked for again."""


@dataclass(frozen=True)
class Outcome:
    """All that a backup left behind, in a form to be compared."""

    runs: list[tuple[Any, ...]]
    listings: dict[tuple[int, str], dict[str, bytes]]
    counts: dict[int, dict[str, dict[str, Any]]]
    blobs: dict[str, bytes]


@dataclass
class World:
    """`template` is the installation with the second backup queued."""

    folder: Path
    workers: Workers
    source: HostileSource
    template: Path
    instance: Instance
    undisturbed: Outcome | None = None
    requests: Counter[str] = field(default_factory=Counter)
    """Of the undisturbed backup."""
    _copies: int = 0

    def copy(self) -> Path:
        """A new home to crash in."""
        self.source.requests.clear()
        self._copies += 1
        home = self.folder / f"home-{self._copies}"
        shutil.copytree(self.template, home)
        return home

    def start(self, home: Path, dies: Death | None = None) -> Worker:
        return self.workers.start(home, dies, checkpoint_records=CHECKPOINT_RECORDS)

    def finish(self, home: Path) -> None:
        """Start a worker and let it work to the end."""
        self._ended(home, self.start(home).wait())

    def killed_at_request(self, home: Path, number: int) -> bool:
        """Kill a worker at its so-manieth request; tells whether it came to that."""
        workers: list[Worker] = []

        def told(path: str) -> None:
            if workers and self.source.requests.total() >= number:
                workers[0].kill()

        self.source.requests.clear()
        self.source.switches.told = told
        try:
            workers.append(self.start(home))
            return self._ended(home, workers[0].wait()) == KILLED
        finally:
            self.source.switches.told = None

    def killed_at_write(self, home: Path, death: Death) -> bool:
        """Let a worker kill itself at one of its writes; tells whether it came to that."""
        self.source.requests.clear()
        return self._ended(home, self.start(home, death).wait()) == KILLED

    def go_on(self, home: Path) -> None:
        """Let the next worker end what a killed one has begun, and compare with what nobody disturbed."""
        with self.expecting_no_repetition(home):
            self.finish(home)
        found = self.outcome(home)
        assert self.undisturbed is not None
        for part in ("runs", "counts", "listings", "blobs"):
            assert getattr(found, part) == getattr(self.undisturbed, part)
        assert self.rebuilt(home) == found

    @contextmanager
    def expecting_no_repetition(self, home: Path) -> Iterator[None]:
        """What runs within this asks for no page behind the checkpoints that it finds, and repeats no more than allowed
        of what was asked for before."""
        before, checkpoints = Counter(self.source.requests), self.checkpoints(home)
        self.source.requests.clear()
        yield
        repeated = 0
        for path in self.source.requests:
            assert not path.startswith("/blob/") or path not in checkpoints, f"{path} is stored already"
            asked = page_of(path)
            if asked is not None:
                name, page = asked
                assert page > checkpoints.get(name, 0), f"{path} lies behind the checkpoint"
                if before[path]:
                    listed = len(self.source.collections[name.removeprefix("/cursor/")])
                    repeated += min(listed - (page - 1) * PAGE, PAGE)
        assert repeated <= CHECKPOINT_RECORDS, "the last checkpoint was too old"

    def _ended(self, home: Path, code: int) -> int:
        assert code in (0, KILLED), (home / "worker.log").read_text()
        return code

    def checkpoints(self, home: Path) -> dict[str, int]:
        """How many pages of each list the catalog in `home` says are read, by the list's path; of a blob's it is 1."""
        found: dict[str, int] = {}
        with app.opened(settings_for(home)) as services, services.database.read() as connection:
            run = runs.newest(connection, self.instance.id)
            assert run is not None
            for stream in streams.of_instance(connection, self.instance.id):
                for scope in scopes.of_stream(connection, stream.id):
                    path = f"/cursor/{stream.endpoint}"
                    if scope.parent_key:
                        path = f"/cursor/parents/{scope.parent_key}/{stream.endpoint}"
                    if scope.last_complete_run == run.sequence:
                        found[path] = 1_000_000
                    elif scope.run_id == run.id and scope.checkpoint is not None:
                        found[path] = 1_000_000 if scope.checkpoint["ended"] else scope.checkpoint["page_number"]
                for row in records.page(connection, stream.id, limit=1_000_000):
                    if row.blob is not None and row.run_from == run.sequence:
                        found[f"/blob/f{row.record_key}"] = 1
        return found

    def outcome(self, home: Path) -> Outcome:
        """What the catalog and the vault in `home` have, each record and blob read."""
        with app.opened(settings_for(home)) as services:
            report = verify(services)
            assert report.is_good, [str(finding) for finding in report.findings]
            return outcome(Installation(services), self.instance)

    def rebuilt(self, home: Path) -> Outcome:
        """The same with a catalog that is made again from the vault."""
        for file in home.glob("catalog.db*"):
            file.unlink()
        with app.opened(settings_for(home)) as services:
            report = rebuild(services)
            assert report.disagreements == []
            with services.database.read() as connection:
                assert instances.get(connection, self.instance.id) == self.instance
            return outcome(Installation(services), self.instance)


def outcome(installation: Installation, instance: Instance) -> Outcome:
    with installation.services.database.read() as connection:
        all_runs = runs.all_of_instance(connection, instance.id)
        counted = {run.sequence: counts.of_run(connection, run.id) for run in all_runs}
        stream_ids = {stream.id: stream.endpoint for stream in streams.of_instance(connection, instance.id)}
    blobs = {}
    state = installation.state(instance)
    for record in installation.browser.records(state, "items", limit=1_000_000):
        if record.has_blob:
            blobs[record.key] = b"".join(installation.browser.blob(state, record).read())
    return Outcome(
        [(run.id, run.sequence, run.status, run.failures, _without_requests(run.counters)) for run in all_runs],
        installation.everything(instance),
        {
            sequence: {
                name: {key: value for key, value in asdict(one).items() if key not in _UNEQUAL}
                | {"stream": stream_ids[one.stream]}
                for name, one in found.items()
            }
            for sequence, found in counted.items()
        },
        blobs,
    )


def _without_requests(counters: Any) -> dict[str, Any]:
    return {name: value for name, value in counters.items() if name not in {"requests", "packs"}}


@contextmanager
def made(folder: Path, workers: Workers) -> Iterator[World]:
    with in_thread(HostileSource(page_size=PAGE)) as source:
        _fill(source)
        template = folder / "template"
        settings = settings_for(template)
        app.initialise(settings)
        with app.opened(settings) as services:
            installation = Installation(services)
            text = document(source.url, ITEMS, EVENTS, PARENTS, CHILDREN, MEMBERS)
            instance = installation.instance(text.replace("concurrency: 4", f"concurrency: {CONCURRENCY}"))
            run = installation.backup(instance)
            assert run.status == "successful", run.failures
            _change(source)
            request_backup(services, instance.id)
        world = World(folder, workers, source, template, instance)
        home = world.copy()
        source.requests.clear()
        world.finish(home)
        world.requests = Counter(source.requests)
        world.undisturbed = world.outcome(home)
        yield world


def _put_item(source: HostileSource, number: int, file: int | None = None, **more: Any) -> None:
    """An item; `file` is the number of its blob's content."""
    blob = {}
    if file is not None:
        data = random.Random(file).randbytes(500 + 97 * (file % 50))
        source.blobs[f"f{number}"] = StoredBlob(data, "image/x-test", str(file))
        blob = {"file": f"{source.url}/blob/f{number}", "etag": str(file), "name": f"{number}.png"}
    source.put("items", make_record(number, **blob, **more))


def _fill(source: HostileSource) -> None:
    for number in range(1, 401):
        _put_item(source, number, number if number % 10 == 0 else None)
    for number in range(1, 201):
        source.put("events", make_record(number))
    for parent in range(1, 7):
        source.put("parents", {"id": parent, "name": f"parent {parent}"})
        source.collections[f"parents/{parent}/members"] = {}
        for number in range(1, 51):
            source.put(f"parents/{parent}/children", make_record(number, seen_at=1))
    for number in range(1, 121):
        source.put(f"parents/{number % 6 + 1}/members", make_record(number))


def _change(source: HostileSource) -> None:
    for number in (5, 6, 77, 130, 200, 399):
        source.remove("items", number)
    for number in range(401, 1_201):
        _put_item(source, number, number if number % 10 == 0 else None)
    for number in range(8, 400, 13):
        if str(number) in source.collections["items"]:
            _put_item(source, number, 7_000 + number, edited=True)
    for number in range(201, 501):
        source.put("events", make_record(number))
    for number in (1, 2, 50):
        source.put("events", make_record(number, updated_at="2027-01-01T00:00:00Z", edited=True))
    source.remove("parents", 3)
    for number in range(1, 51):  # volatile alone: no change
        source.put("parents/1/children", make_record(number, seen_at=2))
    for number in (7, 8, 9):
        source.remove("parents/2/children", number)
        source.put("parents/4/children", make_record(number, edited=True))
    for parent in (7, 8):
        source.put("parents", {"id": parent, "name": f"parent {parent}"})
        source.collections[f"parents/{parent}/members"] = {}
        for number in range(1, 151):
            source.put(f"parents/{parent}/children", make_record(number))
    for number in (6, 12, 18):  # they move from parent 1 to parent 7
        source.put("parents/7/members", source.collections["parents/1/members"].pop(str(number)))
    for number in (1, 7):  # and these are edited on their way from parent 2 to parent 1
        source.collections["parents/2/members"].pop(str(number))
        source.put("parents/1/members", make_record(number, edited=True))
    for number in range(200, 240):
        source.put("parents/8/members", make_record(number))


def page_of(path: str) -> tuple[str, int] | None:
    """The list and the page (from 1) that a request asks for; None for one that asks for no list."""
    found = re.fullmatch(r"(/cursor/[^?]+)(?:\?(?:.*&)?cursor=c(\d+).*|\?.*)?", path)
    return None if found is None else (found[1], int(found[2] or 0) // PAGE + 1)
