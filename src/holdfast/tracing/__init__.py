"""What runs, told as OpenTelemetry's traces and in the ids of log lines."""

from holdfast.tracing.spans import Span, Value, about, current, exported, is_wanted, log_fields, run, span, taken_along

__all__ = ["Span", "Value", "about", "current", "exported", "is_wanted", "log_fields", "run", "span", "taken_along"]
