"""What reading one record costs in a process that is warm: any record of the newest backup, as the API reads it.

python -m benchmarks.reading NAME COUNT      prints CPU milliseconds a record; HOLDFAST_HOME names the installation
"""

import random
import sys
import time

from holdfast import app
from holdfast.catalog import customers, instances, vendors
from holdfast.catalog.instances import Instance
from holdfast.operations.browsing import Browser
from holdfast.operations.services import Services
from holdfast.settings import load_settings

_WARM_UP = 200
_FIRST = 1_000_000_000


def find_instance(services: Services, label: str) -> Instance:
    """The command line's instance of that name."""
    with services.database.read() as connection:
        vendor = vendors.find(connection, "local")
        customer = vendor and customers.find(connection, vendor.id, "local")
        instance = customer and instances.find(connection, customer.id, label)
    assert instance is not None, "the installation has it"
    return instance


def measure(label: str, count: int) -> float:
    """CPU milliseconds a record, of so many records chosen by chance."""
    chance = random.Random(5)
    with app.opened(load_settings()) as services:
        instance = find_instance(services, label)
        browser = Browser(services)
        state = browser.state(instance)
        assert state is not None, "it was backed up"
        (endpoint,) = browser.endpoints(state)
        keys = [str(_FIRST + chance.randrange(endpoint.records)) for _ in range(count + _WARM_UP)]
        for key in keys[:_WARM_UP]:
            browser.record(state, endpoint.name, key)
        started = time.process_time()
        for key in keys[_WARM_UP:]:
            browser.record(state, endpoint.name, key)
        return (time.process_time() - started) * 1000 / count


if __name__ == "__main__":
    print(measure(sys.argv[1], int(sys.argv[2])))
