"""What a backup skipped because its definition says that it is never to be had: by endpoint and cause, in numbers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holdfast.catalog.counts import EndpointCounts
from holdfast.cli.output import Output, count
from holdfast.errors import Damaged, NotFound, ObjectMissing

if TYPE_CHECKING:
    from holdfast.catalog.runs import Run
    from holdfast.cli.session import Session

_STATUS = re.compile(r" \(the source answered \d+\)$")


@dataclass(frozen=True)
class Skipped:
    """So many lists, records or blobs of an endpoint, for one cause."""

    endpoint: str
    what: str | None
    """`list`, `record` or `blob`; None for those that the receipt no longer tells one by one."""
    cause: str | None
    count: int


def of_run(session: "Session", run: "Run", counted: Mapping[str, EndpointCounts]) -> list[Skipped]:
    """By endpoint, the most frequent cause first. How many there are say the counts, and why says the receipt."""
    if not any(one.skipped or one.absent for one in counted.values()):
        return []
    return summed(counted, _told(session, run))


def summed(counted: Mapping[str, EndpointCounts], told: Sequence[Mapping[str, Any]]) -> list[Skipped]:
    """`told` are the skips one by one, as a receipt has them: the first thousand."""
    found = Counter((str(skip["endpoint"]), *_what_and_why(skip)) for skip in told)
    skipped: list[Skipped] = []
    for endpoint, one in counted.items():
        of_it = [Skipped(*key, number) for key, number in found.most_common() if key[0] == endpoint]
        more = one.skipped + one.absent - sum(group.count for group in of_it)
        skipped += of_it
        if more > 0:
            skipped.append(Skipped(endpoint, None, None, more))
    return skipped


def tell(output: Output, skipped: Sequence[Skipped]) -> None:
    for one in skipped:
        if one.what is None:
            more = "more " if any(other.endpoint == one.endpoint and other.what for other in skipped) else ""
            text = f"{one.count:,} {more}skipped, for a cause that the definition declares"
        else:
            text = f"{count(one.count, one.what)} skipped: {one.cause}"
        output.say(f"{one.endpoint}: {text}", "yellow", indent=2)


def _told(session: "Session", run: "Run") -> Sequence[Mapping[str, Any]]:
    from holdfast.operations import receipts
    from holdfast.operations.browsing import State

    try:
        signed = receipts.read(session.services, State(run.instance_id, session.customer.id, run, is_newest=False))
    except (NotFound, ObjectMissing, Damaged):  # the numbers are told all the same
        return []
    told: Sequence[Mapping[str, Any]] = signed.receipt["skips"]
    return told


def _what_and_why(skip: Mapping[str, Any]) -> tuple[str, str]:
    """Messages begin with the request's name, which differs from record to record: the rest is the cause."""
    endpoint, record = re.escape(str(skip["endpoint"])), re.escape(str(skip["record_id"]))
    message = str(skip["message"])
    found = re.match(rf"endpoint {endpoint}(?: of .*?)?, (blob|record {record}|page \d+): ", message, re.DOTALL)
    cause = _STATUS.sub("", message[found.end() :] if found else message)
    if skip["record_id"] is None:
        return "list", cause
    return "blob" if found and found[1] == "blob" else "record", cause
