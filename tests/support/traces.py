"""Receives OpenTelemetry's traces over HTTP and takes them apart, as whoever collects them would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from holdfast import tracing
from tests.support.receiver import Receiver


@dataclass(frozen=True)
class Told:
    """One span, as it was received."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    error: str | None
    resource: dict[str, Any]


@dataclass
class Traces:
    receiver: Receiver

    @property
    def endpoint(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT names."""
        return self.receiver.url.removesuffix("/hook")

    @property
    def raw(self) -> bytes:
        """Everything that was sent, headers too."""
        return b"".join(repr(one.headers).encode() + one.body for one in self.receiver.received)

    def spans(self) -> list[Told]:
        return [told for one in self.receiver.received for told in _taken_apart(one.path, one.body)]

    def named(self, name: str) -> list[Told]:
        return [one for one in self.spans() if one.name == name]


@contextmanager
def receiving() -> Iterator[Traces]:
    with Receiver(status=200) as receiver:
        yield Traces(receiver)


@contextmanager
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """Until the end of the block this process sends its spans; afterwards they are all there."""
    with receiving() as traces:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", traces.endpoint)
        with tracing.exported():
            yield traces


def _taken_apart(path: str, body: bytes) -> Iterator[Told]:
    assert path == "/v1/traces", path
    request = ExportTraceServiceRequest.FromString(body)
    for of_resource in request.resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Told(
                    span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                    _values(span.attributes), span.status.message if span.status.code == 2 else None, resource,
                )  # fmt: skip


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
