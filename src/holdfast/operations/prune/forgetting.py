"""Forgets runs in the catalog: first the runs themselves, in one transaction, then what only they had."""

from collections.abc import Iterable

from holdfast.catalog import blobs, forgetting, needs, purging, runs
from holdfast.clock import now
from holdfast.errors import Conflict
from holdfast.operations.prune.planning import decide
from holdfast.operations.prune.work import Work
from holdfast.operations.retention import RetentionRules

_BLOBS_AT_ONCE = 2_000


def forget_runs(work: Work, rules: RetentionRules, allowed: Iterable[int]) -> None:
    """Drop those runs that the rules drop now and that were `allowed` to go (by id), when the plan was made.

    What follows from it may be broken off and is done by `drop_leftovers`.
    """
    wanted = set(allowed)
    moment = now()
    with work.transaction() as connection:
        _, forgotten = decide(connection, work.instance, rules, moment)
        sequences = [run.sequence for run in forgotten if run.run_id in wanted]
        if runs.active(connection, work.instance.id) is not None:
            raise Conflict("a backup is under way", code="busy")
        work.report.forgotten = forgetting.forget(connection, work.instance.id, sequences, moment)


def drop_leftovers(work: Work) -> None:
    """Delete the versions, changes, blobs and chunks that no run has that is left. Finds what there is by itself."""
    with work.services.database.read() as connection:
        is_empty = not runs.all_of_instance(connection, work.instance.id)
    if is_empty:
        _drop_streams(work)
    else:
        _drop_versions(work)
    _drop_blobs(work)


def _drop_streams(work: Work) -> None:
    """No run is left, so there is no state any more: all of the instance's records go."""
    for _, statement in purging.of_streams(work.stream_ids) if work.stream_ids else ():
        deleted = 1
        while deleted:
            with work.transaction() as connection:
                deleted = connection.execute(statement).rowcount
            work.pause()
    work.stream_ids.clear()


def _drop_versions(work: Work) -> None:
    instance_id = work.instance.id
    for stream in work.stream_ids:
        after: str | None = None
        while True:
            with work.transaction() as connection:
                dropped, after = forgetting.drop_versions(connection, instance_id, stream, after)
            work.report.versions_dropped += dropped
            if after is None:
                break
            work.pause()
    with work.transaction() as connection:
        forgetting.raise_first_runs(connection, instance_id)
    for stream in work.stream_ids:
        with work.services.database.read() as connection:
            dropped_runs = list(forgetting.dropped_changes(connection, instance_id, stream))
        for run, successor in dropped_runs:
            moved = 1
            while moved:
                with work.transaction() as connection:
                    moved = forgetting.merge_changes(connection, stream, run, successor)
                work.pause()


def _drop_blobs(work: Work) -> None:
    instance, customer_id = work.instance, work.customer.customer_id
    with work.services.database.read() as connection:
        kept = [run.sequence for run in runs.all_of_instance(connection, instance.id)]
        dropped = sorted(needs.dropped_blobs(connection, instance.id, work.stream_ids, kept))
    for begin in range(0, len(dropped), _BLOBS_AT_ONCE):
        with work.transaction() as connection:
            blobs.remove(connection, dropped[begin : begin + _BLOBS_AT_ONCE])
        work.pause()
    with work.services.database.read() as connection:
        since = needs.newest_blob(connection)
        found = [digest for some in needs.unneeded_chunks(connection, customer_id, instance.id, ()) for digest in some]
    for begin in range(0, len(found), _BLOBS_AT_ONCE):
        with work.transaction() as connection:
            needs.collect_chunks(connection, customer_id, found[begin : begin + _BLOBS_AT_ONCE], since)
        work.pause()
