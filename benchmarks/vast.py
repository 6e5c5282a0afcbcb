"""A list of ten million records with four hundred backups: what a page of it takes, on SQLite and on PostgreSQL.

A million records are backed up, with packs and all. Of each, nine more rows are then made in the catalog, with ids of
their own and the digests that belong to them, whose bytes stand where the first one's do; and four hundred backups,
each of which changes records anywhere in the list by the same statements as a real one. So a page reads what it would
read of ten million records that came from a source: as many rows, frames that are stored, digests that are checked.

python -m benchmarks.vast NAME HOME TIMES RUNS CHANGES      grows the list and prints its figures as JSON
"""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from benchmarks import load, postgresql, source_server
from benchmarks.installation import Installation
from benchmarks.reading import find_instance
from benchmarks.records import FIRST_ID
from benchmarks.results import Note, Result, at_most
from holdfast import app
from holdfast.api.routes.record_lists import next_cursor
from holdfast.catalog import counts, records, runs, streams
from holdfast.catalog.counts import EndpointCounts
from holdfast.catalog.instances import Instance
from holdfast.catalog.rows import CurrentRow, RecordRow, columns_of
from holdfast.clock import now
from holdfast.operations.browsing import Browser
from holdfast.operations.services import Services
from holdfast.settings import load_settings
from holdfast.vault import digests

RECORDS, TIMES, RUNS, CHANGES = 1_000_000, 10, 400, 2_000
_AT_ONCE = 10_000
_PLACES = 400
"""Pages of each state that are asked for, by chance, over and over: after the first time they are hot."""
_CONNECTIONS, _TURNS, _SECONDS = 4, 4, 1.5
_ENDPOINT = "issues"


def measure(note: Note, *, count: int = RECORDS, times: int = TIMES, made: int = RUNS, changes: int = CHANGES) -> None:
    for name, given in (("SQLite", nullcontext("")), ("PostgreSQL", postgresql.database())):
        with (
            given as url,
            tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder,
            source_server.running() as source,
        ):
            installation = Installation(Path(folder), source, **({"HOLDFAST_DATABASE_URL": url} if url else {}))
            source.set_content(count)
            installation.run("backup", "bench")
            done = installation.measured("vast", str(installation.home), str(times), str(made), str(changes))
        for one in json.loads(done.output):
            note(Result(**{**one, "name": f"{name}, {one['name']}"}))


class Grown:
    """The installation whose list grows."""

    def __init__(self, services: Services, label: str) -> None:
        self.services, self.instance = services, find_instance(services, label)
        with services.database.read() as connection:
            found = streams.find(connection, self.instance.id, _ENDPOINT)
            run = runs.newest_ended(connection, self.instance.id)
        assert found is not None and run is not None
        self.stream, self._revision = found, run.definition_revision_id

    def multiply(self, times: int) -> None:
        """So many times as many records, in the next backup."""
        database, stream = self.services.database, self.stream
        run = self._begin()
        places: list[tuple[int, int, int, int]] = []
        made = [bytearray() for _ in range(times - 1)]
        key = self.services.vault.customer(self.instance.customer_id).digest_key
        for rows, raws in self._everything():
            places += [(row.pack, row.frame, row.start, row.length) for row in rows]
            for number, found in enumerate(made, 1):
                keys = [str(int(row.record_key) + number * stream.live) for row in rows]
                found += b"".join(digests.record_digests(key, _ENDPOINT, keys, raws))
        scope = rows[0].scope
        for number, found in enumerate(made, 1):
            first_id = FIRST_ID + number * stream.live
            for first in range(0, stream.live, _AT_ONCE):
                with database.write() as connection:
                    slot = streams.allocate_slots(connection, stream.id, len(places[first : first + _AT_ONCE]))
                    records.insert_new(connection, stream.id, columns_of(
                        (
                            str(first_id + at), scope, slot + at - first, run.sequence,
                            bytes(found[at * 16 : at * 16 + 16]), None, 0, *places[at], None,
                        )
                        for at in range(first, min(first + _AT_ONCE, stream.live))
                    ))  # fmt: skip
        self._end(run, stream.live * times)

    def go_on(self, made: int, changes: int) -> None:
        """So many backups in all, each of which finds so many records changed, anywhere in the list."""
        database, stream = self.services.database, self.stream
        with database.read() as connection:
            newest = runs.newest_ended(connection, self.instance.id)
            live = streams.get(connection, stream.id).live
        assert newest is not None
        for number in range(newest.sequence + 1, made + 1):
            run, chance = self._begin(), random.Random(number)
            keys = sorted(str(FIRST_ID + at) for at in chance.sample(range(live), changes))
            with database.write() as connection:
                rows = records.lookup(connection, stream.id, keys).values()
                changed: list[CurrentRow] = [row._replace(run_from=run.sequence) for row in rows]
                records.replace(connection, stream.id, run.sequence, changed)
            self._end(run, live)

    def _everything(self) -> Iterator[tuple[list[RecordRow], list[bytes]]]:
        browser, after = Browser(self.services), None
        while True:
            with self.services.database.read() as connection:
                rows = records.page(connection, self.stream.id, after=after, limit=_AT_ONCE)
            if not rows:
                return
            yield rows, list(browser.read_rows(self.instance.customer_id, rows))
            after = rows[-1].record_key

    def _begin(self) -> runs.Run:
        with self.services.database.write() as connection:
            run, _ = runs.queue(connection, self.instance.id)
            return runs.start(connection, run.id, worker="bench", definition_revision_id=self._revision)

    def _end(self, run: runs.Run, live: int) -> None:
        stream = self.stream
        with self.services.database.write() as connection:
            streams.advance(connection, stream.id, live=live, state_sum=digests.EMPTY_SUM)
            counts.put(connection, EndpointCounts(
                run_id=run.id, stream=stream.id, sequence=run.sequence, ordinal=0, outcome="complete", live=live,
                state_sum=digests.EMPTY_SUM, first_key=str(FIRST_ID), last_key=str(FIRST_ID + live - 1),
            ))  # fmt: skip
            runs.end(connection, run.id, "successful", ended_at=now(), failures=[], counters={"live": live})


def _targets(services: Services, instance: Instance, path: str, made: int) -> dict[str, list[str]]:
    """What `next` links lead to, anywhere in the newest state and in those after an early and a late backup."""
    chance, found = random.Random(6), dict[str, list[str]]()
    with services.database.read() as connection:
        stream = streams.find(connection, instance.id, _ENDPOINT)
        assert stream is not None
        for name, sequence in (("newest", made), (f"backup {made * 9 // 10}", made * 9 // 10), ("backup 2", 2)):
            run = runs.by_sequence(connection, instance.id, sequence)
            assert run is not None
            keys = [str(FIRST_ID + chance.randrange(stream.live - 20)) for _ in range(_PLACES)]
            state = "" if sequence == made else f"&backup_id={run.id}"
            found[name] = [
                f"{path}/{_ENDPOINT}/records?per_page=20{state}&after={next_cursor(run.id, key)}" for key in keys
            ]
    return found


async def _pages(home: Path, targets: dict[str, list[str]], instance: load.Instance) -> list[Result]:
    with load.served(home) as (url, pid), load.constant("bare") as beside:
        await load.wait_until_ready(url, instance.headers)
        asked = [load.Asked(*beside, {}, ["/constant"], _CONNECTIONS)]
        for of_state in targets.values():
            await load.check_pages(url, instance.headers, of_state, per_page=20)
            asked.append(load.Asked(url, pid, instance.headers, of_state, _CONNECTIONS))
        # In turns, so that whatever else the machine does is shared fairly.
        for number in range(_TURNS):
            for one in asked:
                await one.turn(number, _SECONDS)
    # The constant says what of it is the machine's own.
    found = [constant := Result("a constant answer, 99th percentile", asked[0].slow_ms, "ms")]
    for name, one in zip(targets, asked[1:], strict=True):
        slow = at_most(f"a page of {{records}}, {name}, 99th percentile", one.slow_ms, "ms", 50, beside=constant)
        found += [slow, Result(f"a page of {{records}}, {name}, CPU", round(one.cpu_us), "us an answer")]
    return found


def main(label: str, home: Path, times: int, made: int, changes: int) -> None:
    instance = load.Instance(label)
    with app.opened(load_settings()) as services:
        grown = Grown(services, label)
        grown.multiply(times)
        grown.go_on(made, changes)
        targets = _targets(services, grown.instance, instance.path, made)
        live = grown.stream.live * times
    about = f"{live:,} records and {made} backups"
    found = asyncio.run(_pages(home, targets, instance))
    print(json.dumps([{**asdict(one), "name": one.name.format(records=about)} for one in found]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *(int(text) for text in sys.argv[3:6]))
