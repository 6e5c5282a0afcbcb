"""Backups of one day after the other in one process, so that hundreds of them do not pay for as many starts.

python -m benchmarks.daily NAME SOURCE_URL RECORDS FIRST_DAY DAYS     HOLDFAST_HOME names the installation
"""

import sys

from benchmarks.reading import find_instance
from benchmarks.source_server import Source
from holdfast import app
from holdfast.catalog import runs
from holdfast.operations.backup.request import request_backup
from holdfast.operations.backup.run import run_backup
from holdfast.settings import load_settings


def back_up(label: str, source: Source, count: int, first_day: int, days: int) -> None:
    """Raises SystemExit where a backup is not successful."""
    with app.opened(load_settings()) as services:
        instance = find_instance(services, label)
        for day in range(first_day, first_day + days):
            source.set_content(count, day=day)
            queued, _ = request_backup(services, instance.id)
            run_backup(services, queued.id)
            with services.database.read() as connection:
                run = runs.get(connection, queued.id)
            if run.status != "successful":
                sys.exit(f"backup {run.sequence} ended as {run.status}")


if __name__ == "__main__":
    back_up(sys.argv[1], Source(sys.argv[2]), *(int(text) for text in sys.argv[3:]))
