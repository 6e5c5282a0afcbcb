"""`make demo` does what the README promises."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_ends_with_its_figures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo.run", str(tmp_path / "home")],
        cwd=ROOT, env={**os.environ, "ONCE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"^demo: ok: 2,100 records and 42 files backed up; then 4 added, 6 changed, 3 deleted, as Kinto says; "
        r"export of \d\.\d MB equals the source; vault verified; "
        r"the 3 deleted are back, nothing else was touched; \d+ s$",
        done.stdout.rstrip().splitlines()[-1],
    )
    assert "kept-by-holdfast" not in done.stdout + done.stderr
