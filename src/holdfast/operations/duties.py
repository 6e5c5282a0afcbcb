"""What a worker does beside its jobs, again and again: the schedule, what waits to be sent, what has expired, prune."""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from holdfast.catalog import instances
from holdfast.engine import Interrupted, Ticker
from holdfast.operations import (
    acting,
    alerts,
    erase,
    exports,
    object_locks,
    prune,
    rehearsal,
    replicate,
    restore,
    retention,
    revisions,
    schedule,
    tokens,
    troubles,
    webhooks,
)
from holdfast.operations.backup.request import reconcile
from holdfast.operations.backup.sharing import forget_unused
from holdfast.operations.locking import in_turn, unless_busy
from holdfast.operations.prune import PruneReport
from holdfast.operations.services import Services
from holdfast.operations.verify.regular import verify_regularly

_LOOK_S = 600.0
"""How often a worker looks whether it is its turn to do what all do in turn."""
_log = logging.getLogger(__name__)


class Duties:
    """From `start` to `stop` and `finish`. Any number of workers may have them at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._punctual = Ticker("duties")
        self._talking = Ticker("webhooks")
        """Who talks to strangers may wait for them long: nothing else has to wait for that."""
        self._mailing = Ticker("alerts")
        self._copying = Ticker("replicas")
        self._proving = Ticker("verify")
        """A first copy takes as long as the vault is large, and so does proving it after an absence."""
        self._pruning = Ticker("prune")
        self._short = [self._punctual, self._talking, self._mailing]
        self._long = [self._copying, self._proving, self._pruning]
        """They see that the engine stops, and then come to an end."""

    def start(self) -> None:
        services, punctual = self._services, self._punctual
        punctual.every(2.0, self._queue_due, name="schedule")
        punctual.every(5.0, partial(revisions.flush_regularly, services), name="outbox")
        punctual.every(30.0, partial(reconcile, services), name="reconciler of backups", first_after_s=5.0)
        punctual.every(30.0, partial(exports.reconcile, services), name="reconciler of exports", first_after_s=5.0)
        punctual.every(30.0, partial(restore.reconcile, services), name="reconciler of restores", first_after_s=5.0)
        punctual.every(60.0, partial(exports.forget_expired, services), name="expired exports", first_after_s=20.0)
        punctual.every(300.0, partial(tokens.forget_expired, services), name="expired tokens", first_after_s=60.0)
        punctual.every(60.0, partial(troubles.look_for_late, services), name="late backups", first_after_s=45.0)
        punctual.every(86_400.0, partial(troubles.forget_old, services), name="old troubles", first_after_s=120.0)
        if services.settings.smtp_host:
            self._mailing.every(5.0, partial(alerts.send_alerts, services, alerts.Mailed()), name="alerts")
        punctual.every(3_600.0, partial(forget_unused, services), name="unused limits", first_after_s=300.0)
        punctual.every(600.0, partial(rehearsal.drop_old, services), name="kept comparisons", first_after_s=30.0)
        self._talking.every(2.0, partial(webhooks.deliver_due, services), name="webhooks")
        self._talking.every(86_400.0, partial(webhooks.forget_old, services), name="old deliveries", first_after_s=90.0)
        minutes = services.settings.replicate_minutes
        if services.replicas and minutes:
            copy = partial(replicate.replicate_regularly, services)
            self._in_turn(self._copying, 60.0 * minutes, copy, name="replicas", first_after_s=30.0)
        if services.settings.verify_days or (services.replicas and services.settings.verify_replica_days):
            prove = partial(verify_regularly, services)
            self._proving.every(3_600.0, prove, name="verify", first_after_s=300.0)
        if not services.settings.append_only:
            punctual.every(60.0, self._resume_erasures, name="pending erasures", first_after_s=30.0)
            orphans = partial(exports.delete_orphans, services)
            self._in_turn(self._pruning, 86_400.0, orphans, name="lost archives", first_after_s=600.0)
            if services.settings.prune_hours:
                hours = services.settings.prune_hours
                self._in_turn(self._pruning, hours * 3600.0, self._prune, name="prune", first_after_s=900.0)
        if object_locks.wants_locks(services):
            locks = partial(object_locks.extend_locks, services)
            self._in_turn(self._pruning, 86_400.0, locks, name="object locks", first_after_s=300.0)
        for ticker in self._short + self._long:
            ticker.start()

    def stop(self) -> None:
        for ticker in self._short:
            ticker.stop()

    def finish(self) -> None:
        """After the engine has stopped, which whatever takes long has seen."""
        for ticker in self._long:
            ticker.stop()

    def _in_turn(
        self, ticker: Ticker, pause_s: float, duty: Callable[[], object], *, name: str, first_after_s: float
    ) -> None:
        """What all workers together do once in `pause_s`. Asked for more often: whose turn it was may have died."""

        def call() -> None:
            with suppress(Interrupted):
                in_turn(self._services, name, timedelta(seconds=pause_s), duty)

        ticker.every(min(pause_s, _LOOK_S), call, name=name, first_after_s=first_after_s)

    def _resume_erasures(self) -> None:
        with unless_busy():
            erase.resume(self._services)

    def _prune(self) -> None:
        acting.act_as(acting.SCHEDULE)
        prune_by_policies(self._services)

    def _queue_due(self) -> int:
        acting.act_as(acting.SCHEDULE)
        return schedule.queue_due(self._services)


def prune_by_policies(services: Services) -> PruneReport:
    """Prune every instance that a policy holds for; the others keep everything."""
    with services.database.read() as connection:
        every = instances.every(connection)
    chosen = [one for one in every if retention.rules_of(services, one.id)[1] != retention.RetentionRules()]
    report = prune.prune(services, prune.plan(services, chosen), actor=acting.actor())
    forgotten = sum(one.forgotten for one in report.instances)
    if forgotten or report.freed_bytes:
        _log.info("prune forgot %d backups and gave %d bytes back", forgotten, report.freed_bytes)
    for one in report.instances:
        for text in one.damaged:
            _log.error("prune of instance %d: %s", one.instance_id, text)
    for text in report.problems:
        _log.error("prune: %s", text)
    return report
