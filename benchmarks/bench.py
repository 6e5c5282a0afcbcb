"""`make bench`: what a backup costs, beside the floor below which no program can be, in one table.

Every figure is taken from a command of its own, as a user would type it, against a source in another process. Ratios
are taken within one run, on the same machine in the same minute. Results go to benchmarks/results/latest.json.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import extracting, finding, history, measuring, results, source_server, storing
from benchmarks.installation import Installation
from benchmarks.measuring import Cost
from benchmarks.results import Note, Result, at_least, at_most
from benchmarks.storing import Stored

RECORDS = 1_000_000
LATEST = Path(__file__).parent / "results" / "latest.json"
HISTORY, SHORT = "100000,400,30", "2000,400,30"
_RATE = "records per CPU-second"


class Notes(list[Result]):
    """The figures so far; each is told as soon as it is there."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = time.monotonic()

    def note(self, result: Result) -> Result:
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        figure = f"{result.name}: {result.value:,.2f} {result.unit}"
        print(f"  {minutes:3}:{seconds:02}  {figure}", file=sys.stderr, flush=True)
        self.append(result)
        return result


def measure(records: int, note: Note) -> Stored:
    """All figures for a source of so many records; answers those that other programs have too."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, source_server.running() as source:
        source.set_content(records)
        cost = measuring.run([sys.executable, "-m", "benchmarks.floor", f"{source.url}/issues?per_page=100"])
        floor = note(Result("download floor (aiohttp)", records / cost.cpu_s, _RATE))

        installation = Installation(Path(folder), source)
        first_cost = installation.run("backup", "bench")
        first = note(at_least("first backup", records / first_cost.cpu_s, _RATE, 60_000, beside=floor))
        note(at_least("first backup, share of the download floor", 100 * first.value / floor.value, "%", 16))
        note(at_most("first backup, memory", first_cost.peak_mb, "MB", 300))
        # Beside a tenth of the records, and, in the full form, ten times as many (`measure_memory`).
        source.set_content(records // 10)
        less = Installation(Path(folder) / "less", source).run("backup", "bench")
        smallest = note(at_most(f"memory, {records // 10:,} records", less.peak_mb, "MB", 300))
        note(_flat(records, first_cost, smallest))
        source.set_content(records)
        packs = installation.pack_bytes()
        vault, catalog = installation.vault_bytes(), installation.catalog_bytes()
        note(Result("vault after the first backup", vault / records, "bytes a record"))
        # At most 70 bytes a record and its id: a text of 10 digits here.
        note(at_most("catalog after the first backup", catalog / records, "bytes a record", 70 + 10))

        cost = installation.run("backup", "bench")
        unchanged = note(at_least("unchanged backup", records / cost.cpu_s, _RATE, 120_000, beside=first))
        note(at_least("unchanged backup, times the first", unchanged.value / first.value, "times", 1.5))
        note(at_most("unchanged backup, memory", cost.peak_mb, "MB", 300))
        note(at_most("vault added by an unchanged backup", installation.vault_bytes() - vault, "bytes", 4096))
        vault = installation.vault_bytes()

        source.set_content(records, day=1)
        changed = installation.run("backup", "bench")
        rate = records / changed.cpu_s
        note(Result("backup of 1% changes", rate, _RATE, first.name, round(rate / first.value, 3)))
        added = installation.vault_bytes() - vault
        note(Result("vault added by 1% changes", added / (records / 100), "bytes a change"))

        verified = installation.run("verify")
        note(Result("verify all data", records / verified.cpu_s, _RATE))
        note(at_most("reading one record, warm", installation.read_records(2_000), "CPU milliseconds", 2))
        # The command's default: everything that the backup holds, into a folder.
        cost = installation.run("export", "bench", "-o", str(Path(folder) / "export"))
        note(at_least("export of everything", records / cost.cpu_s, _RATE, 200_000))
        note(at_most("export of everything, memory", cost.peak_mb, "MB", 300))
        zipped = installation.run("export", "bench", "-o", str(Path(folder) / "bench.zip"))
        note(Result("export of everything, into a zip", records / zipped.cpu_s, _RATE))
        plain = installation.run("export", "bench", "-o", str(Path(folder) / "plain.zip"), "--uncompressed")
        note(Result("export of everything, into a zip, uncompressed", records / plain.cpu_s, _RATE))
        finding.measure_search(installation, records, note)
        for result in installation.load():
            note(result)
        source.set_content(records // 10)
        finding.measure_feed(Installation(Path(folder) / "feed", source), source, records // 10, note)
    return Stored(first_cost, changed, verified, cost, packs, added)


def _flat(records: int, cost: Cost, smallest: Result) -> Result:
    """Peak memory should not grow with the records."""
    goal = min(300.0, round(1.2 * smallest.value))
    return at_most(f"memory, {records:,} records", cost.peak_mb, "MB", goal, beside=smallest)


def measure_memory(records: int, note: Note, smallest: Result) -> None:
    """The peak of a first backup of very many records."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, source_server.running() as source:
        source.set_content(records)
        note(_flat(records, Installation(Path(folder), source).run("backup", "bench"), smallest))


def _measure_fleet(note: Note) -> None:
    # Imports Holdfast: a child's peak would count from there.
    from benchmarks import schedule, workers

    workers.measure(note)
    schedule.measure(note)


def _measure_vast(note: Note) -> None:
    from benchmarks import vast

    vast.measure(note)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="how many records the source has")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures go as JSON")
    parser.add_argument("--alone", action="store_true", help="Holdfast without the programs of others beside it")
    parser.add_argument("--full", action="store_true", help="everything")
    parser.add_argument("--find", action="store_true", help="search and the change feed, and nothing else")
    parser.add_argument("--fleet", action="store_true", help="workers and the schedule, and nothing else")
    parser.add_argument("--vast", action="store_true", help="a list of 10 million records, and nothing else")
    parser.add_argument("--memory", action="store_true", help="memory at ten times as many records, too")
    parser.add_argument(
        "--history", metavar="RECORDS,DAYS,KEPT", help="daily backups pruned to few, beside restic; full: 100000,400,30"
    )
    options = parser.parse_args(arguments)
    found = Notes()
    if options.find:
        finding.measure_alone(options.records, found.note)
    if options.fleet:
        _measure_fleet(found.note)
    if options.vast:
        _measure_vast(found.note)
    if found:
        print(results.table(found))
        return 0
    ours = measure(options.records, found.note)
    if not options.alone:
        extracting.compare(found.note)
    if options.full or options.memory:
        (smallest,) = (one for one in found if one.name == f"memory, {options.records // 10:,} records")
        measure_memory(10 * options.records, found.note, smallest)
    # Last, since this process does not stay small there, and a child's peak counts from its parent's.
    if not options.alone:
        storing.compare(options.records, ours, found.note)
    count, days, kept = (int(number) for number in (options.history or (HISTORY if options.full else SHORT)).split(","))
    beside_restic = (options.full or options.history) and not options.alone
    history.measure(count, days, kept, found.note, alone=not beside_restic)
    _measure_fleet(found.note)
    if options.full:
        _measure_vast(found.note)
    print(results.table(found))
    results.save(found, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
