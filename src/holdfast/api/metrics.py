"""Counts the requests of this process, and writes all figures in Prometheus' text format."""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.catalog.figures import Figures
from holdfast.catalog.fleet import Fleet

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_HELP = {
    "instance_good_backup_at_seconds": "When the last good backup ended (none: the instance was made); the 20 oldest.",
    "instances_scheduled": "Backup instances that have a schedule.",
    "instances_good_within": "Those with a schedule that had a good backup, or were made, within so many hours.",
    "instances_in_trouble": "Instances, by what is wrong with them now.",
    "deletions_held": "Records that last backups held back from being deleted, until somebody accepts it.",
    "backups_day": "Backups asked for within 24 hours, by what has come of them.",
    "backups_queued": "Backups that wait for a worker.",
    "backups_in_progress": "Backups under way.",
    "backups_queued_since_seconds": "Since when the backup that has waited longest does, since 1970; 0: none waits.",
    "exports_queued": "Exports that wait for a worker.",
    "exports_in_progress": "Exports under way.",
    "instances": "Backup instances.",
    "instances_overdue": "Instances whose time came a minute ago and more.",
    "revisions_waiting": "Changes that are not yet in the vault.",
    "deliveries_waiting": "Webhook deliveries still to be made.",
    "vault_errors": "What the newest check of the vault has found lost or damaged.",
    "vault_proved_at_seconds": "When the newest check of all data ended, since 1970; 0: never yet.",
    "replicas_complete_at_seconds": "When the replica that is behind most last had everything; 0: never, or none.",
}


class Metrics:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._times: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * (len(_BUCKETS_S) + 1))
        self._seconds: defaultdict[tuple[str, str], float] = defaultdict(float)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        with self._lock:
            self._requests[method, route, status] += 1
            self._times[method, route][bisect_left(_BUCKETS_S, seconds)] += 1
            self._seconds[method, route] += seconds

    def exposition(self, figures: Figures, fleet: Fleet) -> str:
        """Everything, as Prometheus reads it."""
        lines = _of_fleet(fleet)
        for name, value in asdict(figures).items():
            lines += _gauge(name, {"": value})
        with self._lock:
            lines += [
                "# HELP holdfast_http_requests_total Requests answered.",
                "# TYPE holdfast_http_requests_total counter",
            ]
            for (method, route, status), number in sorted(self._requests.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"holdfast_http_requests_total{{{labels}}} {number}")
            name = "holdfast_http_request_duration_seconds"
            lines += [f"# HELP {name} Until an answer began.", f"# TYPE {name} histogram"]
            for (method, route), counts in sorted(self._times.items()):
                labels = f'method="{method}",route="{route}"'
                below = 0
                for bound, number in zip((*_BUCKETS_S, "+Inf"), counts, strict=True):
                    below += number
                    lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {below}')
                lines.append(f"{name}_sum{{{labels}}} {self._seconds[method, route]:.6f}")
                lines.append(f"{name}_count{{{labels}}} {below}")
        return "\n".join(lines) + "\n"


def _of_fleet(fleet: Fleet) -> list[str]:
    # Not `instance`: that is what Prometheus calls the process it asked.
    oldest = {f'{{backup_instance="{one}"}}': int(moment.timestamp()) for one, moment in fleet.oldest}
    return [
        *_gauge("instance_good_backup_at_seconds", oldest),
        *_gauge("instances_scheduled", {"": fleet.scheduled}),
        *_gauge("instances_good_within", {f'{{hours="{hours}"}}': many for hours, many in fleet.within.items()}),
        *_gauge("instances_in_trouble", {f'{{kind="{kind}"}}': many for kind, many in fleet.in_trouble.items()}),
        *_gauge("deletions_held", {"": fleet.deletions_held}),
        *_gauge("backups_day", {f'{{status="{status}"}}': many for status, many in fleet.asked_for.items()}),
    ]


def _gauge(name: str, values: Mapping[str, int]) -> list[str]:
    """`values` by their labels, in braces."""
    return [
        f"# HELP holdfast_{name} {_HELP[name]}",
        f"# TYPE holdfast_{name} gauge",
        *(f"holdfast_{name}{labels} {value}" for labels, value in values.items()),
    ]


class Measured:
    """ASGI middleware that counts by route: what a client puts into a path makes no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def send_measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                name = route.path if isinstance(route, APIRoute) else "none"
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.observe(method, name, message["status"], time.perf_counter() - begun)
            await send(message)

        await self.app(scope, receive, send_measured)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE"})
