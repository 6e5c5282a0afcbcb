"""What a search costs in a process of its own, every hit counted, and when its first hits come.

python -m benchmarks.searching NAME TEXT [CONDITION ...]      prints JSON; an empty TEXT is none
"""

import json
import sys
import time
from collections.abc import Sequence

from benchmarks.reading import find_instance
from holdfast import app
from holdfast.operations.browsing import Browser
from holdfast.operations.search import Query, search
from holdfast.settings import load_settings


def measure(label: str, text: str, where: Sequence[str]) -> dict[str, float]:
    """`hits`, the seconds until the first of them (-1: there is none), and the CPU seconds of all of it."""
    with app.opened(load_settings()) as services:
        state = Browser(services).state(find_instance(services, label))
        assert state is not None, "it was backed up"
        hits, first_s = 0, -1.0
        started, used = time.monotonic(), time.process_time()
        for step in search(services, state, Query.parse(text or None, where)):
            if step.hits and not hits:
                first_s = time.monotonic() - started
            hits += len(step.hits)
        return {"hits": hits, "first_s": first_s, "cpu_s": time.process_time() - used}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], sys.argv[3:])))
