"""Whether systemd takes the unit is asked where there is a systemd; CI has one."""

import shutil

collect_ignore = [] if shutil.which("systemd-analyze") else ["test_systemd.py"]
