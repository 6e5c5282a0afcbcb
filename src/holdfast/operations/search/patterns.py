"""How a text may be spelt in a record's bytes: as UTF-8, or escaped in any of the ways that JSON allows.

Most characters may be escaped but hardly ever are. A pattern spells those out only plainly; `escaped` finds whatever
has one of them escaped, and only there somebody has to look closer.
"""

import re
from collections.abc import Iterable

from holdfast.operations.search.folding import forms

_SHORT = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_MUST_BE_ESCAPED = {'"', "\\"}


def is_plain(character: str) -> bool:
    """Whether it stands for itself in JSON, in one byte."""
    return " " <= character <= "~" and character not in _SHORT


def spelled(text: str, *, folded: bool) -> bytes:
    """A regular expression for the text. With `folded` it is for bytes in lower case and means any case of the text,
    which must itself be folded."""
    return b"".join(
        re.escape(one.encode()) if is_plain(one) else _alternatives(forms(one) if folded else (one,), folded)
        for one in text
    )


def escaped(texts: Iterable[str], *, folded: bool) -> list[bytes]:
    """Regular expressions, each beginning with fixed bytes, for whatever else a plain character of these texts may be
    spelt as."""
    plain = {one for text in texts for one in text if is_plain(one)}
    sources = {form for one in plain for form in (forms(one) if folded else (one,))}
    ascii_codes = sorted({f"{ord(form):02x}" for form in sources if form.isascii()})
    found = []
    if ascii_codes:
        flag = "" if folded else "(?i:"
        found.append(rf"\\u00{flag or '(?:'}{'|'.join(ascii_codes)})".encode())
    found += [_alternatives((form,), folded) for form in sorted(sources) if not form.isascii()]
    return found


def _alternatives(characters: Iterable[str], folded: bool) -> bytes:
    ways: list[bytes] = []
    for character in sorted(characters):
        if character >= " " and character not in _MUST_BE_ESCAPED:
            ways.append(re.escape(character.encode()))
        if character in _SHORT:
            ways.append(re.escape(f"\\{_SHORT[character]}".encode()))
        units = character.encode("utf-16-be").hex()
        spelling = "".join(rf"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
        ways.append((spelling if folded else f"(?i:{spelling})").encode())
    return b"(?:" + b"|".join(ways) + b")"
