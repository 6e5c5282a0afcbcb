"""A definition tried against its source: what is found, what is suspicious, and that a good one is not."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from holdfast.definitions.loading import load
from holdfast.operations.trial import Trial, try_definition
from holdfast.sources.policy import NetworkPolicy
from tests.support.documents import CHILDREN, DELTA_ITEMS, ITEMS, PARENTS, STABLE_ITEMS, document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record, make_records
from tests.support.ledger import COUNTED, DELETIONS, DETAIL, FEED, SWEPT, Ledger
from tests.support.scripted_source import Asked, ScriptedSource
from tests.support.scripted_source import document as scripted


@pytest.fixture
def source() -> Iterator[HostileSource]:
    with in_thread(HostileSource({"items": make_records(35), "parents": []}, page_size=10)) as served:
        yield served


def tried(text: str, variables: dict[str, str] | None = None, **more: Any) -> Trial:
    return asyncio.run(try_definition(load(text), variables or {}, NetworkPolicy(allow_private=True), **more))


def doubts(trial: Trial, endpoint: str = "items") -> list[str]:
    return [text for one in trial.endpoints if one.name == endpoint for text in one.suspicions]


def test_a_good_definition_raises_no_doubt_and_is_forecast(source: HostileSource) -> None:
    for parent in range(20):
        source.put("parents", {"id": parent})
        source.put(f"parents/{parent}/children", make_record(1))
    trial = tried(document(source.url, DELTA_ITEMS, PARENTS, CHILDREN))
    assert trial.is_good and trial.forecast is not None
    assert [(one.name, doubts(trial, one.name)) for one in trial.endpoints] == [
        ("items", []), ("parents", []), ("children", []),
    ]  # fmt: skip
    items, _, children = (one.sample for one in trial.endpoints)
    assert (len(items.pages), len(items.records), items.records[0].id, children.lists) == (3, 30, "1", 20)
    assert items.records[0].cursor == "2026-01-01T00:00:01Z"
    assert trial.forecast.endpoints["children"].first == 20
    assert trial.requests == sum(source.requests.values()) < 12


def test_a_page_size_that_is_cut_null_cursors_and_a_blob_that_is_gone(source: HostileSource) -> None:
    source.put("items", make_record(1, updated_at=None, file=f"{source.url}/blob/no"))
    text = DELTA_ITEMS + 'query: {per_page: 500}\nblob: {url: "{{ record.file }}", version: file}\n'
    cut, null, gone = sorted(doubts(tried(document(source.url, text))), key=lambda one: "per_page" not in one)
    assert "`per_page: 500` is not what comes" in cut and "write 10" in cut
    assert {"blob of 1 cannot be had" in one or "is null or not there in 1 of 30" in one for one in (null, gone)} == {
        True
    }


def test_ids_listed_twice_a_quota_without_a_name_and_a_limit(source: HostileSource) -> None:
    source.switches.headers = {"X-Api-Calls-Left": "17", "X-RateLimit-Limit": "60"}
    same = source.collections["items"]
    source.collections["items"] = {**same, "again": same["3"]}
    found = doubts(tried(document(source.url, ITEMS), pages=10))
    assert any("the id 3 was listed twice" in one for one in found)
    assert any("`X-Api-Calls-Left: 17`" in one and "limits.quota" in one for one in found)
    assert any("X-RateLimit-Limit: 60" in one and "`limits.requests`" in one for one in found)


def test_a_list_that_may_go_on(source: HostileSource) -> None:
    bare = STABLE_ITEMS.replace("paging: {type: cursor, body: next_cursor, query: cursor}", "")
    [doubt] = doubts(tried(document(source.url, bare)))
    assert "the body has next_cursor: does another page follow?" in doubt


def test_a_check_that_anybody_passes_proves_nothing(source: HostileSource) -> None:
    text = document(source.url, STABLE_ITEMS)
    text = text.replace("  limits:", '  auth: {type: bearer, token: "{{ token }}"}\n  limits:')
    assert "succeeds without the credential too" in tried(text, {"token": "t0ken"}).suspicions[0]
    source.switches.token = "t0ken"
    [doubt] = tried(text, {"token": "t0ken"}).suspicions
    assert "there is no `connection.check`" in doubt


def test_what_cannot_be_read_is_named_with_what_was_asked_and_the_rest_goes_on(source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    trial = tried(document(source.url, STABLE_ITEMS.replace("/cursor/items", "/cursor/nothing"), PARENTS, CHILDREN))
    items, parents, children = (one.sample for one in trial.endpoints)
    assert items.failure is not None and f"[GET {source.url}/cursor/nothing]" in items.failure
    assert parents.failure is None and len(parents.records) == 1
    assert children.failure is not None and trial.forecast is None and not trial.is_good


def test_a_refused_credential_ends_it(source: HostileSource) -> None:
    source.switches.token = "other"
    text = document(source.url, STABLE_ITEMS)
    text = text.replace("  limits:", '  auth: {type: bearer, token: "{{ token }}"}\n  limits:')
    trial = tried(text, {"token": "a-secret-token"})
    assert trial.failure is not None and "401" in trial.failure and "a-secret-token" not in trial.failure
    assert not trial.is_good and trial.forecast is None


@pytest.mark.parametrize("way", [DETAIL, FEED, SWEPT, DELETIONS, COUNTED + "  count: {path: /count, select: total}\n"])
def test_every_way_of_reading_is_tried(way: str) -> None:
    with in_thread(ScriptedSource(Ledger(35))) as api:
        trial = tried(scripted(api, endpoints=way))
        assert trial.is_good and doubts(trial) == [], doubts(trial)
        asked = {path.split("/")[1] for path in api.paths}
    wanted = {
        DETAIL: {"list", "whole"},
        FEED: {"list", "whole", "feed"},
        SWEPT: {"all", "ids"},
        DELETIONS: {"all", "deleted"},
    }
    assert asked == wanted.get(way, {"all", "count"})


def test_stubs_without_a_detail_are_noticed() -> None:
    ledger = Ledger(5)
    ledger.overrides["/whole/1"] = lambda asked: {**ledger.whole(1), "notes": "x", "files": []}
    with in_thread(ScriptedSource(ledger)) as api:
        text = DETAIL.replace("detail:", "record:").replace(", version: [rev]", "")
        [doubt] = doubts(tried(scripted(api, endpoints=text)))
    assert "body, files, notes" in doubt and "say `detail`" in doubt


def test_a_blob_and_its_size_are_found(source: HostileSource) -> None:
    source.blobs["one"] = StoredBlob(b"x" * 5_000, "image/png", '"1"')
    source.put("items", make_record(1, file=f"{source.url}/blob/one?signature=s3cret"))
    trial = tried(document(source.url, STABLE_ITEMS + 'blob: {url: "{{ record.file }}", recheck: 30d}\n'))
    sample = trial.endpoints[0].sample
    assert sample.blob is not None and (sample.blob.bytes_read, sample.blob.version) == (5_000, '"1"')
    assert sample.records[0].blob == f"{source.url}/blob/one"


def test_an_endpoint_alone_takes_its_parents_along(source: HostileSource) -> None:
    source.put("parents", {"id": 1})
    source.put("parents/1/children", make_record(1))
    trial = tried(document(source.url, STABLE_ITEMS, PARENTS, CHILDREN), only=["children"])
    assert [one.name for one in trial.endpoints] == ["parents", "children"]


def test_a_throttling_source_is_noticed(source: HostileSource) -> None:
    async def throttle(request: web.Request, number: int) -> web.StreamResponse | None:
        return web.Response(status=429, headers={"Retry-After": "0"}) if len(source.log) == 2 else None

    source.switches.hook = throttle
    assert any("throttled (429)" in one for one in doubts(tried(document(source.url, STABLE_ITEMS))))


def test_a_link_that_nobody_follows_is_noticed() -> None:
    def script(asked: Asked) -> Any:
        return web.json_response([{"id": 1}], headers={"Link": f'<{asked.path}?page=2>; rel="next"'})

    with in_thread(ScriptedSource(script)) as api:
        [doubt] = doubts(tried(scripted(api, endpoints="- {name: items, path: /items, id: id}")))
    assert "`paging: link_header`" in doubt


def test_every_blob_of_the_records_shown_is_asked_for(source: HostileSource) -> None:
    source.blobs["one"] = StoredBlob(b"x" * 5_000, "image/png", '"1"')
    for number in (1, 2, 3):
        source.put("items", make_record(number, file=f"{source.url}/blob/{'one' if number == 1 else 'none'}"))
    found = doubts(tried(document(source.url, STABLE_ITEMS + 'blob: {url: "{{ record.file }}", recheck: 30d}\n')))
    assert [text.partition(":")[0] for text in found] == [
        "the blob of 2 cannot be had", "the blob of 3 cannot be had",
    ]  # fmt: skip


def test_selectors_that_find_nothing_are_noticed() -> None:
    endpoint = """
- name: items
  path: /items
  id: id
  volatile: [author.seen, tags.age]
  blob: {url: "/files/{{ record.id }}", version: [revison], size: byts}
  restore:
    find: {by: [nmae]}
    order: [positon, id]
    create: {path: /items, fields: {title: titel, note: note}}
    update: {path: "/items/{{ record.id }}", fields: {title: titel, done: don, note: note, tags: "tags[].nam"}}
"""

    def script(asked: Asked) -> Any:
        records = [{"id": n, "author": {"seen": None}, "tags": [{"ages": 1}], "note": None} for n in (1, 2)]
        return records if asked.path == "/items" else web.Response(body=b"file")

    with in_thread(ScriptedSource(script)) as api:
        found = doubts(tried(scripted(api, endpoints=endpoint)))
    assert [text.partition("` finds nothing in any of the 2 records")[0] for text in found] == [
        "`volatile: tags.age", "`blob.version: revison", "`blob.size: byts", "`restore.find: nmae",
        "`restore.order: positon", "`restore.create.fields.title: titel", "`restore.update.fields.done: don",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["total", "total_pages"])
def test_a_total_that_is_not_there_is_told_instead_of_a_page_size(key: str) -> None:
    paging = {"total": "type: offset, query: offset", "total_pages": "type: page, query: page"}[key]
    endpoint = f"""
- name: items
  path: /items
  records: items
  id: id
  query: {{per_page: 100}}
  paging: {{{paging}, {key}: meta.nothing}}
"""
    script = lambda asked: {"items": [{"id": 1}, {"id": 2}] if asked.query.get(asked_by) in first else []}  # noqa: E731
    asked_by, first = ("offset", (None, "0")) if key == "total" else ("page", ("1",))
    with in_thread(ScriptedSource(script)) as api:
        trial = tried(scripted(api, endpoints=endpoint))
    found = doubts(trial)
    assert any(f"`paging.{key}: meta.nothing` finds nothing in the answers" in text for text in found), trial
    assert not any("write 2" in text for text in found)


def test_a_paging_parameter_that_the_source_ignores_is_told() -> None:
    endpoint = "- {name: items, path: /items, id: id, paging: {type: page, query: pgae}}"
    with in_thread(ScriptedSource(lambda asked: [{"id": 1}, {"id": 2}])) as api:
        [one] = tried(scripted(api, endpoints=endpoint)).endpoints
    assert one.sample.failure is not None and "`pgae`" in one.sample.failure, one.sample.failure
