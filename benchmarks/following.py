"""What it costs to follow an instance: its change feed from a cursor to its end, a thousand changes at a time.

python -m benchmarks.following NAME CURSOR      prints JSON; an empty CURSOR is the beginning
"""

import json
import sys
import time
from typing import Any

from benchmarks.reading import find_instance
from holdfast import app
from holdfast.operations.feed.cursors import Cursor
from holdfast.operations.feed.reading import read_feed
from holdfast.settings import load_settings

_AT_ONCE = 1_000


def measure(label: str, after: str) -> dict[str, Any]:
    """How many changes there were, the CPU seconds they took, and the cursor behind them."""
    with app.opened(load_settings()) as services:
        instance = find_instance(services, label)
        cursor, changes, has_more = Cursor.parse(after) if after else Cursor(0), 0, True
        used = time.process_time()
        while has_more:
            page = read_feed(services, instance, cursor, limit=_AT_ONCE)
            changes += sum(event.kind != "field" for event in page.events)
            cursor, has_more = page.next, page.has_more
        return {"changes": changes, "cpu_s": time.process_time() - used, "next": cursor.text()}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
