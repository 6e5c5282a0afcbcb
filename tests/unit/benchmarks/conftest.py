"""nginx is measured with where it is installed (Debian: nginx-light)."""

import shutil

collect_ignore = [] if shutil.which("nginx") else ["test_nginx.py"]
