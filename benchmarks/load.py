"""Load on the service, over the network: pages of an endpoint with many records, and a large blob.

Runs against an installation that has been backed up, in a process of its own (`python -m benchmarks.load HOME`), and
prints its figures as JSON. Every rate is held against that of a constant answered by the same application in the same
minute, with as many connections; what a FastAPI application answers that has nothing else is told beside it.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from itertools import cycle
from pathlib import Path

from benchmarks.beside import started
from benchmarks.load_client import BadAnswer, Connection, load, next_target
from benchmarks.results import Result, at_least, at_most

CONNECTIONS = 16
_TURNS, _SECONDS = 5, 1.0
"""Of each kind of request; the first turn of all is not counted."""
_RATE = "requests per second"
_DOWNLOADS = 8


class Instance:
    """What is asked for, as its own vendor sees it."""

    def __init__(self, name: str) -> None:
        """In the installation that this process's environment names."""
        from holdfast import app, clock
        from holdfast.catalog import instances, runs, tokens, vendors
        from holdfast.identity import secrets
        from holdfast.operations import customers
        from holdfast.settings import load_settings

        with app.opened(load_settings()) as services:
            customer, token = customers.local(services), secrets.new_token()
            with services.database.write() as connection:
                vendor = vendors.get(connection, customer.vendor_id)
                expires_at = clock.now() + timedelta(hours=1)
                tokens.grant(connection, secrets.hash_of(token), vendor.id, expires_at)
                found = instances.find(connection, customer.id, name)
                assert found is not None
                first = runs.by_sequence(connection, found.id, 1)
            assert first is not None
        self.headers = {"Authorization": f"Bearer {token}"}
        self.path, self.first_backup = f"/v1/backup_instances/{found.id}/endpoints", first.id


@contextmanager
def served(home: Path) -> Iterator[tuple[str, int]]:
    """`holdfast serve` on a free port: its address, and the process that answers."""
    environment = {**os.environ, "HOLDFAST_HOME": str(home), "HOLDFAST_PORT": "0"}
    command = [str(Path(sys.executable).with_name("holdfast")), "serve"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "serving at " in line:
                yield line.partition("serving at ")[2].partition(",")[0], _api_of(process.pid)
                return
        raise RuntimeError("the service did not start")
    finally:
        process.terminate()
        process.communicate()


def _api_of(parent: int) -> int:
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if b"\0api\0" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise RuntimeError("the service has no process that answers")


@contextmanager
def constant(*arguments: str) -> Iterator[tuple[str, int]]:
    """The constant's address, and the process that answers; `bare`: without the service's application."""
    with started("benchmarks.constant", *arguments) as found:
        yield found


async def wait_until_ready(url: str, headers: Mapping[str, str]) -> None:
    for _ in range(600):
        try:
            connection = await Connection.to(url, headers)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        connection.close()
        return


async def check_pages(url: str, headers: Mapping[str, str], targets: Sequence[str], *, per_page: int) -> None:
    """Ask for each once, which makes them hot. Raises BadAnswer for one that is not full."""
    connection = await Connection.to(url, headers)
    for target in targets:
        _, body = await connection.get(target)
        if len(json.loads(body)) != per_page:
            raise BadAnswer(f"{target} has not {per_page} records")
    connection.close()


async def _all_next(url: str, headers: Mapping[str, str], target: str) -> list[str]:
    """The `next` addresses from one end of a list to the other, in the order of the list."""
    connection, found = await Connection.to(url, headers), []
    following: str | None = target
    while following is not None:
        head, _ = await connection.get(following)
        following = next_target(head)
        if following is not None:
            found.append(following)
    connection.close()
    return found


@dataclass
class Asked:
    """One kind of request, and what came of all its turns."""

    url: str
    pid: int
    headers: Mapping[str, str]
    targets: Sequence[str]
    connections: int = CONNECTIONS
    wall_s: float = 0.0
    cpu_s: float = 0.0
    seconds: list[float] = field(default_factory=list)

    async def turn(self, number: int, seconds: float) -> None:
        """Every connection in a random order of its own."""

        def order(connection: int) -> Iterator[str]:
            chance = random.Random(number * 1000 + connection)
            return cycle(chance.sample(self.targets, len(self.targets)))

        before_s = cpu_s(self.pid)
        measured = await load(self.url, self.headers, order, connections=self.connections, seconds=seconds)
        self.cpu_s += cpu_s(self.pid) - before_s
        self.wall_s += measured.wall_s
        self.seconds += measured.seconds

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall_s

    @property
    def cpu_us(self) -> float:
        """What an answer costs the process that gives it."""
        return self.cpu_s / len(self.seconds) * 1e6

    @property
    def slow_ms(self) -> float:
        """What 99 of 100 answers took at most."""
        return sorted(self.seconds)[len(self.seconds) * 99 // 100] * 1000


async def measure_pages(
    service: tuple[str, int], constant_service: tuple[str, int], bare_service: tuple[str, int], instance: Instance
) -> list[Result]:
    """Pages of 20 of the endpoint `issues`: the newest page again and again, and pages anywhere."""
    url, pid = service
    await wait_until_ready(url, instance.headers)
    await wait_until_ready(constant_service[0], {})
    await wait_until_ready(bare_service[0], {})
    newest = f"{instance.path}/issues/records"
    old = f"{newest}?backup_id={instance.first_backup}"
    beside, bare = (Asked(*one, {}, ["/constant"]) for one in (constant_service, bare_service))
    asked = {"first page": (Asked(url, pid, instance.headers, [newest]), 0.4)}
    for name, target in (("newest", f"{newest}?per_page=100"), ("old", f"{old}&per_page=100")):
        followed = await _all_next(url, instance.headers, target)
        targets = [one.replace("per_page=100", "per_page=20") for one in followed]
        asked[f"pages anywhere, {name} backup"] = (Asked(url, pid, instance.headers, targets), 0.25)
    # In turns, so that whatever else the machine does is shared fairly.
    for number in range(-1, _TURNS):
        for one in (beside, bare, *(kind for kind, _ in asked.values())):
            await one.turn(number, _SECONDS)
            if number < 0:
                one.wall_s, one.cpu_s, one.seconds = 0.0, 0.0, []
    found = [constant := Result("constant answer", beside.per_second, _RATE)]
    found.append(alone := Result("constant answer, bare FastAPI", bare.per_second, _RATE))
    for name, (kind, share) in asked.items():
        found.append(at_least(name, kind.per_second, _RATE, share * constant.value, beside=constant))
        found.append(at_most(f"{name}, 99th percentile", kind.slow_ms, "ms", 50))
        # What the ratios would be on a machine without other work, which takes more from those who compute for longer.
        for reference, other, what in ((constant, beside, "CPU"), (alone, bare, "CPU beside bare FastAPI")):
            share = round(other.cpu_us / kind.cpu_us, 3)
            found.append(Result(f"{name}, {what}", round(kind.cpu_us), "us an answer", reference.name, share))
    return found


async def measure_blob(url: str, pid: int, instance: Instance) -> list[Result]:
    """The blob of the one record of the endpoint `files`, again and again on one connection."""
    connection = await Connection.to(url, instance.headers)
    target = f"{instance.path}/files/records/1/blob"
    size_bytes = await connection.drain(target)
    await connection.drain(target)
    before, seconds = _resident_mb(pid), []
    for _ in range(_DOWNLOADS):
        begun = time.perf_counter()
        await connection.drain(target)
        seconds.append(time.perf_counter() - begun)
    connection.close()
    return [
        at_least("blob download", size_bytes / 1e6 / sorted(seconds)[len(seconds) // 2], "MB/s", 300),
        at_most(f"memory added by {_DOWNLOADS} downloads", _resident_mb(pid) - before, "MB", 16),
    ]


def cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def main(home: Path) -> None:
    pages, blob = Instance("bench"), Instance("files")
    with served(home) as service, constant() as beside, constant("bare") as bare:
        found = await measure_pages(service, beside, bare, pages) + await measure_blob(*service, blob)
    print(json.dumps([asdict(one) for one in found]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
