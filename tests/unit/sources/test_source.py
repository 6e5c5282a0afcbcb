"""Listings, single records and checks against a real server: complete, or a failure that names what went wrong."""

import asyncio
import base64
import gzip
import itertools
import json
import traceback
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from holdfast.definitions.document import Auth, Blob, Check, Definition, Incremental, Paging, Tombstones
from holdfast.errors import (
    CredentialRefused,
    PageUnreadable,
    PositionExpired,
    SourceError,
    SourceFailed,
    SourceRefused,
    SourceThrottled,
    SourceUnreachable,
)
from holdfast.sources.page import ListingAbsent, Page, Parent, Position
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime
from tests.support.hostile_source import STYLES, HostileSource, StoredBlob, endpoint, make_records

_LOCAL = NetworkPolicy(allow_private=True)


def _open(
    api: HostileSource, definition: Definition | None = None, time: FakeTime | None = None, **more: Any
) -> Source:
    time = time or FakeTime()
    definition = definition or api.definition(endpoint("items", **more))
    return Source(definition, api.variables, _LOCAL, clock=time.clock, sleep=time.sleep)


async def _list(source: Source, name: str = "items", **more: Any) -> list[Page]:
    return [page async for page in source.pages(name, **more)]


async def _pages(api: HostileSource, style: str = "cursor", **more: Any) -> list[Page]:
    async with _open(api, style=style, **more) as source:
        return await _list(source)


def _ids(pages: list[Page]) -> list[str]:
    return list(itertools.chain.from_iterable(page.ids for page in pages))


_EXPECTED = [str(number) for number in range(1, 251)]


@pytest.mark.parametrize("style", STYLES)
async def test_every_paging_style_is_read_to_its_end(style: str) -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        pages = await _pages(api, style)
        assert _ids(pages) == _EXPECTED
        assert [raw for page in pages for raw in page.raws] == list(api.collections["items"].values())
        assert [page.number for page in pages] == list(range(1, len(pages) + 1))
        assert pages[-1].next is None
        assert all(page.requests == 1 and page.body_bytes > 10 for page in pages)
        assert max(api.requests.values()) == 1


@pytest.mark.parametrize("style", STYLES)
async def test_a_page_size_that_the_source_cuts_ends_nothing(style: str) -> None:
    async with HostileSource({"items": make_records(250)}, page_size=30) as api:
        assert _ids(await _pages(api, style, query={"per_page": "500"})) == _EXPECTED


@pytest.mark.parametrize("style", [style for style in STYLES if style != "none"])
async def test_a_listing_goes_on_at_any_position_without_asking_for_what_was_read(style: str) -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        pages = await _pages(api, style)
        for read in range(1, len(pages)):
            api.log.clear()
            position: Position = json.loads(json.dumps(pages[read - 1].next))
            async with _open(api, style=style) as source:
                rest = await _list(source, position=position)
            assert rest == pages[read:]
            assert len(api.log) == len(rest)


async def test_children_are_listed_per_parent_and_by_cursor() -> None:
    async with HostileSource({"parents/7/items": make_records(30)}) as api:
        definition = api.definition(
            endpoint("parents"),
            endpoint(
                "items",
                path="/cursor/parents/{{ parent.id }}/items",
                for_each="parents",
                incremental=Incremental("updated_at", {"since": "{{ cursor }}"}),
            ),
        )
        parent = Parent("7", {"id": 7})
        async with _open(api, definition) as source:
            full = await _list(source, parent=parent)
            assert full[-1].cursor == "2026-01-01T00:00:30Z"
            delta = await _list(source, parent=parent, cursor="2026-01-01T00:00:29Z")
        assert _ids(delta) == ["29", "30"]
        assert api.log[-1] == "/cursor/parents/7/items?since=2026-01-01T00:00:29Z"


async def test_tombstones_are_marked() -> None:
    async with HostileSource({"items": [{"id": 1}, {"id": 2, "deleted": True}]}) as api:
        (page,) = await _pages(api, tombstones=Tombstones("deleted"))
    assert page.deleted == [False, True]


async def test_a_failing_page_fails_after_all_attempts_and_is_named() -> None:
    async with HostileSource({"items": make_records(250)}, fail_page=2) as api:
        time = FakeTime()
        async with _open(api, time=time) as source:
            pages = source.pages("items")
            assert (await anext(pages)).ids == _EXPECTED[:100]
            with pytest.raises(SourceFailed, match="endpoint items, page 2: the source answered 500") as caught:
                await anext(pages)
        assert caught.value.status == 500
        assert len(api.log) == 4
        assert len(time.slept) == 2


async def test_a_page_that_fails_for_a_while_is_read_in_the_end() -> None:
    async with HostileSource({"items": make_records(250)}, fail_page=2, fail_times=2) as api:
        pages = await _pages(api)
    assert _ids(pages) == _EXPECTED
    assert [page.requests for page in pages] == [1, 3, 1]


async def test_throttling_pauses_everything_as_long_as_the_source_says() -> None:
    async with HostileSource(
        {"items": make_records(50)}, throttle_times=5, throttle_headers={"Retry-After": "40"}
    ) as api:
        time = FakeTime()
        async with _open(api, time=time) as source:
            assert len(_ids(await _list(source))) == 50
            assert source.requests == 6
            assert source.waited_s >= 200
        assert time.now_s >= 1200


async def test_a_403_that_means_throttled_is_waited_for() -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "600"}
    async with HostileSource(
        {"items": make_records(50)}, throttle_times=1, throttle_status=403, throttle_headers=headers
    ) as api:
        time = FakeTime()
        async with _open(api, time=time) as source:
            assert len(_ids(await _list(source))) == 50
        assert 600 <= time.now_s - 1000 <= 601


async def test_throttling_beyond_patience_is_a_failure_of_its_own() -> None:
    async with HostileSource(
        {"items": make_records(50)}, throttle_times=99, throttle_headers={"Retry-After": "86400"}
    ) as api:
        with pytest.raises(SourceThrottled, match="endpoint items, page 1: the source answered 429"):
            await _pages(api)
        assert len(api.log) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CredentialRefused), (403, SourceRefused), (404, SourceRefused), (418, SourceRefused), (501, SourceFailed)],
)
async def test_refusals_have_their_own_errors_and_are_not_repeated(status: int, kind: type[SourceError]) -> None:
    async with HostileSource({"items": make_records(50)}, fail_page=1, fail_status=status) as api:
        with pytest.raises(kind, match=f"endpoint items, page 1: the source answered {status}: .*switched to fail"):
            await _pages(api)
        assert len(api.log) == 1


async def test_a_list_that_a_parent_may_lack_is_absent() -> None:
    async with HostileSource({"items": make_records(250)}, fail_page=1, fail_status=410) as api:
        with pytest.raises(ListingAbsent) as caught:
            await _pages(api, optional_on=frozenset({404, 410}))
        assert caught.value.status == 410


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_position_that_the_source_no_longer_knows_has_expired(status: int) -> None:
    async with HostileSource({"items": make_records(250)}, fail_page=2, fail_status=status) as api:
        position = {"cursor": "c100", "pages": 1, "records": 100}
        async with _open(api, optional_on=frozenset({status})) as source:
            with pytest.raises(PositionExpired, match=f"endpoint items, page 2: .*{status}"):
                await _list(source, position=position)
            with pytest.raises(PositionExpired):
                await _list(source)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"ok":false,"error":"not_authed"}', "a list of records was expected at 'items'.*not_authed"),
        (b'{"items":[{"id":1},{"name":"x"}]}', "record 2: the id is null"),
        (b'{"items":[{"id":1,"a":1},{"id":1,"a":2}]}', "the id 1 stands twice on one page, with different content"),
        (b'{"items":[{"id":1,"a":1},{"id":1,"a":1.0}]}', "the id 1 stands twice"),
        (b'{"items":[1]}', "record 1: it is no object"),
        (b"<html>Sign in</html>", "the body is no JSON: unexpected '<html>Sign in</html>'"),
        (b'{"items":[{"id":1}', ".*it ends at byte 18 in the middle"),
        (b"", "the body is no JSON: it ends at byte 0"),
        (b'{"items":[{"id":NaN}]}', ".*unexpected 'NaN"),
        (b'{"items":[],"next_cursor":[1]}', "where the next page is, 'next_cursor' gives a list"),
    ],
)
async def test_an_unreadable_page_names_endpoint_page_and_reason(body: bytes, reason: str) -> None:
    async with HostileSource({"items": make_records(250)}, bodies={2: body}) as api:
        with pytest.raises(PageUnreadable, match=f"endpoint items, page 2: {reason}"):
            await _pages(api)


async def test_a_compressed_body_is_held_against_its_checksum() -> None:
    body = bytearray(gzip.compress(b'{"items":[{"id":1}]}', mtime=0))
    body[-8] ^= 1
    async with HostileSource({"items": []}, bodies={1: bytes(body)}) as api:
        api.switches.headers["Content-Encoding"] = "gzip"
        with pytest.raises(SourceUnreachable):
            await _pages(api)


@pytest.mark.parametrize("cut_off", [b'{"items":[{"id":1}', gzip.compress(b'{"items":[{"id":1}]}', mtime=0)[:-12]])
async def test_a_body_cut_off_on_its_way_is_asked_for_again(cut_off: bytes) -> None:
    async with HostileSource({"items": make_records(50)}, bodies={1: cut_off}) as api:

        async def heal(request: web.Request, number: int) -> None:
            if len(api.log) == 2:
                api.switches.bodies.clear()
                api.switches.headers.clear()

        api.switches.hook = heal
        if cut_off.startswith(b"\x1f\x8b"):
            api.switches.headers["Content-Encoding"] = "gzip"
        (page,) = await _pages(api)
    assert len(page.ids) == 50
    assert page.requests == 2


async def test_the_same_record_twice_on_a_page_is_kept_once() -> None:
    body = b'{"items":[{"id":1,"a":[1,2]},{"id":2},{"a": [1, 2], "id":1}]}'
    async with HostileSource({"items": []}, bodies={1: body}) as api:
        (page,) = await _pages(api, tombstones=Tombstones("gone"))
    assert (page.ids, page.raws) == (["1", "2"], [b'{"id":1,"a":[1,2]}', b'{"id":2}'])
    assert (page.deleted, page.repeated) == ([False, False], 1)


@pytest.mark.parametrize("style", ["page", "offset", "cursor", "link"])
async def test_a_source_that_ignores_the_page_asked_for_is_found_out(style: str) -> None:
    async with HostileSource({"items": make_records(250)}) as api:

        async def first_page_always(request: web.Request, number: int) -> web.Response | None:
            raws = b",".join(list(api.collections["items"].values())[:100])
            body = b"[" + raws + b"]" if style == "link" else b'{"items":[' + raws + b'],"next_cursor":"c%d"}' % number
            link = {"Link": f'<{api.url}/link/items?offset={number * 100}>; rel="next"'}
            return web.Response(body=body, content_type="application/json", headers=link)

        api.switches.hook = first_page_always
        with pytest.raises(PageUnreadable, match="endpoint items, page 2: the page repeats"):
            await _pages(api, style)


async def test_a_cursor_that_leads_in_a_circle_is_found_out() -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        numbers = itertools.count()

        async def circle(request: web.Request, number: int) -> web.Response:
            return web.json_response({"items": [{"id": next(numbers)}], "next_cursor": f"c{number % 3}"})

        api.switches.hook = circle
        with pytest.raises(PageUnreadable, match="repeats"):
            await _pages(api)
        assert len(api.log) < 6


async def test_a_large_body_is_read_as_a_small_one() -> None:
    records = [{"id": number, "text": "x" * 30_000} for number in range(50)]
    async with HostileSource({"items": records}) as api:
        (page,) = await _pages(api)
    assert page.raws == list(api.collections["items"].values())


async def test_a_body_beyond_the_limit_is_refused_before_it_is_read() -> None:
    async with HostileSource({"items": make_records(100)}) as api:
        definition = api.definition(endpoint("items"), page_bytes=10_000)
        async with _open(api, definition) as source:
            with pytest.raises(PageUnreadable, match="endpoint items, page 1: the body is larger than 10000 bytes"):
                await _list(source)


async def test_a_compressed_bomb_is_refused() -> None:
    bomb = gzip.compress(b'{"items":[' + b" " * 50_000_000 + b"]}")
    assert len(bomb) < 100_000
    async with HostileSource({"items": []}) as api:

        async def explode(request: web.Request, number: int) -> web.Response:
            return web.Response(body=bomb, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

        api.switches.hook = explode
        async with _open(api, api.definition(endpoint("items"), page_bytes=5_000_000)) as source:
            with pytest.raises(PageUnreadable, match="larger than 5000000 bytes"):
                await _list(source)


@pytest.mark.parametrize("how", ["reset", "truncated", "bad http"])
async def test_broken_answers_are_asked_for_again_and_then_a_failure(how: str) -> None:
    async with HostileSource({"items": make_records(50)}) as api:
        broken = 2

        async def break_off(request: web.Request, number: int) -> web.StreamResponse | None:
            nonlocal broken
            if broken == 0:
                return None
            broken -= 1
            assert request.transport is not None
            answer = web.StreamResponse(headers={"Content-Length": "1000"})
            if how == "truncated":
                await answer.prepare(request)
                await answer.write(b'{"items":[')
            elif how == "bad http":
                request.transport.write(b"HTTP/1.1 2x00 OK\r\nbroken\r\n\r\n")
            request.transport.close()
            return answer

        api.switches.hook = break_off
        (page,) = await _pages(api)
        assert len(page.ids) == 50
        # aiohttp itself tries once more where a connection is reset before an answer began.
        assert page.requests == (2 if how == "reset" else 3)
        broken = 99
        with pytest.raises(SourceUnreachable, match=r"endpoint items, page 1: the connection to 127\.0\.0\.1 broke"):
            await _pages(api)


async def test_a_source_that_does_not_answer_is_unreachable() -> None:
    async with HostileSource({"items": []}) as api:
        definition = api.definition(endpoint("items"))
    async with _open(api, definition) as source:
        with pytest.raises(SourceUnreachable, match=r"no connection to 127\.0\.0\.1") as caught:
            await source.check()
        assert caught.value.hint is not None


async def test_a_name_that_does_not_exist_is_unreachable() -> None:
    async with HostileSource() as api:
        definition = api.definition(endpoint("items"))
    time = FakeTime()
    variables = {"base_url": "http://nowhere.invalid"}
    async with Source(definition, variables, clock=time.clock, sleep=time.sleep) as source:
        with pytest.raises(SourceUnreachable, match=r"the name nowhere\.invalid cannot be resolved"):
            await source.check()


async def test_private_addresses_are_refused_unless_allowed() -> None:
    async with HostileSource({"items": []}) as api:
        async with Source(api.definition(endpoint("items")), api.variables) as source:
            with pytest.raises(SourceRefused, match=r"127\.0\.0\.1 is not public") as caught:
                await source.check()
            assert caught.value.code == "address_refused"
        assert not api.log


@pytest.mark.parametrize("base_url", ["ftp://x", "nonsense", "http://", "file:///etc/passwd"])
async def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(SourceRefused, match="is no address to ask"):
        Source(HostileSource().definition(endpoint("items")), {"base_url": base_url})


@pytest.mark.parametrize(
    "auth",
    [
        Auth("bearer", token="{{ token }}"),
        Auth("api_key", key="{{ token }}", header="X-Key"),
        Auth("api_key", key="{{ token }}", query="key"),
    ],
)
@pytest.mark.parametrize("way", ["redirect", "next link"])
async def test_the_credential_is_never_sent_to_another_origin(auth: Auth, way: str) -> None:
    async with HostileSource({"items": make_records(5)}) as api, HostileSource({"items": make_records(5)}) as other:

        async def lead_away(request: web.Request, number: int) -> web.Response:
            url = f"{other.url}/link/items"
            if way == "redirect":
                return web.Response(status=302, headers={"Location": url})
            return web.Response(body=b'[{"id":1}]', headers={"Link": f'<{url}>; rel="next"'})

        api.switches.hook = lead_away
        definition = api.definition(endpoint("items", "link"), auth=auth)
        async with Source(definition, {"base_url": api.url, "token": "t0ken"}, _LOCAL) as source:
            with pytest.raises(SourceRefused, match="leads to another address") as caught:
                await _list(source)
            assert caught.value.code == "credential_kept_home"
        assert not other.log


async def test_a_public_listing_may_lead_to_another_origin() -> None:
    async with HostileSource({"items": make_records(5)}) as api, HostileSource({"items": make_records(5)}) as other:

        async def lead_away(request: web.Request, number: int) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{other.url}/link/items"})

        api.switches.hook = lead_away
        definition = api.definition(endpoint("items", "link"), headers={"X-Custom": "1", "Accept-Language": "de"})
        async with _open(api, definition) as source:
            assert len(_ids(await _list(source))) == 5
        assert "X-Custom" not in other.seen_headers[0]
        assert other.seen_headers[0]["Accept-Language"] == "de"


async def test_redirects_at_home_are_followed_with_the_credential_but_not_for_ever() -> None:
    async with HostileSource({"items": make_records(5)}, token="t0ken") as api:

        async def move(request: web.Request, number: int) -> web.Response | None:
            if "moved" in request.query:
                return None
            return web.Response(status=301, headers={"Location": "items?moved=1"})

        api.switches.hook = move
        pages = await _pages(api)
        assert len(_ids(pages)) == 5
        assert pages[0].requests == 2

        async def round_and_round(request: web.Request, number: int) -> web.Response:
            return web.Response(status=302, headers={"Location": str(request.url)})

        api.switches.hook = round_and_round
        with pytest.raises(SourceRefused, match="more than 5 redirects"):
            await _pages(api)


async def test_a_key_in_the_query_is_sent_but_never_part_of_a_position() -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        definition = api.definition(endpoint("items", "next_url"), auth=Auth("api_key", key="{{ token }}", query="key"))
        async with Source(definition, {"base_url": api.url, "token": "t0ken&"}, _LOCAL) as source:
            pages = await _list(source)
        assert _ids(pages) == _EXPECTED
        assert all("t0ken" not in json.dumps(page.next) for page in pages)
        assert all(request.count("key=t0ken%26") == 1 for request in api.log)


async def test_a_secret_in_the_connections_query_is_a_credential_too() -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        definition = api.definition(endpoint("items", "next_url"), query={"key": "{{ token }}"})
        async with Source(definition, {"base_url": api.url, "token": "t0ken"}, _LOCAL) as source:
            pages = await _list(source)
        assert _ids(pages) == _EXPECTED
        assert all("t0ken" not in json.dumps(page.next) for page in pages)
        assert all(request.count("key=t0ken") == 1 for request in api.log)


_ODD_SECRET = 'S3c/+T\u00f6ken="x\\y?>~'


@pytest.mark.parametrize(
    "auth", [Auth("bearer", token="{{ token }}"), Auth("basic", username="u", password="{{ token }}")]
)
async def test_what_a_source_repeats_of_the_credential_is_hidden(auth: Auth) -> None:
    async with HostileSource({"items": []}) as api:

        async def repeat(request: web.Request, number: int) -> web.Response:
            error = f"no access with {request.headers['Authorization']} alias s3cret-t0ken"
            return web.json_response({"error": error}, status=403 if request.path.startswith("/cursor") else 200)

        api.switches.hook = repeat
        blob = Blob("/cursor/items")
        definition = api.definition(endpoint("items", blob=blob), endpoint("more", path="/page/items"), auth=auth)
        async with Source(definition, {"base_url": api.url, "token": "s3cret-t0ken"}, _LOCAL) as source:
            for work in (
                _list(source),
                _list(source, "more"),
                source.check(),
                source.blob("items", None, {}).__aenter__(),
            ):
                with pytest.raises(SourceError, match=r"alias \*\*\*") as caught:
                    await work
                formatted = "".join(traceback.format_exception(caught.value))
                assert "s3cret-" not in formatted
                assert "czNjcmV0" not in formatted


@pytest.mark.parametrize(
    "spelt",
    [
        quote(_ODD_SECRET, safe=""), quote(_ODD_SECRET),
        "S3c%2f%2bT%c3%b6ken%3d%22x%5cy%3f%3e~",
        json.dumps(_ODD_SECRET)[1:-1], _ODD_SECRET, base64.b64encode(_ODD_SECRET.encode()).decode(),
        base64.urlsafe_b64encode(_ODD_SECRET.encode()).decode(),
    ],
)  # fmt: skip
async def test_a_secret_is_hidden_however_a_source_spells_it(spelt: str) -> None:
    async with HostileSource({"items": []}) as api:

        async def repeat(request: web.Request, number: int) -> web.Response:
            return web.Response(text=f"Cannot GET /items?key={spelt}&page=1", status=400)

        api.switches.hook = repeat
        definition = api.definition(endpoint("items", "cursor"), query={"key": "{{ token }}"})
        async with Source(definition, {"base_url": api.url, "token": _ODD_SECRET}, _LOCAL) as source:
            with pytest.raises(SourceError) as caught:
                await _list(source)
        told = caught.value.in_full
        assert "key=***" in told
        assert "&page=1" in told
        assert not any(part in told for part in ("S3c", "ken", "UzNj", "hceT8", "~"))


async def test_a_quota_that_is_used_up_is_waited_for_before_it_bites() -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        api.switches.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}
        time = FakeTime()
        async with _open(api, time=time) as source:
            assert _ids(await _list(source)) == _EXPECTED
        assert 60 <= time.now_s - 1000 <= 61
        api.switches.headers["X-RateLimit-Reset"] = "86400"
        async with _open(api, time=time) as source:
            assert _ids(await _list(source)) == _EXPECTED
        assert time.now_s < 1100


async def test_a_source_that_hangs_is_unreachable() -> None:
    async with HostileSource({"items": []}) as api:

        async def hang(request: web.Request, number: int) -> None:
            await asyncio.Event().wait()

        api.switches.hook = hang
        definition = api.definition(endpoint("items"), timeout=timedelta(milliseconds=30))
        async with _open(api, definition) as source:
            with pytest.raises(SourceUnreachable, match=r"127\.0\.0\.1 did not answer in time"):
                await _list(source)


async def test_one_record_is_asked_for_by_its_path() -> None:
    async with HostileSource({"items": make_records(5)}) as api, _open(api) as source:
        assert await source.record("items", None, {"id": 3}) == api.collections["items"]["3"]
        assert await source.record("items", None, {"id": 99}) is None
        assert api.log == ["/record/items/3", "/record/items/99"]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b' {"id": 3} ', 200, b'{"id": 3}'),
        (b'{"items": {"id": 3}, "permissions": {}}', 200, b'{"id": 3}'),
        (b'{"id": 3, "deleted": true}', 200, None),
        (b"", 404, None),
        (b"", 410, None),
    ],
)
async def test_answers_to_a_question_for_one_record(body: bytes, status: int, expected: bytes | None) -> None:
    async with HostileSource() as api:
        api.collections["items"] = {"3": body}

        async def answer(request: web.Request, number: int) -> web.Response:
            return web.Response(body=body, status=status, content_type="application/json")

        api.switches.hook = answer
        async with _open(
            api, record_path="/cursor/items?id={{ record.id }}", tombstones=Tombstones("deleted")
        ) as source:
            assert await source.record("items", None, {"id": 3}) == expected


@pytest.mark.parametrize(
    ("body", "status", "kind", "reason"),
    [
        (b'{"id": 4}', 200, PageUnreadable, "endpoint items, record 3: the source answered with another record, 4"),
        (b'{"ok": false}', 200, PageUnreadable, "endpoint items, record 3: the id is null"),
        (b"[]", 200, PageUnreadable, "it is no object, but a list"),
        (b"oops", 200, PageUnreadable, "endpoint items, record 3"),
        (b"", 403, SourceRefused, "endpoint items, record 3: the source answered 403"),
        (b"", 500, SourceFailed, "endpoint items, record 3: the source answered 500"),
    ],
)
async def test_an_answer_that_is_no_such_record_confirms_nothing(
    body: bytes, status: int, kind: type[SourceError], reason: str
) -> None:
    async with HostileSource({"items": []}) as api:

        async def answer(request: web.Request, number: int) -> web.Response:
            return web.Response(body=body, status=status, content_type="application/json")

        api.switches.hook = answer
        async with _open(api, record_path="/cursor/items?id={{ record.id }}") as source:
            with pytest.raises(kind, match=reason):
                await source.record("items", None, {"id": 3})


async def test_without_a_record_path_no_record_can_be_asked_for() -> None:
    async with HostileSource() as api, _open(api, record_path=None) as source:
        with pytest.raises(SourceRefused, match="endpoint items: the definition has no `record` and no `detail`"):
            await source.record("items", None, {"id": 3})


async def test_a_check_asks_what_the_definition_says_or_the_first_page() -> None:
    async with HostileSource({"items": [], "me": []}, token="t0ken") as api:
        definition = api.definition(endpoint("items"), check=Check("/none/me", {"v": "1"}))
        async with _open(api, definition) as source:
            await source.check()
        async with _open(api) as source:
            await source.check()
        assert api.log == ["/none/me?v=1", "/cursor/items"]
        async with Source(definition, {**api.variables, "token": "wrong"}, _LOCAL) as source:
            with pytest.raises(CredentialRefused, match="the check of hostile: the source answered 401") as caught:
                await source.check()
        assert caught.value.hint is not None
        assert "wrong" not in str(caught.value)


async def test_an_answer_without_content_is_a_page_without_records() -> None:
    async with HostileSource({"items": []}) as api:

        async def nothing(request: web.Request, number: int) -> web.Response:
            return web.Response(status=204)

        api.switches.hook = nothing
        for style in ("page", "offset_counted", "link", "cursor"):
            (page,) = await _pages(api, style)
            assert (page.ids, page.next) == ([], None)


async def test_latin_1_and_byte_order_marks_are_read() -> None:
    async with HostileSource({"items": []}) as api:

        async def latin(request: web.Request, number: int) -> web.Response:
            body = '{"items":[{"id":"é"}]}'.encode("latin-1")
            return web.Response(body=body, headers={"Content-Type": 'application/json; charset="ISO-8859-1"'})

        api.switches.hook = latin
        (page,) = await _pages(api)
    assert page.raws == ['{"id":"é"}'.encode()]


async def test_a_declared_total_that_is_not_reached_is_a_failure() -> None:
    async with HostileSource({"items": make_records(250)}) as api:
        api.switches.bodies[3] = b'{"items":[],"total":250}'
        with pytest.raises(
            PageUnreadable, match="page 3: the listing ends after 200 records, but the source counts 250"
        ):
            await _pages(api, "offset_counted")


async def test_a_listing_with_one_page_needs_no_paging() -> None:
    async with HostileSource({"items": make_records(5)}) as api:
        pages = await _pages(api, "none", paging=Paging())
    assert len(pages) == 1


async def test_an_origin_that_the_definition_adds_is_at_home() -> None:
    async with (
        HostileSource({"items": make_records(5)}) as api,
        HostileSource({"items": make_records(5)}, token="t0ken") as files,
        HostileSource({"items": make_records(5)}) as other,
    ):
        files.blobs["f"] = StoredBlob(b"data")
        definition = api.definition(
            endpoint("items", blob=Blob("{{ record.url }}")), auth=Auth("bearer", token="{{ token }}"),
            origins=("{{ base_url }}/ignored", files.url),
        )  # fmt: skip
        async with Source(definition, {"base_url": api.url, "token": "t0ken"}, _LOCAL) as source:
            for url in (f"{files.url}/blob/f", f"{other.url}/blob/f"):
                try:
                    async with source.blob("items", None, {"id": 1, "url": url}) as blob:
                        assert b"".join([piece async for piece in blob]) == b"data"
                except SourceRefused as error:
                    assert error.status == 404
        assert files.credentials == ["Bearer t0ken"]
        assert other.credentials == [None]
