"""Durable jobs: what is enqueued here runs at least once, on whichever worker is alive, whoever is killed meanwhile.

A job is a kind and the public id of its subject. The engine knows no operation: `app` registers a handler per kind.
Checkpoints, leases and outcomes belong to the catalog; DBOS does the queueing and stays behind this package's door.
"""

from holdfast.engine.engine import Engine
from holdfast.engine.heartbeats import Worker
from holdfast.engine.jobs import Interrupted, JobState, RetryPolicy
from holdfast.engine.ticker import Ticker
from holdfast.engine.worker_lock import WorkerLock

__all__ = ["Engine", "Interrupted", "JobState", "RetryPolicy", "Ticker", "Worker", "WorkerLock"]
