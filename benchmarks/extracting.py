"""The same records read by Holdfast, by dlt, by an Airbyte declarative source and by a Singer tap, behind nginx.

Each takes three turns, one after the other, and the median counts. Holdfast and Airbyte's once more over TLS and
compressed, as real sources answer.

The three run in an environment of their own, from requirements/readers.txt, made on first use; start and end count for
all. dlt writes parquet, the other two write their messages to /dev/null: neither keeps an index, encrypts or compares.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import measuring, nginx, source_server
from benchmarks.installation import Installation
from benchmarks.results import Note, Result, at_least

RECORDS = 200_000
_PAGE, _WARM, _TURNS = 100, 1_000, 3
_ROOT = Path(__file__).parent.parent
_LOCK = _ROOT / "requirements" / "readers.txt"
_ENVIRONMENT = _ROOT / ".readers"
_UNIT = "records per CPU-second"
_HOLDFAST, _AIRBYTE = "holdfast", "airbyte_declarative.py"
_READERS = (
    ("dlt to parquet", "dlt_rest_api.py", 8.0),
    ("airbyte-cdk to /dev/null", _AIRBYTE, 2.5),
    ("singer-sdk to /dev/null", "singer_tap.py", None),
)
"""What it is called, its script, and how many times as much Holdfast should read."""


def compare(note: Note, count: int = RECORDS) -> None:
    """Note what each reads per CPU-second, and Holdfast's first backup beside each. Without nginx nothing."""
    if not nginx.is_installed():
        print("  nginx is not installed: dlt, airbyte-cdk and singer-sdk are not compared", file=sys.stderr, flush=True)
        return
    python = _environment()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name, source_server.running() as origin:
        folder = Path(name)
        # What is read for the first time is compiled and comes from the disk: nobody is measured by that.
        origin.set_content(_WARM)
        for script in (_HOLDFAST, *(script for _, script, _ in _READERS)):
            _read(python, script, origin, folder / f"warm-{script}", _WARM)
        origin.set_content(count)
        with nginx.running(origin, count // _PAGE, folder / "nginx") as cached:
            rates = _in_turns(python, (_HOLDFAST, *(script for _, script, _ in _READERS)), cached, folder, count)
        ours = note(Result(f"first backup of {count:,} behind nginx", rates[_HOLDFAST], _UNIT))
        for title, script, goal in _READERS:
            theirs = note(Result(title, rates[script], _UNIT))
            _beside(note, f"first backup, times {title}", ours, theirs, goal)
        with nginx.running(origin, count // _PAGE, folder / "secured", secured=True) as cached:
            rates = _in_turns(python, (_HOLDFAST, _AIRBYTE), cached, folder, count)
        ours = note(Result(f"first backup of {count:,}, TLS and gzip", rates[_HOLDFAST], _UNIT))
        theirs = note(Result("airbyte-cdk, TLS and gzip", rates[_AIRBYTE], _UNIT))
        _beside(note, "first backup, times airbyte-cdk, TLS and gzip", ours, theirs, 2.0)


def _beside(note: Note, name: str, ours: Result, theirs: Result, goal: float | None) -> None:
    times = ours.value / theirs.value
    if goal is None:
        note(Result(name, round(times, 2), "times", theirs.name, round(times, 3)))
    else:
        note(at_least(name, times, "times", goal))


def _in_turns(python: Path, scripts: Sequence[str], cached: nginx.Cached, folder: Path, count: int) -> dict[str, float]:
    """The median of each one's turns: one after the other, so that all see the same machine."""
    rates: dict[str, list[float]] = {script: [] for script in scripts}
    for _ in range(_TURNS):
        for script in scripts:
            before = cached.requests()
            with tempfile.TemporaryDirectory(dir=folder) as own:
                rates[script].append(_read(python, script, cached.source, Path(own) / "turn", count))
            asked = cached.requests() - before
            if asked * _PAGE < count:
                raise measuring.CommandFailed(f"{script} has asked for {asked} pages of {_PAGE} for {count} records")
    return {script: statistics.median(found) for script, found in rates.items()}


def _read(python: Path, script: str, source: source_server.Source, folder: Path, count: int) -> float:
    """Records per CPU-second of one of the programs."""
    folder.mkdir()
    if script == _HOLDFAST:
        return count / Installation(folder, source).run("backup", "bench").cpu_s
    command = f'exec "{python}" "{Path(__file__).parent / "readers" / script}" {source.url} "{folder}" >/dev/null'
    environment = _quiet()
    if source.certificate is not None:
        environment["REQUESTS_CA_BUNDLE"] = str(source.certificate)
    return count / measuring.run(["sh", "-c", command], environment).cpu_s


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
