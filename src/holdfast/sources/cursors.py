"""Which of several values of an incremental field is the greatest: numbers as numbers, times as times, else as text."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from holdfast.clock import parse_mail_date, parse_time
from holdfast.errors import PageUnreadable, plain

__all__ = ["greatest"]

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_MAIL_DATE = re.compile(r"[A-Z][a-z]{2}, \d", re.ASCII)
_CALENDAR_DATE = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{2,4}", re.ASCII)


def greatest(values: Iterable[str]) -> str | None:
    """The greatest of these, in its own spelling; None where there are none.

    Raises PageUnreadable where they have no certain order: some numbers or times and others not, or 01/02/2026; and
    where one can be neither sent nor kept.
    """
    texts = list(values)
    if not texts:
        return None
    if plain(joined := "".join(texts)) != joined:
        raise PageUnreadable("a value of the incremental field has half a character or a control character")
    # Times and numbers of one length and notation order as text: no need to parse each of a million.
    if len(set(map(len, texts))) == 1 and (set(map(_last, texts)) == {"Z"} or joined.isdigit()):
        return max(texts)
    best = texts[0]
    best_kind, best_key = _key(best)
    for text in texts[1:]:
        kind, key = _key(text)
        if kind != best_kind:
            raise PageUnreadable(f"the values {best!r} and {text!r} of the incremental field have no order")
        if key > best_key:  # type: ignore[operator]  # values of one kind are of one type
            best, best_key = text, key
    return best


def _last(text: str) -> str:
    return text[-1]


def _key(text: str) -> tuple[str, Decimal | datetime | str]:
    if _NUMBER.fullmatch(text):
        try:
            return "number", Decimal(text)
        except InvalidOperation as error:  # an exponent of twenty digits
            raise PageUnreadable(f"the value {text!r} of the incremental field is beyond all numbers") from error
    if _CALENDAR_DATE.match(text):
        raise PageUnreadable(f"the value {text!r} of the incremental field has no certain order")
    try:
        return "time", parse_mail_date(text) if _MAIL_DATE.match(text) else parse_time(text)
    except ValueError:
        return "text", text
