"""Synthetic records shaped like an issue tracker's: 1 KB of JSON each, the same on every machine, fast to make.

A record is its id in front of one of POOL prepared tails, so that a million records cost the memory of a hundred
thousand. A tail comes again only after 100 MB: no frame and no window of a compressor sees it twice.
"""

import json
import random
from collections.abc import Sequence

POOL = 100_000
FIRST_ID = 1_000_000_000
CHANGED_ONE_IN = 100
"""Each day one record in so many gets other content."""
_NEXT_TAIL = 7_919
"""What a record turns into is far away in the source: no compressor sees both at once."""
_WORDS = 20_000
_STATES = ("open", "open", "closed")
_LETTERS, _LETTER_WEIGHTS = (
    "etaoinshrdlucmwfgypbvk",
    (12, 9, 8, 8, 7, 7, 6, 6, 6, 4, 4, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1),
)


def make_tails(count: int = POOL) -> list[bytes]:
    """Everything of a record but its id, `count` times different."""
    chance = random.Random(20_261_124)
    words = [
        "".join(chance.choices(_LETTERS, _LETTER_WEIGHTS, k=2 + i.bit_length() // 4 + i % 6)) for i in range(_WORDS)
    ]
    weights = [1 / (rank + 30) for rank in range(_WORDS)]
    logins = [f"{chance.choice(words)}{chance.randrange(1000)}" for _ in range(500)]
    text = chance.choices(words, weights, k=1_000_000)
    return [_tail(chance, text, logins) for _ in range(count)]


def page(tails: Sequence[bytes], first: int, count: int, *, day: int) -> bytes:
    """The JSON array of the records numbered `first` to `first + count`, exclusive, as they are on a day from 0 on."""
    return b"[%b]" % b",".join(of_day(tails, first, count, day))


def of_day(tails: Sequence[bytes], first: int, count: int, day: int) -> list[bytes]:
    """The same records one by one. Spread over all of them, each changes once in a hundred days."""
    pool = len(tails)
    records = [b'{"id":%d,%b' % (FIRST_ID + number, tails[number % pool]) for number in range(first, first + count)]
    for past in range(1, min(day, CHANGED_ONE_IN) + 1):
        # 63 is the inverse of 27: on this day the records change of which number * 27 leaves 1 less than the day.
        for number in range(first + ((past - 1) * 63 - first) % CHANGED_ONE_IN, first + count, CHANGED_ONE_IN):
            times = 1 + (day - past) // CHANGED_ONE_IN
            records[number - first] = b'{"id":%d,%b' % (FIRST_ID + number, tails[(number + times * _NEXT_TAIL) % pool])
    return records


def _tail(chance: random.Random, text: Sequence[str], logins: Sequence[str]) -> bytes:
    def words(count: int) -> str:
        start = chance.randrange(len(text) - count)
        return " ".join(text[start : start + count])

    def moment(months: int) -> str:
        month, day = chance.randint(1, months), chance.randint(1, 28)
        return f"{month:02}-{day:02}T10:{chance.randrange(60):02}:00Z"

    user, number = chance.choice(logins), chance.randrange(1_000_000)
    record = {
        "number": number,
        "node_id": f"I_{chance.getrandbits(64):016x}",
        "url": f"https://issues.example/repos/example/project/issues/{number}",
        "title": words(7),
        "user": {"login": user, "id": chance.randrange(10_000_000), "type": "User", "site_admin": False},
        "labels": [{"name": chance.choice(("bug", "docs", "question", "ui")), "color": "d73a4a", "default": True}],
        "state": chance.choice(_STATES),
        "locked": False,
        "assignee": None,
        "milestone": None,
        "comments": chance.randrange(40),
        "created_at": f"2025-{moment(12)}",
        "updated_at": f"2026-{moment(10)}",
        "closed_at": None,
        "author_association": "CONTRIBUTOR",
        "body": words(60),
        "reactions": {"total_count": chance.randrange(9), "+1": chance.randrange(9), "-1": 0, "laugh": 0, "heart": 0},
    }
    return json.dumps(record, separators=(",", ":"))[1:].encode()
