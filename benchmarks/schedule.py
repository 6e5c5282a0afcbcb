"""A schedule with 100,000 instances: what it costs to look for those that are due, on SQLite.

python -m benchmarks.schedule INSTANCES     makes them in the installation of HOLDFAST_HOME; prints the milliseconds of
                                            a look that finds nothing due, and those for each that is found and queued
"""

import os
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks import measuring
from benchmarks.results import Note, Result, at_most
from holdfast import app, ids
from holdfast.catalog import definitions
from holdfast.catalog.schema import instances
from holdfast.clock import now
from holdfast.operations import customers, schedule
from holdfast.settings import load_settings

INSTANCES = 100_000
_LOOKS, _DUE = 50, 200


def measure(note: Note, count: int = INSTANCES) -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")},
            "HOLDFAST_HOME": str(Path(folder) / "home"),
        }  # fmt: skip
        measuring.run([str(Path(sys.executable).with_name("holdfast")), "init"], environment)
        done = measuring.run([sys.executable, "-m", "benchmarks.schedule", str(count)], environment)
    look_ms, queued_ms = map(float, done.output.split())
    note(at_most(f"looking for due ones among {count:,} scheduled instances", look_ms, "CPU milliseconds", 50))
    note(Result("queueing one that is due", queued_ms, "CPU milliseconds"))


def main(count: int) -> tuple[float, float]:
    chance = random.Random(8)
    with app.opened(load_settings()) as services:
        customer = customers.local(services)
        moment = now()
        with services.database.write() as connection:
            definition = definitions.create(connection, customer.vendor_id, "Many", "", True)
            connection.execute(sa.insert(instances), [
                {
                    "id": ids.new_id(), "customer_id": customer.id, "definition_id": definition.id,
                    "label": f"n{number}", "created_at": moment, "frequency": "daily",
                    "next_due_at": moment + timedelta(seconds=chance.randrange(600, 86_400)),
                }
                for number in range(count)
            ])  # fmt: skip
        schedule.queue_due(services)
        begun = time.process_time()
        for _ in range(_LOOKS):
            assert schedule.queue_due(services) == 0
        look_s = (time.process_time() - begun) / _LOOKS
        with services.database.write() as connection:
            some = sa.select(instances.c.id).order_by(instances.c.next_due_at).limit(_DUE).scalar_subquery()
            connection.execute(sa.update(instances).where(instances.c.id.in_(some)).values(next_due_at=moment))
        begun = time.process_time()
        assert schedule.queue_due(services) == _DUE
        return look_s * 1000, (time.process_time() - begun) / _DUE * 1000


if __name__ == "__main__":
    print(*main(int(sys.argv[1])))
