"""Numbers as conditions compare them: by their exact value, however they are spelt."""

import re
from decimal import Decimal

_SPELLED = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,6})?")
_LARGEST_EXPONENT = 400
"""Numbers beyond are compared as they are spelt."""


def as_number(text: str | None) -> Decimal | None:
    """The number that a text spells; None where it spells none, or one that is out of all proportion."""
    if text is None or not _SPELLED.fullmatch(text):
        return None
    found = Decimal(text)
    return found if abs(found.adjusted()) <= _LARGEST_EXPONENT else None
