"""What is committed says nothing about the machine or the registry it was made with."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Put together from parts, since this file is among those that are searched.
_TRACES = re.compile("|".join(("py" + "pi\\.org", "pythonh" + "osted", "np" + "mjs", "/wo" + "rk/", "/ro" + "ot/")))


def test_no_tracked_file_names_a_registry_or_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    names = [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]
    assert names
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name in names
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if _TRACES.search(line)
    ]
    assert found == []
