"""A source that was wiped, an installation that was asked to restore it, and what must have come of that in the end."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast import app
from holdfast.catalog.instances import Instance
from holdfast.catalog.restores import Restore
from tests.integration.operations.test_restore import cards_of, fill
from tests.support.installation import Installation, settings_for
from tests.support.restoring import asked, ended, report
from tests.support.worker import Death, Workers
from tests.support.writable_source import DOCUMENT, WritableSource, writable

RECORDS = 13
KILLED = -signal.SIGKILL


@dataclass
class Wiped:
    """`template` is the installation with the restore queued."""

    folder: Path
    workers: Workers
    source: WritableSource
    template: Path
    instance: Instance
    restore: Restore
    expected: list[tuple[str, str, str, str | None]]
    _copies: int = 0

    def copy(self) -> Path:
        """A new home to crash in; the source is wiped again."""
        self.source.wipe("one/people")
        self.source.wipe("one/boards")
        self.source.keys.clear()
        self.source.writes.clear()
        self._copies += 1
        home = self.folder / f"home-{self._copies}"
        shutil.copytree(self.template, home)
        return home

    def killed_at_write(self, home: Path, death: Death) -> bool:
        """Let a worker kill itself at one of its durable writes; tells whether it came to that."""
        return self._work(home, death) == KILLED

    def killed_at_request(self, home: Path, number: int) -> bool:
        """Kill a worker when the source has done what its so-manieth request asked for, before it can answer."""
        left = [number]

        def told() -> None:
            left[0] -= 1
            if left[0] == 0:
                worker.kill()

        self.source.switches.after_write = told
        try:
            worker = self.workers.start(home)
            return self._ended(home, worker.wait()) == KILLED
        finally:
            self.source.switches.after_write = None

    def go_on(self, home: Path) -> None:
        """Let the next worker end the restore: nothing is missing, nothing is there twice, and the report says so."""
        assert self._work(home) == 0
        assert cards_of(self.source, "one") == self.expected
        people, boards = self.source.all("one/people"), self.source.all("one/boards")
        assert (len(people), len(boards), len(self.expected)) == (3, 2, 8)
        with app.opened(settings_for(home)) as services:
            installation = Installation(services)
            now = ended(installation, self.restore)
            assert (now.status, list(now.failures), now.counters["created"]) == ("successful", [], RECORDS)
            told = report(installation, self.restore)["records"]
            assert [one["state"] for one in told] == ["verified"] * RECORDS

    def _work(self, home: Path, dies: Death | None = None) -> int:
        return self._ended(home, self.workers.start(home, dies).wait())

    def _ended(self, home: Path, code: int) -> int:
        assert code in (0, KILLED), (home / "worker.log").read_text()
        return code


@contextmanager
def wiped(folder: Path, workers: Workers) -> Iterator[Wiped]:
    with writable() as source:
        fill(source)
        expected = cards_of(source, "one")
        template = folder / "template"
        settings = settings_for(template)
        app.initialise(settings)
        with app.opened(settings) as services:
            installation = Installation(services)
            instance = installation.instance(DOCUMENT.format(url=source.url))
            run = installation.backup(instance)
            assert run.status == "successful", run.failures
            restore = asked(installation, instance)
        yield Wiped(folder, workers, source, template, instance, restore, expected)
