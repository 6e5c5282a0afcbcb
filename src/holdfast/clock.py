"""The current time. Every other module takes its times from here: aware, UTC, whole microseconds."""

from datetime import UTC, datetime, timedelta

__all__ = ["format_time", "now", "parse_time", "timedelta"]


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with a trailing Z, microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Read ISO 8601; a time without a zone counts as UTC. Raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
