"""The catalog is lost, and made again from the vault: whoever asks it anything gets the same answer as before."""

import shutil
from pathlib import Path

import pytest

from holdfast import app
from holdfast.operations.rebuild import rebuild
from holdfast.operations.verify import verify
from tests.acceptance.rebuild.story import Story, told
from tests.support.hostile_source import HostileSource, in_thread
from tests.support.installation import Installation, installed, settings_for

STEPS = 8


def tell_and_lose(folder: Path, seed: int, steps: int) -> None:
    """Tell a story, rebuild a copy without its catalog, compare both, and what the next backups do in both."""
    kept, lost = folder / "kept", folder / "lost"
    with in_thread(HostileSource(page_size=10)) as source:
        with installed(kept) as installation:
            story = Story(seed, installation, source)
            for _ in range(steps):
                story.step()
        shutil.copytree(kept, lost, ignore=shutil.ignore_patterns("catalog.db*"))
        with app.opened(settings_for(kept)) as services, app.opened(settings_for(lost)) as again:
            report = rebuild(again)
            assert report.disagreements == []
            before, after = Installation(services), Installation(again)
            expected, found = told(before, story.instances), told(after, story.instances)
            for what in expected:
                assert found[what] == expected[what], what
            for instance in story.instances:
                # In full, since a rebuilt catalog has no cursors; and twice, since what was owed can be paid now.
                runs = [one.backup(instance, full=True, accept_deletions=True) for one in (before, after)]
                assert [run.status for run in runs] == ["successful"] * 2, [run.failures for run in runs]
                for name in ("live", "new", "changed", "unchanged", "deleted", "blobs"):
                    assert runs[0].counters[name] == runs[1].counters[name], name
                assert before.everything(instance) == after.everything(instance)
                assert after.backup(instance).counters["packs"] == 0
            assert verify(again).findings == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_rebuilt_catalog_says_the_same(tmp_path: Path, seed: int) -> None:
    tell_and_lose(tmp_path, seed, STEPS)
