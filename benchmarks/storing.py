"""What the same records cost and take up in Holdfast, restic and borg: ratios within one run.

Holdfast reads its records by HTTP and keeps an index of every one, the others read a file: what they cost is no goal,
but what they store is one.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers, records
from benchmarks.measuring import Cost
from benchmarks.peers import Peer
from benchmarks.results import Note, Result, at_most

_CPU = "CPU seconds"


@dataclass(frozen=True)
class Stored:
    """What one program needed for the first backup of the records and one after 1% of them had changed."""

    first: Cost
    changed: Cost
    verified: Cost
    restored: Cost
    first_bytes: int
    added_bytes: int


def compare(count: int, ours: Stored, note: Note) -> None:
    """Beside every program that is installed. `ours.first_bytes` are those of packs."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        folder = Path(name)
        found = peers.installed(folder)
        if not found:
            print("  neither restic nor borg is installed: not compared")
        tails = records.make_tails()
        for peer in found:
            _compare(peer, _measure(peer, folder, tails, count), ours, note)


def _measure(peer: Peer, folder: Path, tails: list[bytes], count: int) -> Stored:
    file, target = folder / "records.jsonl", folder / f"{peer.name}-restored"
    target.mkdir()
    peers.write_lines(file, tails, count)
    first = peer.backup(file)
    first_bytes = peer.stored_bytes()
    verified, restored = peer.verify(), peer.restore(target)
    peers.write_lines(file, tails, count, day=1)
    changed = peer.backup(file)
    return Stored(first, changed, verified, restored, first_bytes, peer.stored_bytes() - first_bytes)


def _compare(peer: Peer, theirs: Stored, ours: Stored, note: Note) -> None:
    name = peer.name
    size = note(Result(f"{name}: first backup stored", theirs.first_bytes / 1e6, "MB"))
    added = note(Result(f"{name}: stored by a 1% change", theirs.added_bytes / 1e6, "MB"))
    if name == "restic":
        note(
            at_most(
                "packs beside restic's repository",
                ours.first_bytes / 1e6,
                "MB",
                theirs.first_bytes * 1.15e-6,
                beside=size,
            )
        )
        note(
            at_most(
                "added by a 1% change, beside restic",
                ours.added_bytes / 1e6,
                "MB",
                theirs.added_bytes * 0.03e-6,
                beside=added,
            )
        )
    for what, their, our in (
        ("first backup", theirs.first, ours.first),
        ("backup of 1% changes", theirs.changed, ours.changed),
        ("verify all data", theirs.verified, ours.verified),
        ("full restore", theirs.restored, ours.restored),
    ):
        reference = note(Result(f"{name}: {what}", their.cpu_s, _CPU))
        ratio = round(our.cpu_s / their.cpu_s, 2)
        note(Result(f"{what}, beside {name}", round(our.cpu_s, 2), _CPU, reference.name, ratio))
