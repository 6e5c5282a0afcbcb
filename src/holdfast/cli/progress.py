"""Draws how far a backup, a check or an export has come: bars on a terminal, nothing where there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from holdfast.cli.output import Output, printable

if TYPE_CHECKING:
    from holdfast.cli.following import Progress as BackupProgress


class BackupBars:
    """One bar for each endpoint of one instance, or one for each instance where there are several."""

    def __init__(self, bars: Progress, *, by_instance: bool) -> None:
        self._bars = bars
        self._by_instance = by_instance
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def show(self, name: str, progress: "BackupProgress") -> None:
        endpoints = progress.endpoints
        if self._by_instance or not endpoints:
            known = [one.expected for one in endpoints]
            total = None if None in known or not known else sum(one for one in known if one is not None)
            self._draw(
                (name, ""),
                name,
                sum(one.read for one in endpoints),
                total,
                _blobs(sum(one.blobs for one in endpoints), sum(one.blobs_owed for one in endpoints)),
                done=not progress.run.active,
            )
            return
        self._forget((name, ""))
        for one in endpoints:
            blobs = _blobs(one.blobs, one.blobs_owed)
            self._draw((name, one.endpoint), one.endpoint, one.read, one.expected, blobs, done=one.is_done)

    def _draw(self, key: tuple[str, str], text: str, read: int, total: int | None, blobs: str, *, done: bool) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(printable(text, lines=False), total=None, blobs="", read=0)
        task = self._tasks[key]
        # A delta reads less than there is, a first backup nobody knows how much: full means that it is done.
        known = max(read, 1) if done else max(total, read + 1) if total else None
        self._bars.update(task, completed=known if done else read, total=known, blobs=blobs, read=read)

    def _forget(self, key: tuple[str, str]) -> None:
        if key in self._tasks:
            self._bars.remove_task(self._tasks.pop(key))


class _Amount(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.fields['read']:,} records{task.fields['blobs']}")


@contextmanager
def backup_bars(output: Output, *, by_instance: bool = False) -> Iterator[BackupBars]:
    """Bars that vanish at the end of the block: the table that follows says more."""
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        _Amount(),
        TimeElapsedColumn(),
        **_where(output),
    )
    with bars:
        yield BackupBars(bars, by_instance=by_instance)


@contextmanager
def byte_bar(output: Output, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar over `total` bytes; the function given moves it on by so many."""
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        **_where(output),
    )
    with bars:
        task = bars.add_task(printable(text, lines=False), total=total)
        yield lambda number: bars.advance(task, number)


class CountBar:
    """A bar that is told where it stands: a count, of how many, and a word about it."""

    def __init__(self, bars: Progress, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def at(self, completed: float, total: float | None, said: str) -> None:
        self._bars.update(self._task, completed=completed, total=total or None, said=printable(said, lines=False))


@contextmanager
def count_bar(output: Output, text: str, *, estimates: bool = False) -> Iterator[CountBar]:
    """`estimates` shows how much time is left, not how much has gone by."""
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[said]}", markup=False),
        TimeRemainingColumn() if estimates else TimeElapsedColumn(),
        **_where(output),
    )
    with bars:
        yield CountBar(bars, bars.add_task(printable(text, lines=False), total=None, said=""))


def _where(output: Output) -> dict[str, Any]:
    return {
        "console": output.notes,
        "disable": not output.notes.is_terminal or output.as_json,
        "transient": True,
    }


def _blobs(fetched: int, owed: int) -> str:
    return f", {fetched:,} of {fetched + owed:,} blobs" if fetched or owed else ""
