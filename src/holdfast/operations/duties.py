"""What a worker does beside its jobs, again and again: the schedule, what waits to be sent, what has expired."""

from functools import partial

from holdfast.engine import Ticker
from holdfast.operations import acting, erase, exports, replicate, revisions, schedule, tokens, webhooks
from holdfast.operations.backup.request import reconcile
from holdfast.operations.services import Services


class Duties:
    """From `start` to `stop`. Any number of workers may have them at once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._punctual = Ticker("duties")
        self._talking = Ticker("webhooks")
        """Who talks to strangers may wait for them long: nothing else has to wait for that."""
        self._copying = Ticker("replicas")
        """A first copy takes as long as the vault is large."""

    def start(self) -> None:
        services, punctual = self._services, self._punctual
        punctual.every(2.0, self._queue_due, name="schedule")
        punctual.every(5.0, partial(revisions.flush, services), name="outbox")
        punctual.every(30.0, partial(reconcile, services), name="reconciler of backups", first_after_s=5.0)
        punctual.every(30.0, partial(exports.reconcile, services), name="reconciler of exports", first_after_s=5.0)
        punctual.every(60.0, partial(exports.forget_expired, services), name="expired exports", first_after_s=20.0)
        punctual.every(60.0, partial(erase.resume, services), name="pending erasures", first_after_s=30.0)
        punctual.every(300.0, partial(tokens.forget_expired, services), name="expired tokens", first_after_s=60.0)
        punctual.every(86_400.0, partial(exports.delete_orphans, services), name="lost archives", first_after_s=600.0)
        self._talking.every(2.0, partial(webhooks.deliver_due, services), name="webhooks")
        self._talking.every(86_400.0, partial(webhooks.forget_old, services), name="old deliveries", first_after_s=90.0)
        minutes = services.settings.replicate_minutes
        if services.replicas and minutes:
            copy = partial(replicate.replicate_regularly, services)
            self._copying.every(60.0 * minutes, copy, name="replicas", first_after_s=30.0)
        punctual.start()
        self._talking.start()
        self._copying.start()

    def stop(self) -> None:
        self._punctual.stop()
        self._talking.stop()
        self._copying.stop()

    def _queue_due(self) -> int:
        acting.act_as(acting.SCHEDULE)
        return schedule.queue_due(self._services)
