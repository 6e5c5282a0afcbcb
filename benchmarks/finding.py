"""Search and the change feed: what they cost over everything, and over what has changed."""

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import source_server
from benchmarks.installation import Installation
from benchmarks.results import Note, Result, at_least, at_most

_RATE = "records per CPU-second"
_GOAL = 100_000
"""A million records in ten CPU seconds."""
_SEARCHES: dict[str, tuple[str, ...]] = {
    "a text that nothing has": ("no such words",),
    "a field that no record has so": ("", "state=merged"),
    "every record's field is looked at": ("", "state!=open"),
}


def measure_search(installation: Installation, records: int, note: Note) -> None:
    """Of what is backed up."""
    for name, arguments in _SEARCHES.items():
        done, cost = _run(installation, "searching", *arguments)
        note(at_least(f"search, {name}", records / done["cpu_s"], _RATE, _GOAL))
    note(at_most("search, memory", cost.peak_mb, "MB", 300))
    note(at_most("search, first hits", done["first_s"], "seconds", 1))


def measure_feed(installation: Installation, source: source_server.Source, records: int, note: Note) -> None:
    """From a first backup of what the source has on its first day to that of the second, one in a hundred changed."""
    installation.run("backup", "bench")
    done, _ = _run(installation, "following", "")
    unit = "changes per CPU-second"
    first = note(Result("change feed, read for the first time", done["changes"] / done["cpu_s"], unit))
    source.set_content(records, day=1)
    installation.run("backup", "bench")
    done, _ = _run(installation, "following", done["next"])
    assert done["changes"] == records // 100, "one in a hundred"
    note(at_least("change feed, 1% changes", done["changes"] / done["cpu_s"], unit, 2_000, beside=first))
    done, _ = _run(installation, "following", done["next"])
    note(at_most("change feed, nothing new", done["cpu_s"] * 1000, "CPU milliseconds", 50))


def measure_alone(records: int, note: Note) -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, source_server.running() as source:
        source.set_content(records)
        installation = Installation(Path(folder) / "search", source)
        installation.run("backup", "bench")
        measure_search(installation, records, note)
        measure_feed(Installation(Path(folder) / "feed", source), source, records, note)


def _run(installation: Installation, module: str, *arguments: str) -> tuple[dict[str, Any], Any]:
    cost = installation.measured(module, *arguments)
    return json.loads(cost.output), cost
