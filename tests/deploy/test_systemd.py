"""systemd itself about deploy/holdfast.service."""

import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "deploy/holdfast.service"


@pytest.mark.parametrize(
    "question",
    [["verify", "--man=no"], ["security", "--offline=yes", "--threshold=20"]],
    ids=lambda question: question[0],
)
def test_systemd_takes_the_unit_and_finds_little_exposed(question: list[str], tmp_path: Path) -> None:
    installed = tmp_path / UNIT.name
    program = Path(sys.executable).with_name("holdfast")
    installed.write_text(UNIT.read_text().replace("/opt/holdfast/bin/holdfast", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *question, str(installed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
