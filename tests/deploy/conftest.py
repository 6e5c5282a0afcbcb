"""Whether systemd takes the unit, and Prometheus the rules, is asked where there is one; CI has both."""

import shutil

_NEEDED = {"test_systemd.py": "systemd-analyze", "test_prometheus.py": "prometheus"}
collect_ignore = [file for file, program in _NEEDED.items() if not shutil.which(program)]
