"""What an email address looks like: enough to tell a slip of the pen, and nothing that could break a mail's header."""

import re

from holdfast.errors import InputError

_NAME = r"[^\s\x00-\x20\x7f@<>,;:\"\\()\[\]]+"
_LABEL = r"[^\s\x00-\x20\x7f@<>,;:\"\\()\[\].]+"
EMAIL_PATTERN = rf"{_NAME}@{_LABEL}(?:\.{_LABEL})*"
LONGEST_EMAIL = 254
"""RFC 5321 has room for no more."""


def check_email(address: str) -> None:
    """Raises InputError for what is no email address. Whether it exists only a mail can tell."""
    if len(address) > LONGEST_EMAIL or not re.fullmatch(EMAIL_PATTERN, address):
        raise InputError(
            f"{address[:100]!r} does not look like an email address", field="email", hint="Write name@domain.example."
        )
