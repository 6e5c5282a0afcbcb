"""A Holdfast installation of its own in a folder, used through its command line only, as a user would."""

import json
import os
import sys
from pathlib import Path

from benchmarks import measuring, source_server
from benchmarks.peers import folder_bytes
from benchmarks.results import Result

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
_FILES = """\
holdfast: 1
name: Files
variables:
  - {key: base_url, name: Address}
connection:
  base_url: "{{ base_url }}"
endpoints:
  - name: files
    path: /files
    id: id
    stable: true
    blob: {url: "{{ record.file }}", version: file}
"""


class Installation:
    """With one instance `bench` of the source."""

    def __init__(self, folder: Path, source: source_server.Source, **settings: str) -> None:
        """`settings` are environment variables."""
        folder.mkdir(exist_ok=True)
        self.home, self._folder, self._source = folder / "home", folder, source
        # As a user has it: nothing is set, and Python keeps what it has compiled.
        inherited = {
            name: value for name, value in os.environ.items()
            if not name.startswith("HOLDFAST_") and name != "PYTHONDONTWRITEBYTECODE"
        }  # fmt: skip
        self._environment = {
            **inherited,
            "HOLDFAST_HOME": str(self.home),
            "HOLDFAST_ALLOW_PRIVATE_NETWORK": "true",
            **settings,
        }
        if source.certificate is not None:
            self._environment["SSL_CERT_FILE"] = str(source.certificate)
        self.run("init")
        self._add("bench", _DEFINITION)

    def _add(self, name: str, document: str) -> None:
        definition = self._folder / f"{name}.yaml"
        definition.write_text(document)
        self.run("add", str(definition), name, "--set", f"base_url={self._source.url}")

    def run(self, *arguments: str) -> measuring.Cost:
        return measuring.run([str(Path(sys.executable).with_name("holdfast")), *arguments], self._environment)

    def back_up_daily(self, count: int, first_day: int, days: int) -> measuring.Cost:
        """A backup a day, of so many records of which one in a hundred changes."""
        return self.measured("daily", self._source.url, str(count), str(first_day), str(days))

    def read_records(self, count: int) -> float:
        """CPU milliseconds for reading a record, warm."""
        return float(self.measured("reading", str(count)).output)

    def measured(self, module: str, *arguments: str) -> measuring.Cost:
        """What a module of this package prints of `bench`, in a process of its own."""
        return measuring.run([sys.executable, "-m", f"benchmarks.{module}", "bench", *arguments], self._environment)

    def load(self) -> list[Result]:
        """What the service does at what has been backed up, and at a blob of 100 MB beside it."""
        self._add("files", _FILES)
        self.run("backup", "files")
        done = measuring.run([sys.executable, "-m", "benchmarks.load", str(self.home)], self._environment)
        return [Result(**one) for one in json.loads(done.output)]

    def vault_bytes(self) -> int:
        return folder_bytes(self.home / "vault")

    def pack_bytes(self) -> int:
        return folder_bytes(self.home / "vault" / "packs")

    def catalog_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.home.glob("catalog.db*"))
