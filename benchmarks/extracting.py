"""The same records read by Holdfast, by dlt, by an Airbyte declarative source and by a Singer tap, all in one run.

Holdfast and Airbyte's once more over TLS and compressed, as real sources answer.

The three run in an environment of their own, from requirements/readers.txt, made on first use; start and end count for
all. dlt writes parquet, the other two write their messages to /dev/null: neither keeps an index, encrypts or compares.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import measuring, source_server
from benchmarks.installation import Installation
from benchmarks.results import Note, Result, at_least

RECORDS = 200_000
_PAGE = 100
_ROOT = Path(__file__).parent.parent
_LOCK = _ROOT / "requirements" / "readers.txt"
_ENVIRONMENT = _ROOT / ".readers"
_UNIT = "records per CPU-second"
_AIRBYTE = "airbyte_declarative.py"
_READERS = (
    ("dlt to parquet", "dlt_rest_api.py", 8.0),
    ("airbyte-cdk to /dev/null", _AIRBYTE, 2.5),
    ("singer-sdk to /dev/null", "singer_tap.py", None),
)
"""What it is called, its script, and how many times as much Holdfast should read."""


def compare(note: Note, count: int = RECORDS) -> None:
    """Note what each reads per CPU-second, and Holdfast's first backup beside each."""
    python = _environment()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name, source_server.running() as source:
        source.set_content(count)
        cost = Installation(Path(name) / "holdfast", source).run("backup", "bench")
        rate = count / cost.cpu_s
        note(Result(f"first backup of {count:,}", rate, _UNIT))
        for title, script, goal in _READERS:
            theirs = note(Result(title, _read(python, script, source, Path(name), count), _UNIT))
            times = rate / theirs.value
            name_of_ratio = f"first backup, times {title}"
            note(
                Result(name_of_ratio, round(times, 2), "times", theirs.name, round(times, 3))
                if goal is None
                else at_least(name_of_ratio, times, "times", goal)
            )
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name,
        source_server.running(secured_in=Path(name)) as source,
    ):
        source.set_content(count)
        cost = Installation(Path(name) / "holdfast", source).run("backup", "bench")
        ours = note(Result(f"first backup of {count:,}, TLS and gzip", count / cost.cpu_s, _UNIT))
        theirs = note(Result("airbyte-cdk, TLS and gzip", _read(python, _AIRBYTE, source, Path(name), count), _UNIT))
        note(at_least("first backup, times airbyte-cdk, TLS and gzip", ours.value / theirs.value, "times", 2.0))


def _read(python: Path, script: str, source: source_server.Source, folder: Path, count: int) -> float:
    """Records per CPU-second of one of the programs, which has asked for every page."""
    folder /= script.removesuffix(".py")
    folder.mkdir()
    source.set_content(count)
    command = f'exec "{python}" "{Path(__file__).parent / "readers" / script}" {source.url} "{folder}" >/dev/null'
    environment = _quiet()
    if source.certificate is not None:
        environment["REQUESTS_CA_BUNDLE"] = str(source.certificate)
    cost = measuring.run(["sh", "-c", command], environment)
    asked = source.counts()["requests"]
    if asked * _PAGE < count:
        raise measuring.CommandFailed(f"{script} has asked for {asked} pages of {_PAGE}, there are {count} records")
    return count / cost.cpu_s


def _quiet() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _environment() -> Path:
    """The interpreter with the three programs; installs them where they are not there yet, or other versions are."""
    python, stamp = _ENVIRONMENT / "bin" / "python", _ENVIRONMENT / ".installed"
    if not stamp.exists() or stamp.read_bytes() != _LOCK.read_bytes():
        print("  installing dlt, airbyte-cdk and singer-sdk into .readers", file=sys.stderr, flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, _ENVIRONMENT], check=True)
        options = ("--quiet", "--compile-bytecode", "--require-hashes", "--python", python)
        subprocess.run([uv, "pip", "install", *options, "-r", _LOCK], check=True)
        stamp.write_bytes(_LOCK.read_bytes())
    return python
