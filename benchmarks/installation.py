"""A Holdfast installation of its own in a folder, used through its command line only, as a user would."""

import os
import sys
from pathlib import Path

from benchmarks import measuring, source_server
from benchmarks.peers import folder_bytes

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
    """With one instance `bench` of the source."""

    def __init__(self, folder: Path, source: source_server.Source) -> None:
        folder.mkdir(exist_ok=True)
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

    def read_records(self, count: int) -> float:
        """CPU milliseconds for reading a record, warm."""
        done = measuring.run([sys.executable, "-m", "benchmarks.reading", "bench", str(count)], self._environment)
        return float(done.output)

    def vault_bytes(self) -> int:
        return folder_bytes(self.home / "vault")

    def pack_bytes(self) -> int:
        return folder_bytes(self.home / "vault" / "packs")

    def catalog_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("catalog.db*"))
