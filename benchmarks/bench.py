"""`make bench`: what a backup costs, beside the floor below which no program can be, in one table.

Every figure is taken from a command of its own, as a user would type it, against a source in another process. Ratios
are taken within one run, on the same machine in the same minute. Results go to benchmarks/results/latest.json.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import measuring, results, source_server
from benchmarks.results import Result, at_least, at_most

RECORDS = 1_000_000
LATEST = Path(__file__).parent / "results" / "latest.json"
_RATE = "records per CPU-second"
_DEFINITION = """\
holdfast: 1
name: Bench
variables:
  - {key: base_url, name: Address}
connection:
  base_url: "{{ base_url }}"
endpoints:
  - name: issues
    path: /issues
    query: {per_page: 100}
    id: id
    paging: link_header
    stable: true
"""


class Installation:
    """A Holdfast installation of its own in a folder, used through its command line only."""

    def __init__(self, folder: Path, source: source_server.Source) -> None:
        self.home, self._definition = folder / "home", folder / "bench.yaml"
        self._definition.write_text(_DEFINITION)
        # As a user has it: nothing is set, and Python keeps what it has compiled.
        inherited = {
            name: value for name, value in os.environ.items()
            if not name.startswith("HOLDFAST_") and name != "PYTHONDONTWRITEBYTECODE"
        }  # fmt: skip
        self._environment = {**inherited, "HOLDFAST_HOME": str(self.home), "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true"}
        self.run("init")
        self.run("add", str(self._definition), "bench", "--set", f"base_url={source.url}")

    def run(self, *arguments: str) -> measuring.Cost:
        return measuring.run([str(Path(sys.executable).with_name("holdfast")), *arguments], self._environment)

    def vault_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self.home / "vault").rglob("*") if file.is_file())

    def catalog_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("catalog.db*"))


def measure(records: int) -> list[Result]:
    """All figures for a source of so many records."""
    found: list[Result] = []

    def note(result: Result) -> Result:
        print(f"  {result.name}: {result.value:,.0f} {result.unit}", file=sys.stderr, flush=True)
        found.append(result)
        return result

    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, source_server.running() as source:
        source.set_content(records, changed=False)
        cost = measuring.run([sys.executable, "-m", "benchmarks.floor", f"{source.url}/issues?per_page=100"])
        floor = note(Result("download floor (aiohttp)", records / cost.cpu_s, _RATE))

        installation = Installation(Path(folder), source)
        cost = installation.run("backup", "bench")
        first = note(at_least("first backup", records / cost.cpu_s, _RATE, 60_000, beside=floor))
        note(at_most("first backup, memory", cost.peak_mb, "MB", 300))
        vault, catalog = installation.vault_bytes(), installation.catalog_bytes()
        note(Result("vault after the first backup", vault / records, "bytes a record"))
        # At most 70 bytes a record and its id: a text of 10 digits here.
        note(at_most("catalog after the first backup", catalog / records, "bytes a record", 70 + 10))

        cost = installation.run("backup", "bench")
        note(at_least("unchanged backup", records / cost.cpu_s, _RATE, 120_000, beside=first))
        note(at_most("unchanged backup, memory", cost.peak_mb, "MB", 300))
        note(at_most("vault added by an unchanged backup", installation.vault_bytes() - vault, "bytes", 4096))
        vault = installation.vault_bytes()

        source.set_content(records, changed=True)
        cost = installation.run("backup", "bench")
        note(
            Result("backup of 1% changes", records / cost.cpu_s, _RATE, first.name, records / cost.cpu_s / first.value)
        )
        note(
            Result(
                "vault added by 1% changes", (installation.vault_bytes() - vault) / (records / 100), "bytes a change"
            )
        )

        cost = installation.run("verify")
        note(Result("verify all data", records / cost.cpu_s, _RATE))
        cost = installation.run("export", "bench", "-o", str(Path(folder) / "bench.zip"), "--formats", "json")
        note(at_least("export as JSON", records / cost.cpu_s, _RATE, 200_000))
        note(at_most("export as JSON, memory", cost.peak_mb, "MB", 300))
    return found


def measure_memory(sizes: Sequence[int]) -> list[Result]:
    """Peak memory of a first backup at each size, beside the first size's: it should not grow."""
    found: list[Result] = []
    for records in sizes:
        with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder, source_server.running() as source:
            source.set_content(records, changed=False)
            cost = Installation(Path(folder), source).run("backup", "bench")
        found.append(
            at_most(f"memory, {records:,} records", cost.peak_mb, "MB", 300, beside=found[0] if found else None)
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.bench", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="how many records the source has")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures go as JSON")
    parser.add_argument("--full", action="store_true", help="memory at 0.1, 1 and 10 million records too")
    options = parser.parse_args(arguments)
    found = measure(options.records)
    if options.full:
        found += measure_memory((100_000, 1_000_000, 10_000_000))
    print(results.table(found))
    results.save(found, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
