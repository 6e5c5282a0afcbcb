"""When two texts are the same but for upper and lower case: character by character, so that context never decides."""

from collections import defaultdict
from functools import lru_cache

_LAST_CASED = 0x1E943
"""No character behind this one has a lower case."""


def fold(text: str) -> str:
    """The text in lower case; a sigma is a sigma at the end of a word too."""
    return text.lower().replace("ς", "σ")


def forms(folded: str) -> frozenset[str]:
    """Every character whose folding contains this (folded) one, itself included: `k` is also a Kelvin sign's."""
    if folded.isascii():
        return _OF_ASCII.get(folded) or frozenset((folded, folded.upper()))
    return _others().get(folded, frozenset()) | {folded}


_OF_ASCII = {"k": frozenset("kK\N{KELVIN SIGN}"), "i": frozenset("iI\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}")}


@lru_cache(maxsize=1)
def _others() -> dict[str, frozenset[str]]:
    """Made on first use, in 30 ms: a search for plain ASCII does not need it."""
    found: dict[str, set[str]] = defaultdict(set)
    for code in range(0x80, _LAST_CASED + 1):
        character = chr(code)
        folded = fold(character)
        if folded != character:
            for one in folded:
                found[one].add(character)
    return {character: frozenset(sources) for character, sources in found.items()}
