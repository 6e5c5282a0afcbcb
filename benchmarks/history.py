"""Many daily backups pruned to few: what is stored then, beside a fresh backup of the kept states and beside restic."""

import tempfile
from pathlib import Path

from benchmarks import peers, records, source_server
from benchmarks.installation import Installation
from benchmarks.peers import Restic
from benchmarks.results import Note, Result, at_most

_BYTES_A_CHANGE = 200


def measure(count: int, days: int, kept: int, note: Note, *, alone: bool = False) -> None:
    """A backup a day, one record in a hundred changed since the day before; then all but the newest go.

    `alone`: without restic, whose repository grows by all records each day.
    """
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name, source_server.running() as source:
        folder = Path(name)
        installation = Installation(folder / "history", source)
        installation.back_up_daily(count, 0, 1)
        first = note(Result(f"catalog after the first of {days} backups", installation.catalog_bytes() / 1e6, "MB"))
        installation.back_up_daily(count, 1, days - 1)
        grown = installation.catalog_bytes() / 1e6 - first.value
        changes = (days - 1) * count // records.CHANGED_ONE_IN
        # A change is a row of an earlier version, its key in the list of what the backup changed, and what their pages
        # leave free, since changes come in any order.
        name = f"catalog grown by a change, {days} backups"
        note(at_most(name, grown * 1e6 / changes, "bytes", _BYTES_A_CHANGE))
        before = installation.pack_bytes()
        note(Result(f"packs of {days} daily backups", before / 1e6, "MB"))
        cost = installation.run("prune", "--keep", f"last={kept}", "--yes")
        after = installation.pack_bytes()
        note(Result(f"pruned to {kept}", cost.cpu_s, "CPU seconds"))
        installation.run("verify")
        fresh = Installation(folder / "fresh", source)
        fresh.back_up_daily(count, days - kept, kept)
        ideal = note(Result(f"packs of a fresh backup of the {kept} kept", fresh.pack_bytes() / 1e6, "MB"))
        note(at_most("packs after the prune, beside fresh ones", after / 1e6, "MB", ideal.value * 1.1, beside=ideal))
        for peer in () if alone else peers.installed(folder, [Restic]):
            file, tails = folder / "records.jsonl", records.make_tails()
            for day in range(days):
                peers.write_lines(file, tails, count, day=day)
                peer.backup(file)
            note(Result(f"restic: {days} daily backups", peer.stored_bytes() / 1e6, "MB"))
            theirs = note(Result(f"restic: forget --prune to {kept}", peer.prune(kept).cpu_s, "CPU seconds"))
            note(
                Result(
                    "prune, beside restic's",
                    cost.cpu_s,
                    "CPU seconds",
                    theirs.name,
                    round(cost.cpu_s / theirs.value, 3),
                )
            )
            left = note(Result("restic: stored after that", peer.stored_bytes() / 1e6, "MB"))
            note(
                Result(
                    "packs after the prune, beside restic",
                    after / 1e6,
                    "MB",
                    left.name,
                    round(after / 1e6 / left.value, 3),
                )
            )
