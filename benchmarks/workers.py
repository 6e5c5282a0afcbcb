"""One, two and four workers over one PostgreSQL, each with one backup at a time, and a source that answers in 50 ms.

What is measured is how many records the source gives while all of them work: from when the last one has begun its first
backup to when the first one has ended its last, so that what lies between two backups of a worker counts, and who comes
late or has nothing left does not. Workers wait for the source most of the time: more of them should get more done.

python -m benchmarks.workers SOURCE_URL WORKERS INSTANCES     asks for a backup of each, once so many workers are there;
                                                              HOLDFAST_... names the installation. Prints the records
                                                              per second, and the cores that each worker has used
"""

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import measuring, postgresql, slow_source
from benchmarks.load import cpu_s
from benchmarks.results import Note, Result, at_least
from holdfast import app
from holdfast.catalog import runs
from holdfast.operations import customers, definitions, instances
from holdfast.operations.backup.request import request_backup
from holdfast.settings import load_settings

WORKERS, BACKUPS_EACH = (1, 2, 4), 3
_PATIENCE_S = 900.0
_DOCUMENT = """
holdfast: 1
name: Slow
variables:
  - {{key: list, name: List}}
connection:
  base_url: {url}
endpoints:
  - name: records
    path: "/lists/{{{{ list }}}}"
    id: id
    paging: link_header
    stable: true
"""


def measure(note: Note) -> None:
    first: Result | None = None
    for number in WORKERS:
        with (
            postgresql.database() as url,
            slow_source.running() as source,
            tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder,
        ):
            environment = {
                **{name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")},
                "HOLDFAST_HOME": str(Path(folder) / "home"), "HOLDFAST_DATABASE_URL": url,
                "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true", "HOLDFAST_BACKUPS_AT_ONCE": "1",
            }  # fmt: skip
            program = str(Path(sys.executable).with_name("holdfast"))
            measuring.run([program, "init"], environment)
            backups = number * BACKUPS_EACH
            with _working([program, "worker"], number, environment):
                asking = [sys.executable, "-m", "benchmarks.workers", source, str(number), str(backups)]
                rate, cores = map(float, measuring.run(asking, environment).output.split())
        name = f"{number} worker{'s' if number > 1 else ''}, a source that answers in 50 ms"
        unit = "records per second"
        busy = Result(f"{name}: busy", 100 * cores, "% of a core, each worker")
        if first is None:
            first = note(Result(name, rate, unit))
        else:
            note(at_least(name, rate, unit, round(first.value * number * 3.5 / 4, 1), beside=first))
        # A machine that has not so many cores to spare cannot show what more workers bring.
        note(busy)


@contextmanager
def _working(command: list[str], number: int, environment: dict[str, str]) -> Iterator[None]:
    workers = [
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(number)
    ]
    try:
        yield
    finally:
        for one in workers:
            one.send_signal(signal.SIGTERM)
        for one in workers:
            one.wait()


def main(source: str, workers: int, count: int) -> tuple[float, float]:
    """Ask for all backups at once, and wait for them. Answers records per second while all worked, and the cores that
    each worker used."""
    with app.opened(load_settings()) as services:
        customer = customers.local(services)
        definition = definitions.create(services, customer.vendor_id, _DOCUMENT.format(url=source))
        made = [
            instances.create(services, customer.id, definition.id, label=f"n{number}", given={"list": f"l{number}"})
            for number in range(count)
        ]
        deadline = time.monotonic() + _PATIENCE_S
        while sum(one.is_alive for one in services.engine.workers()) < workers and time.monotonic() < deadline:
            time.sleep(0.1)
        pids = [one.pid for one in services.engine.workers() if one.is_alive]
        before_s, begun = sum(map(cpu_s, pids)), time.monotonic()
        for one in made:
            request_backup(services, one.id)
        while time.monotonic() < deadline:
            time.sleep(2)  # looking costs something, too
            with services.database.read() as connection:
                found = [runs.all_of_instance(connection, one.id)[0] for one in made]
            if not any(one.active for one in found):
                break
    cores = (sum(map(cpu_s, pids)) - before_s) / (time.monotonic() - begun) / workers
    wrong = [one for one in found if one.status != "successful"]
    if wrong:
        raise SystemExit(f"{len(wrong)} of {len(found)} backups did not succeed, such as {wrong[0]}")
    first, last = dict[str | None, float](), dict[str | None, float]()
    for one in found:
        assert one.started_at is not None and one.ended_at is not None
        first[one.worker] = min(first.get(one.worker, math.inf), one.started_at.timestamp())
        last[one.worker] = max(last.get(one.worker, 0.0), one.ended_at.timestamp())
    start, end = max(first.values()), min(last.values())
    if len(first) != workers or start >= end:
        raise SystemExit(f"the {len(found)} backups were made by {len(first)} workers, which never worked all at once")
    pages = sum(start <= moment < end for moment in slow_source.answered(source))
    return pages * slow_source.RECORDS_A_PAGE / (end - start), cores


if __name__ == "__main__":
    print(*main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
