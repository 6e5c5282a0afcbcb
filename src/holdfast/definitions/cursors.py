"""Stepping back from a cursor by an `overlap`, in the spelling that the source itself uses for its times."""

from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from holdfast.errors import DefinitionError

__all__ = ["earlier"]

_UNITS = {10: timedelta(seconds=1), 13: timedelta(milliseconds=1), 16: timedelta(microseconds=1)}
"""What a number since 1970 counts, by its digits: right from 2001 to 2286."""


def earlier(cursor: str, overlap: timedelta) -> str:
    """The cursor so much earlier, in its own spelling; a date goes back by whole days.

    Understands ISO 8601, the dates of mail and HTTP headers, and seconds, milliseconds or microseconds since 1970.
    Raises DefinitionError where the cursor is no time, since an overlap means nothing there.
    """
    if not overlap:
        return cursor
    try:
        if cursor.isascii() and cursor.isdigit() and len(cursor) in _UNITS:
            return str(int(cursor) - -(-overlap // _UNITS[len(cursor)]))
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
