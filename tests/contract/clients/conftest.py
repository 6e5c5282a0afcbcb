"""Public clients from outside of this repository's requirements, got through npm and uv when they run.

Collected only where HOLDFAST_TEST_CLIENTS is set: they need Node with npm, and a network.
"""

import os

collect_ignore_glob = [] if os.environ.get("HOLDFAST_TEST_CLIENTS") else ["test_*.py"]
