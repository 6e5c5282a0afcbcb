"""What the demo keeps in Kinto: a small help desk, the same on every machine, and a day's changes to it."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.kinto_client import KintoClient

BUCKET = "helpdesk"
COLLECTIONS = ("tickets", "articles", "customers")

_SUBJECTS = (
    "Invoice shows the wrong address", "Cannot sign in after the move", "Export stops half way",
    "Wrong time zone in the weekly report", "Umlauts broken: Größe, naïve, 東京", "Printer label is cut off",
)  # fmt: skip
_NAMES = ("Ada", "Björn", "Chiara", "Dmitri", "Eszter", "Fatou", "Grace", "Haruki", "Ingrid", "José")
_WORDS = (
    "the customer writes that since Monday every report which was sent by mail opens empty while the same one shown in "
    "the browser is complete we could reproduce it with two accounts and found nothing in the log please look again"
)


@dataclass(frozen=True)
class Changes:
    """The ids of what `change` added, edited and deleted, all in one collection."""

    collection: str
    added: Sequence[str]
    edited: Sequence[str]
    deleted: Sequence[str]


def fill(
    client: KintoClient, *, records: int, attachments: int, bucket: str = BUCKET,
    collections: Sequence[str] = COLLECTIONS,
) -> int:  # fmt: skip
    """Spread `records` over the collections and attach files to the first of each. How many were written.

    Content depends on nothing but the numbers. Once more is harmless: what exists stays as it is.
    """
    client.make_collections(bucket, collections)
    written = 0
    for index, collection in enumerate(collections):
        numbers = range(index, records, len(collections))
        wanted = range(index, attachments, len(collections))
        content = {_key(number): record(collection, number) for number in numbers}
        new = client.add(bucket, collection, content)
        written += new
        present = client.records(bucket, collection) if new < len(content) else {}
        for number in wanted:
            if "attachment" not in present.get(_key(number), {}):
                name = f"scan-{number:04}.bin"
                client.attach(bucket, collection, _key(number), name, attachment(number), "application/octet-stream")
    return written


def change(client: KintoClient, *, bucket: str = BUCKET, collection: str = COLLECTIONS[0]) -> Changes:
    """A day at the help desk: of one filled collection edit five records, delete three, add four, replace one file."""
    held = client.records(bucket, collection)
    with_file = sorted(key for key in held if "attachment" in held[key])
    keys = sorted(held.keys() - set(with_file))
    edited, deleted = keys[10:15], keys[20:23]
    for key in edited:
        client.edit(bucket, collection, key, {"status": "solved", "answer": "Fixed in the release of today."})
    for key in deleted:
        client.delete(bucket, collection, key)
    added = [f"new-{number}" for number in range(1, 5)]
    client.add(bucket, collection, {key: record(collection, 1_000_000 + i) for i, key in enumerate(added)})
    for key in with_file[:1]:
        client.attach(bucket, collection, key, "corrected.bin", attachment(1_000_000), "application/octet-stream")
    return Changes(collection, added, [*edited, *with_file[:1]], deleted)


def record(collection: str, number: int) -> Mapping[str, Any]:
    """A record's content: about half a kilobyte, with text beyond ASCII, numbers, nulls and nesting."""
    chance = random.Random(f"{collection}/{number}")
    return {
        "number": number,
        "subject": f"{chance.choice(_SUBJECTS)} ({number})",
        "text": " ".join(chance.choices(_WORDS.split(), k=60)),
        "status": chance.choice(("open", "waiting", "solved")),
        "assignee": chance.choice((*_NAMES, None)),
        "hours": round(chance.uniform(0, 9), 2),
        "tags": chance.sample(("billing", "mail", "urgent", "print", "login"), k=2),
        "contact": {"name": chance.choice(_NAMES), "vip": chance.random() < 0.1},
    }


def attachment(number: int) -> bytes:
    """A file's content: 20 to 60 KB that no compression makes smaller."""
    return random.Random(hashlib.sha256(b"%d" % number).digest()).randbytes(20_000 + number % 5 * 10_000)


def _key(number: int) -> str:
    return f"r{number:06}"
