"""The current time. Every other module takes its times from here: aware, UTC, whole microseconds."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = ["format_time", "now", "parse_mail_date", "parse_time", "timedelta"]


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def format_time(moment: datetime) -> str:
    """ISO 8601 in UTC with a trailing Z, microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Read ISO 8601; a time without a zone counts as UTC. Raises ValueError for anything else."""
    return _in_utc(datetime.fromisoformat(text))


def parse_mail_date(text: str) -> datetime:
    """Read a date as mails and HTTP headers have it; one without a zone counts as UTC. Raises ValueError for anything
    else."""
    try:
        return _in_utc(parsedate_to_datetime(text))
    except OverflowError as error:  # a year of twenty digits
        raise ValueError(str(error)) from error


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:  # before the year 1, or after 9999
        raise ValueError(str(error)) from error
