"""A worker process for tests: python worker.py DATABASE_URL FOLDER BEAT_S DEAD_AFTER_S [NEW_KIND]

Its one kind, "backup", writes "begin ID PID" into FOLDER/log, waits until there is a file FOLDER/release-ID (or the
worker is stopped), and writes "end ID PID". SIGTERM stops it with a second to drain. It prints "ready" when it works.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from holdfast.engine import Engine, Interrupted
from holdfast.errors import WorkerElsewhere


def main(database_url: str, folder: Path, beat_s: float, dead_after_s: float, new_kinds: list[str]) -> int:
    engine = Engine(database_url, poll_s=0.05, beat_s=beat_s, dead_after_s=dead_after_s)

    def log(event: str, subject_id: int) -> None:
        with (folder / "log").open("a") as file:
            file.write(f"{event} {subject_id} {os.getpid()}\n")

    def backup(subject_id: int) -> None:
        log("begin", subject_id)
        while not (folder / f"release-{subject_id}").exists():
            if engine.stopping.wait(0.02):
                raise Interrupted
        log("end", subject_id)

    for kind in ("backup", *new_kinds):
        engine.register(kind, backup)
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        engine.start()
    except WorkerElsewhere as error:
        print(error, flush=True)
        return 3
    print("ready", flush=True)
    told.wait()
    ended = engine.stop(drain_s=0.1, grace_s=2)
    engine.close()
    return 0 if ended else 4


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]))
