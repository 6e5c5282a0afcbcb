"""What looks suspicious about a sampled endpoint, in sentences that say what to do. Pure."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.definitions.document import Definition, Endpoint, Limits, Paging
from holdfast.definitions.selectors import selector
from holdfast.operations.trial.findings import EndpointSample, Seen
from holdfast.sources.links import next_link

_SIZE_PARAMETERS = re.compile(
    r"(?:per_?page|page_?size|limit|count|size|first|top|max_?results|max|rows|page\[size\]|_limit)", re.IGNORECASE
)
_ROUND = frozenset({10, 15, 20, 24, 25, 30, 40, 50, 60, 100, 200, 250, 500, 1000})
_NEXT_KEYS = re.compile(r"next|has_?more|cursor|page_?token|continuation|total_?pages|after|last_?key", re.IGNORECASE)
_QUOTA_HEADERS = re.compile(r"(?:rate|quota|throttle|limit|credit).*(?:remain|left)|(?:remain|left).*", re.IGNORECASE)
_UNDERSTOOD = ("x-ratelimit-", "ratelimit-", "x-rate-limit-")
_FUTURE = timedelta(days=1)
_MANY_SECONDS = 10.0


def suspicions(definition: Definition, sample: EndpointSample) -> list[str]:
    """Everything that looks wrong, the worst first; each a sentence of its own."""
    found = [*sample.notes]
    found += _ids(sample)
    found += _paging(sample)
    found += _cursors(sample)
    found += _selectors(sample)
    found += _deletions(sample.endpoint, sample)
    found += _stubs(sample)
    found += _limits(definition.connection.limits, sample.answers)
    if sample.seconds_per_page is not None and sample.seconds_per_page > _MANY_SECONDS:
        found.append(f"a page takes {sample.seconds_per_page:.0f} s: ask for fewer records a page, or raise `timeout`")
    return list(dict.fromkeys(found))


def _ids(sample: EndpointSample) -> Iterator[str]:
    keys = Counter((one.parent, one.id) for one in sample.records)
    twice = [record_id for (_, record_id), count in keys.items() if count > 1]
    if twice:
        yield (
            f"the id {twice[0]} was listed twice ({len(twice)} ids were): either records move between pages while they "
            "are listed, or `id` is not what identifies a record"
        )
    if sample.endpoint.global_id:
        parents: dict[str, set[str]] = {}
        for one in sample.records:
            parents.setdefault(one.id, set()).add(one.parent)
        shared = [record_id for record_id, of in parents.items() if len(of) > 1]
        if shared:
            yield f"the id {shared[0]} is listed under several parents, although `global_id` says it is one record"


def _paging(sample: EndpointSample) -> Iterator[str]:
    endpoint, paging = sample.endpoint, sample.endpoint.paging
    wanted = [
        (name, int(text))
        for name, text in endpoint.query.items()
        if _SIZE_PARAMETERS.fullmatch(name) and text.isascii() and text.isdigit() and int(text) > 1
    ]
    lost = [(key, text) for key, text in _told_by(paging) if _finds_nothing(text, sample.answers)]
    for key, text in lost:
        yield f"`paging.{key}: {text}` finds nothing in the answers: where does the source say how much there is?"
    for name, size in wanted if not lost else ():
        cut = [page.records for page in sample.pages if page.goes_on and page.records < size]
        over = [page.records for page in sample.pages if page.records > size]
        if cut:
            yield (
                f"`{name}: {size}` is not what comes: a page that is followed by another one has {max(cut)} records; "
                f"the source cuts it silently, so write {max(cut)}"
            )
        elif over:
            yield f"`{name}: {size}` is ignored: a page has {max(over)} records"
    last_pages = [page for page in sample.pages if not page.goes_on]
    for page, answer in zip(sample.pages, sample.answers, strict=False):
        if page.goes_on or not page.records:
            continue
        if paging.type != "link_header" and next_link([answer.headers.get("Link", "")]):
            yield "the listing ends, but the answer has a `Link` header to a next page: `paging: link_header`"
        elif paging.type == "none":
            named = sorted(name for name in _beside(answer.body, endpoint.records) if _NEXT_KEYS.search(name))
            if named:
                yield f"it has no `paging`, but the body has {', '.join(named)}: does another page follow?"
            elif page.records in _ROUND or any(page.records == size for _, size in wanted):
                yield f"it has no `paging`, and just {page.records} records came: is that one page of several?"
        break
    if sample.counted is not None and last_pages and sample.lists_read == 1:
        listed = len({one.id for one in sample.records})
        if listed != sample.counted:
            counted = f"{sample.counted} ({sample.counted_by})"
            yield f"{listed} records were listed to the end, but the source counts {counted}"
    if sample.pages and not sample.records:
        yield "no record was listed: does the account have none, or does the default list hide them (closed, archived)?"


def _told_by(paging: Paging) -> list[tuple[str, str]]:
    """The selectors by which a list says where it ends."""
    told = {"total_pages": paging.total_pages, "total": paging.total, "has_more": paging.has_more}
    return [(key, text) for key, text in told.items() if text]


def _finds_nothing(text: str, answers: Sequence[Seen]) -> bool:
    bodies = [one.body for one in answers if one.status < 300]
    for body in bodies:
        try:
            if selector(text).find(json.loads(body)) is not None:
                return False
        except ValueError:
            return False
    return bool(bodies)


def _cursors(sample: EndpointSample) -> Iterator[str]:
    incremental = sample.endpoint.incremental
    if incremental is None or not incremental.field or not sample.records:
        return
    without = sum(one.cursor is None for one in sample.records)
    if without:
        yield (
            f"`incremental.field: {incremental.field}` is null or not there in {without} of {len(sample.records)} "
            "records: a delta never shows those; name a second field, as in `updated_at || created_at`"
        )
    values = [one.cursor for one in sample.records if one.cursor is not None]
    if len(values) > 2 and len(set(values)) == 1:
        yield f"`{incremental.field}` is {values[0]} in every record: does it grow when a record changes?"
    now = datetime.now(UTC)
    ahead = [value for value in values if (moment := _moment(value)) is not None and moment > now + _FUTURE]
    if ahead:
        yield f"`{incremental.field}` is in the future in {len(ahead)} records ({max(ahead)}): is it a time of change?"


def _selectors(sample: EndpointSample) -> Iterator[str]:
    """Those that find nothing in any record: a typing error would otherwise show only when it is too late."""
    endpoint = sample.endpoint
    records = [one.fields for one in sample.records if not one.deleted]
    if endpoint.detail is not None:
        records = [] if sample.whole is None else [sample.whole]
    if not records:
        return
    named: list[tuple[str, str]] = [("volatile", text) for text in endpoint.volatile]
    if endpoint.blob is not None and sample.blobs_per_record:
        named += [("blob.version", text) for text in endpoint.blob.version]
        named += [("blob.size", endpoint.blob.size)] if endpoint.blob.size else []
    for key, text in [*named, *_of_restore(endpoint)]:
        # What is null in a record is missing for most, and a value like any other for these.
        path = text.split(".") if key == "volatile" else selector(text).path if key.startswith("restore.") else None
        finds = selector(text).find if path is None else (lambda one, at=path: _is_there(one, at))
        if all(finds(one) in (None, False) for one in records):
            seen = "the record" if len(records) == 1 else f"any of the {len(records)} records"
            yield f"`{key}: {text}` finds nothing in {seen} seen: is it written as the source writes it?"


def _of_restore(endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Where what is sent is not what `create` sends too, `update` has a name of its own for it."""
    restore = endpoint.restore
    if restore is None:
        return
    for text in restore.find.by if restore.find is not None else ():
        yield "restore.find", text
    yield from (("restore.order", text) for text in restore.order)
    told: set[str] = set()
    for kind, write in restore.writes().items():
        for name, text in (write.fields or {}).items():
            if text not in told:
                told.add(text)
                yield f"restore.{kind}.fields.{name}", text


def _is_there(value: object, path: Sequence[str]) -> bool:
    """Whether a dotted path leads somewhere, through lists too, as `volatile` reads it."""
    if isinstance(value, list):
        return any(_is_there(one, path) for one in value)
    if not path:
        return True
    return isinstance(value, Mapping) and path[0] in value and _is_there(value[path[0]], path[1:])


def _deletions(endpoint: Endpoint, sample: EndpointSample) -> Iterator[str]:
    if sample.swept is not None and not sample.sweep_goes_on and sample.swept == 0 and sample.records:
        yield "`sweep` lists no ids, although there are records: everything would count as deleted"
    tombstones = endpoint.tombstones
    if tombstones is not None and sample.records and all(one.deleted for one in sample.records):
        yield f"every record says that it is deleted, by `tombstones.field: {tombstones.field}`"


def _stubs(sample: EndpointSample) -> Iterator[str]:
    if sample.whole is None or sample.endpoint.detail is not None:
        return
    listed = next((one for one in sample.records if one.id == sample.whole_of), None)
    more = sorted(set(sample.whole) - set(listed.fields)) if listed is not None else []
    if len(more) >= 2:
        yield (
            "where a record has its own address (`record`) it has fields that the list does not show: "
            f"{', '.join(more[:8])}; if the list gives only stubs, say `detail`"
        )


def _limits(limits: Limits, answers: Sequence[Seen]) -> Iterator[str]:
    throttled = sum(one.status == 429 for one in answers)
    if throttled:
        yield f"{throttled} requests were throttled (429) even now: lower `limits`"
    undeclared: dict[str, str] = {}
    for answer in answers:
        for name, value in answer.headers.items():
            declared = limits.quota is not None and name.lower() == limits.quota.remaining.lower()
            if _QUOTA_HEADERS.search(name) and not declared and not name.lower().startswith(_UNDERSTOOD):
                undeclared.setdefault(name, value)
    for name, value in undeclared.items():
        yield f"the header `{name}: {value}` seems to tell what is left of a quota: say so in `limits.quota`"
    if limits.requests is None:
        for answer in answers:
            told = {name: value for name, value in answer.headers.items() if _tells_limit(name)}
            if told:
                shown = ", ".join(f"{name}: {value}" for name, value in told.items())
                yield f"the source has a limit ({shown}), and the definition has no `limits.requests`"
                return


def _tells_limit(name: str) -> bool:
    return name.lower() in {"x-ratelimit-limit", "ratelimit-limit", "x-rate-limit-limit", "ratelimit-policy"}


def _beside(body: bytes, records: str) -> Mapping[str, Any]:
    """The members of a body beside its list of records, those that say that nothing follows left out."""
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    first = records.partition(".")[0]
    beside = {name: value for name, value in content.items() if name != first}
    beside |= {
        f"{name}.{inner}": value
        for name, within in content.items()
        if isinstance(within, dict)
        for inner, value in within.items()
        if not isinstance(value, list | dict)
    }
    return {name: value for name, value in beside.items() if value not in (None, False, "", 0, 1)}


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
