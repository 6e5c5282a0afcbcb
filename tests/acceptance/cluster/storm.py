"""A storm over a small cluster: 2 API nodes, 3 workers, PostgreSQL, a store, a source with limits; and, one after the
other, workers that are killed, frozen, cut off from the database and from the store, and an API node that dies."""

import asyncio
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import requests
from aiohttp import web

from holdfast.operations import customers, definitions, instances, vendors
from holdfast.operations.verify import verify
from tests.contract.client import Client
from tests.support.cluster import DEAD_S, Cluster, Node, cluster, until
from tests.support.hostile_source import HostileSource, in_thread, make_record
from tests.support.worker import Workers

REQUESTS, PER_S, CONCURRENCY = 24, 2.0, 4
"""What the source bears for each credential."""
CREDENTIALS = 3
_LATE_S = 0.3
"""By so much a request may arrive later than it was sent, while this machine does much at once."""
_DOCUMENT = """
holdfast: 1
name: Storm
variables:
  - {{key: token, name: Token, secret: true}}
  - {{key: collection, name: Collection}}
connection:
  base_url: {url}
  auth: {{type: bearer, token: "{{{{ token }}}}"}}
  limits: {{requests: {requests}, per: {per}s, concurrency: {concurrency}}}
  retry: {{attempts: 3, first_wait: 50ms, longest_wait: 1s}}
endpoints:
  - name: items
    path: "/cursor/{{{{ collection }}}}"
    records: items
    id: id
    paging: {{type: cursor, body: next_cursor, query: cursor}}
"""


@dataclass
class Bearing:
    """Watches what the source has to bear, by credential."""

    came: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    most: Counter[str] = field(default_factory=Counter)
    _now: Counter[str] = field(default_factory=Counter)

    async def __call__(self, request: web.Request, page: int) -> None:
        credential = request.headers["Authorization"]
        self.came[credential].append(time.monotonic())
        self._now[credential] += 1
        self.most[credential] = max(self.most[credential], self._now[credential])
        try:
            await asyncio.sleep(0.02)
        finally:
            self._now[credential] -= 1

    def busiest(self) -> int:
        """The most requests of one credential in any of its periods."""
        busiest = 0
        for moments in self.came.values():
            first = 0
            for last, moment in enumerate(moments):
                while moment - moments[first] > PER_S - _LATE_S:
                    first += 1
                busiest = max(busiest, last - first + 1)
        return busiest


class Storm:
    def __init__(self, machines: Cluster, source: HostileSource, count: int, records: int) -> None:
        self.machines, self.source, self.bearing = machines, source, Bearing()
        source.switches.hook = self.bearing
        self.expected: dict[int, set[int]] = {}
        self._client, self._made = self._prepare(count, records)
        self.apis = [machines.api(), machines.api()]
        self.workers = [machines.worker() for _ in range(3)]
        self._pause = threading.Event()

    def _prepare(self, count: int, records: int) -> tuple[Client, list[int]]:
        services = self.machines.installation.services
        vendor = vendors.create(services, "Storm", None)
        customer = customers.create(services, vendor.vendor.id, "customer", None)
        document = _DOCUMENT.format(url=self.source.url, requests=REQUESTS, per=f"{PER_S:g}", concurrency=CONCURRENCY)
        definition = definitions.create(services, vendor.vendor.id, document)
        made = []
        for number in range(count):
            collection = f"c{number}"
            wanted = range(number * 10_000, number * 10_000 + records)
            self.source.collections[collection] = {
                str(one): json.dumps(make_record(one)).encode() for one in wanted
            }  # fmt: skip
            given = {"token": f"t0ken-{number % CREDENTIALS}", "collection": collection}
            instance = instances.create(services, customer.id, definition.id, given=given)
            self.expected[instance.id] = set(wanted)
            made.append(instance.id)
        return Client("", vendor.vendor.id, vendor.vendor.client_id, vendor.client_secret), made

    def ask_for_backups(self) -> None:
        """By API, from whichever node answers."""
        for instance_id, node in zip(self._made, cycle(self.apis), strict=False):
            self._ask(node, instance_id)

    def _ask(self, first: Node, instance_id: int) -> None:
        def is_taken() -> bool:
            for node in [first, *self.apis]:
                self._client.url = f"http://127.0.0.1:{node.port}"
                try:
                    if self._client.token is None:
                        self._client.log_in()
                    answer = self._client.post(f"/v1/backup_instances/{instance_id}/backups")
                except requests.ConnectionError:
                    continue
                return answer.status == 200
            return False

        until(is_taken, "an API node takes the request")

    def faults(self) -> Iterator[tuple[str, Callable[[Node], None], Callable[[Node], None]]]:
        """What happens to a worker, and how it ends."""
        yield "killed", Node.kill, Node.start
        yield "frozen", Node.freeze, Node.thaw
        yield "cut off from the database", lambda node: node.database.cut(), lambda node: node.database.mend()
        if self.workers[0].storage is not None:
            yield "cut off from the store", _cut_storage, _mend_storage

    def blow(self, seconds: float) -> list[str]:
        """One fault after the other until all had their turn, and so long; and an API node dies once a round."""
        began, told = time.monotonic(), list[str]()
        victims = cycle(self.workers)
        while not told or time.monotonic() - began < seconds:
            for what, begin, end in self.faults():
                if self.is_over():
                    self.ask_for_backups()
                victim = next(victims)
                told.append(f"{victim.name} {what}")
                begin(victim)
                self._pause.wait(DEAD_S + 2.0)
                end(victim)
                self._pause.wait(1.0)
            self.apis[0].kill()
            self._pause.wait(0.5)
            self.apis[0].start()
        return told

    def is_over(self) -> bool:
        return not any(run.active for run in self.machines.runs())

    def check(self) -> None:
        """Every backup ended right, every record of every source is there, none doubled, the limits held."""
        installation = self.machines.installation
        ended = self.machines.runs()
        wrong = [(run.instance_id, run.status, run.failures) for run in ended if run.status != "successful"]
        assert wrong == []
        assert {run.instance_id for run in ended} == set(self.expected)
        for run in ended:
            assert run.counters["live"] == len(self.expected[run.instance_id]), run
            assert run.counters["new"] == (run.counters["live"] if run.sequence == 1 else 0), run
        for instance_id, wanted in self.expected.items():
            instance = self._instance(instance_id)
            found = [json.loads(raw)["id"] for raw in installation.records(instance, "items").values()]
            assert len(found) == len(set(found)) and set(found) == wanted
        assert max(self.bearing.most.values()) <= CONCURRENCY
        # A frozen worker's last request, which it had leave for, may leave when it wakes up.
        assert self.bearing.busiest() <= REQUESTS + 1
        assert [str(one) for one in verify(installation.services).findings if one.severity == "error"] == []

    def _instance(self, instance_id: int) -> instances.Instance:
        from holdfast.catalog import instances as catalog

        with self.machines.installation.services.database.read() as connection:
            return catalog.get(connection, instance_id)


def _cut_storage(node: Node) -> None:
    assert node.storage is not None
    node.storage.cut()


def _mend_storage(node: Node) -> None:
    assert node.storage is not None
    node.storage.mend()


@contextmanager
def storm(
    folder: Path, database_url: str, kennel: Workers, storage_url: str, *, instances: int, records: int
) -> Iterator[Storm]:
    with ExitStack() as stack:
        source = stack.enter_context(in_thread(HostileSource({}, page_size=20)))
        machines = stack.enter_context(
            cluster(folder, database_url, kennel, storage_url=storage_url, checkpoint_records=40)
        )
        yield Storm(machines, source, instances, records)
