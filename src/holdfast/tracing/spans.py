"""What runs, as spans, and the ids of what it is about, which log lines carry too. Spans go where OpenTelemetry's own
environment names a receiver (`otlp`); without one, a span costs a look at a global. What deserves one is said where it
happens: a request, a batch or a blob, never a single record.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from holdfast.tracing.otlp import Exporter

Value = str | int | float | bool
_ids: ContextVar[Mapping[str, Value]] = ContextVar("ids", default=MappingProxyType({}))
_exporter: "Exporter | None" = None


class Span:
    """What is told of a piece of work while it goes on. This one is told to nobody."""

    __slots__ = ()

    def set(self, **attributes: Value) -> None:
        """Say more about it."""

    def failed(self, why: str) -> None:
        """It did not raise, but is no success: `why` is a code."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


_UNTOLD = Span()


def is_wanted() -> bool:
    """Whether this process's environment, in OpenTelemetry's standard variables, names a receiver of traces."""
    given = os.environ.get
    return (
        bool(given("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or given("OTEL_EXPORTER_OTLP_ENDPOINT"))
        and given("OTEL_SDK_DISABLED", "").lower() != "true"
        and "otlp" in given("OTEL_TRACES_EXPORTER", "otlp").lower()
    )


@contextmanager
def exported() -> Iterator[None]:
    """Where it is wanted, spans are sent until the end of the block, and what is left of them then."""
    global _exporter  # noqa: PLW0603 - one process has one receiver, like its log
    if _exporter is not None or not is_wanted():
        yield
        return
    # Half a second of imports, for those who want it.
    from holdfast.tracing.otlp import Exporter

    _exporter = exporter = Exporter()
    try:
        yield
    finally:
        _exporter = None
        exporter.close()


@contextmanager
def about(**ids: Value) -> Iterator[None]:
    """Every span and every log line within has these ids, too."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


@contextmanager
def run(kind: str, **ids: int) -> Iterator[Span]:
    """One run, whose spans are one trace however many workers it goes through. The first id is the run's own.

    Every span and every log line within has the ids.
    """
    name, number = next(iter(ids.items()))
    with (
        about(**ids),
        _UNTOLD if _exporter is None else _exporter.root(kind, f"{name}-{number}", _ids.get()) as span,
    ):
        yield span


def span(name: str, /, *, current: bool = True, **attributes: Value) -> AbstractContextManager[Span]:
    """A piece of work, within the one around it. One that is not `current` has none within itself, and may end in
    another context than it began in."""
    if _exporter is None:
        return _UNTOLD
    return _exporter.span(name, {**_ids.get(), **attributes}, current=current)


def current() -> Span:
    """The span around this call."""
    return _UNTOLD if _exporter is None else _exporter.current()


def taken_along() -> Callable[[], None]:
    """For a thread that works for the caller: called there first, it takes the caller's ids and span along."""
    context = copy_context()

    def take() -> None:
        for variable, value in context.items():
            variable.set(value)

    return take


def log_fields() -> dict[str, Value]:
    """The ids of what is under way here, and where to find it among the traces."""
    fields = dict(_ids.get())
    return fields if _exporter is None else {**fields, **_exporter.where()}
