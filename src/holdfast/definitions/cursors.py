"""Cursors that are times: stepping back by an `overlap`, holding them at a moment, both in the source's spelling."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from holdfast.errors import DefinitionError

__all__ = ["earlier", "not_later"]

_UNITS = {10: timedelta(seconds=1), 13: timedelta(milliseconds=1), 16: timedelta(microseconds=1)}
"""What a number since 1970 counts, by its digits: right from 2001 to 2286."""
_FRACTIONAL = re.compile(r"[0-9]{10}\.[0-9]+", re.ASCII)
"""Seconds since 1970 with decimals, as Slack has them."""
_FAR = timedelta(days=366)
"""A number that would be a time so far ahead is rather no time: an id, a version."""


def earlier(cursor: str, overlap: timedelta) -> str:
    """The cursor so much earlier, in its own spelling; a date goes back by whole days.

    Understands ISO 8601, the dates of mail and HTTP headers, and seconds (with decimals too), milliseconds or
    microseconds since 1970.
    Raises DefinitionError where the cursor is no time, since an overlap means nothing there.
    """
    if not overlap:
        return cursor
    try:
        if cursor.isascii() and cursor.isdigit() and len(cursor) in _UNITS:
            return str(int(cursor) - -(-overlap // _UNITS[len(cursor)]))
        if _FRACTIONAL.fullmatch(cursor):
            seconds, _, fraction = cursor.partition(".")
            return f"{int(seconds) - -(-overlap // timedelta(seconds=1))}.{fraction}"
        if cursor[:1].isalpha():
            return format_datetime(parsedate_to_datetime(cursor) - overlap, usegmt=cursor.endswith("GMT"))
        return _iso(cursor, datetime.fromisoformat(cursor) - overlap)
    except (ValueError, OverflowError) as error:
        raise DefinitionError(
            f"the cursor {cursor!r} is no time to go back from by `overlap`",
            hint="Take `overlap` out of the definition, or choose a field that holds a time.",
        ) from error


def _iso(model: str, moment: datetime) -> str:
    """A time as ISO 8601 the way `model` is written: separator, digits of the second, zone."""
    if len(model) == 10:
        return moment.date().isoformat()
    fraction = model.partition(".")[2]
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    precision = "seconds" if not digits else "milliseconds" if digits <= 3 else "microseconds"
    text = moment.isoformat(sep=model[10], timespec=precision)
    return text.removesuffix("+00:00") + "Z" if model.endswith("Z") else text


def not_later(cursor: str, moment: datetime) -> str:
    """The cursor, or where it is a time later than `moment` (aware), that moment in the cursor's spelling.

    Never a moment later than that, cut off rather than rounded; a time without a zone counts as UTC. What is no time
    stands as it is.
    """
    try:
        if cursor.isascii() and cursor.isdigit():
            unit = _UNITS.get(len(cursor))
            limit = (moment - _EPOCH) // unit if unit else 0
            return str(limit) if unit and limit < int(cursor) <= limit + _FAR // unit else cursor
        if _FRACTIONAL.fullmatch(cursor):
            digits = len(cursor) - len("1700000000.")
            limit = (moment - _EPOCH) // timedelta(microseconds=1) * 10**digits // 10**6
            held = f"{limit // 10**digits}.{limit % 10**digits:0{digits}}"
            return held if held < cursor <= str(int(held[:10]) + _FAR // timedelta(seconds=1)) else cursor
        if cursor[:1].isalpha():
            said = parsedate_to_datetime(cursor)
            if _aware(said) <= moment:
                return cursor
            return format_datetime(moment.astimezone(said.tzinfo or UTC), usegmt=cursor.endswith("GMT"))
        said = datetime.fromisoformat(cursor)
        if len(cursor) == 10:
            return min(cursor, moment.astimezone(UTC).date().isoformat())
        if _aware(said) <= moment:
            return cursor
        local = moment.astimezone(said.tzinfo or UTC)
        return _iso(cursor, local if said.tzinfo else local.replace(tzinfo=None))
    except (ValueError, OverflowError):
        return cursor


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
