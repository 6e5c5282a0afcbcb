"""Spans as OpenTelemetry has them, sent by OTLP over HTTP in a thread of their own. Everything that its specification
lets the environment say (receiver, headers, sampling, batches) is read by its SDK. `spans`
imports this where it is wanted.
"""

import hashlib
import logging
import os
import platform
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode

from holdfast import __version__
from holdfast.errors import HoldfastError
from holdfast.tracing.spans import Span, Value

_SEMANTIC = {
    "method": "http.request.method",
    "status_code": "http.response.status_code",
    "host": "server.address",
}
"""What OpenTelemetry has names for; the others are `holdfast.` and ours."""
_CLOSE_S = 3.0
"""How long a receiver that does not answer may hold up the end of a process."""
_QUIET_S = 60.0
_TALKATIVE = ("opentelemetry.sdk._shared_internal", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
_log = logging.getLogger(__name__)
_trace_id: ContextVar[int | None] = ContextVar("trace_id", default=None)


class Exporter:
    """From its making to `close`. Thread-safe; what the receiver does not take in time is dropped, never waited for."""

    def __init__(self) -> None:
        if os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf") != "http/protobuf":
            _log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent as http/protobuf only")
        for name in _TALKATIVE:
            log = logging.getLogger(name)
            if not any(isinstance(one, _Seldom) for one in log.filters):
                log.addFilter(_Seldom())
        self._provider = TracerProvider(resource=_resource(), id_generator=_TraceIds(), shutdown_on_exit=False)
        self._sender = OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._sender))
        self._tracer = self._provider.get_tracer("holdfast", __version__)

    def root(self, kind: str, run: str, attributes: Mapping[str, Value]) -> Span:
        """The first span of a run's trace: the same trace each time that a worker takes the run up."""
        # A hash, since samplers look at a trace id's last bits.
        digest = hashlib.sha256(f"{kind} {run}".encode()).digest()
        token = _trace_id.set(int.from_bytes(digest[:16]) or 1)
        try:
            begun = self._tracer.start_span(kind, Context(), SpanKind.CONSUMER, _named(attributes))
        finally:
            _trace_id.reset(token)
        return _Told(begun, is_current=True)

    def span(self, name: str, attributes: Mapping[str, Value], *, current: bool) -> Span:
        kind = SpanKind.CLIENT if "host" in attributes else SpanKind.INTERNAL
        return _Told(self._tracer.start_span(name, None, kind, _named(attributes)), is_current=current)

    def current(self) -> Span:
        return _Told(trace.get_current_span(), is_current=False)

    def where(self) -> dict[str, Value]:
        """The current trace and span, as other programs write them."""
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(found.trace_id), "span_id": trace.format_span_id(found.span_id)}

    def close(self) -> None:
        """Send what is left, for as long as there is time."""
        # The SDK's own time-outs hold for each batch, not for all of them.
        sending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        sending.start()
        sending.join(_CLOSE_S)
        if sending.is_alive():
            _log.warning("the receiver of traces did not take the last ones in time")
            self._sender.shutdown()  # type: ignore[no-untyped-call]


class _Told(Span):
    __slots__ = ("_is_current", "_span", "_token")

    def __init__(self, span: trace.Span, *, is_current: bool) -> None:
        self._span = span
        self._is_current = is_current

    def set(self, **attributes: Value) -> None:
        self._span.set_attributes(_named(attributes))

    def failed(self, why: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, why))

    def __enter__(self) -> "_Told":
        if self._is_current:
            self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # No message: it may name a URL. The run's failures and the log have it.
        if isinstance(error, Exception):
            why = error.code if isinstance(error, HoldfastError) else type(error).__name__
            self._span.set_status(Status(StatusCode.ERROR, why))
        elif error is not None:  # the worker stops, or the run was canceled: nothing is wrong
            self._span.set_attribute("holdfast.ended_by", type(error).__name__)
        if self._is_current:
            context.detach(self._token)
        self._span.end()


class _Seldom(logging.Filter):
    """Lets the same complaint through once a minute: one that goes on is made several times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[int, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created - self._said.get(record.lineno, 0.0) < _QUIET_S:
            return False
        self._said[record.lineno] = record.created
        return True


class _TraceIds(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        return _trace_id.get() or super().generate_trace_id()


def _named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {_SEMANTIC.get(name) or f"holdfast.{name}": value for name, value in attributes.items()}


def _resource() -> Resource:
    """Who sends the spans; what the environment says of that goes before."""
    ours: dict[str, str | int] = {
        "service.version": __version__,
        "host.name": platform.node(),
        "process.pid": os.getpid(),
    }
    given = Resource.create()
    if str(given.attributes.get("service.name", "")).startswith("unknown_service"):
        given = given.merge(Resource({"service.name": "holdfast"}))
    return Resource(ours).merge(given)
