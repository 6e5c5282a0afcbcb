"""A source that does everything wrong at random: a listing is complete, or it is a failure that names its page."""

import gzip
import json
import random
import re
import tracemalloc
from datetime import timedelta

import pytest
from aiohttp import web

from holdfast.definitions.document import Limits, Retry
from holdfast.errors import PageUnreadable, SourceError
from holdfast.sources import paging
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime
from tests.support.hostile_source import STYLES, HostileSource, endpoint, make_record

_FAULTS = (
    "500", "503 later", "429", "429 later", "403 quota", "reset", "cut off", "cut off in chunks", "html", "empty",
    "half", "bad gzip", "401", "400", "error in 200", "null", "twice", "no id", "other page", "circle",
)  # fmt: skip
_DOUBTFUL = {"401", "400", "error in 200", "null", "twice", "no id", "other page", "circle"}
"""Faults that must end in a failure if they happen at all; the others may be overcome by trying again."""


class _Chaos:
    """Puts faults into a listing, as a seed says."""

    def __init__(self, seed: int, api: HostileSource) -> None:
        self._chance = random.Random(seed)
        self._api = api
        self._share = self._chance.choice([0.0, 0.05, 0.2, 0.5, 0.9])
        self._faults = self._chance.sample(_FAULTS, self._chance.randint(1, 6))
        self.happened: list[str] = []

    async def __call__(self, request: web.Request, number: int) -> web.StreamResponse | None:
        if self._chance.random() >= self._share:
            return None
        fault = self._chance.choice(self._faults)
        if fault in {"other page", "circle"} and number < 3:
            return None
        self.happened.append(fault)
        return await self._answer(fault, request)

    async def _answer(self, fault: str, request: web.Request) -> web.StreamResponse:
        bare = request.path.startswith(("/none", "/link", "/next_header"))
        record = json.dumps(make_record(10_000)).encode()

        def listed(records: bytes) -> web.Response:
            body = b"[" + records + b"]" if bare else b'{"items":[' + records + b"]}"
            return web.Response(body=body, content_type="application/json")

        match fault:
            case "500" | "401" | "400":
                return web.json_response({"error": fault}, status=int(fault))
            case "503 later" | "429 later":
                return web.Response(status=int(fault[:3]), headers={"Retry-After": str(self._chance.randrange(3))})
            case "429":
                return web.Response(status=429)
            case "403 quota":
                return web.Response(status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "2"})
            case "html":
                return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
            case "empty":
                return web.Response()
            case "half":
                return web.Response(body=listed(record).body[:50])  # type: ignore[index]
            case "bad gzip":
                body = gzip.compress(record * 50)[:-30]
                return web.Response(body=body, headers={"Content-Encoding": "gzip"})
            case "error in 200":
                return web.json_response({"ok": False, "error": "internal"})
            case "null":
                return web.json_response({"items": None})
            case "twice":
                return listed(record + b"," + record.replace(b"xxx", b"yyy"))
            case "no id":
                return listed(record + b',{"name":"x"}')
            case "other page" | "circle":
                answers = self._api.collections["items"]
                first = b",".join(list(answers.values())[: self._api.switches.page_size])
                rest = b"" if bare else b',"next_cursor":"c1","next":"%b/next_url/items"' % self._api.url.encode()
                body = b"[" + first + b"]" if bare else b'{"items":[' + first + b"]" + rest + b"}"
                link = f'<{self._api.url}/link/items>; rel="next"'
                return web.Response(
                    body=body, headers={"Link": link, "Next-Page": f"{self._api.url}/next_header/items"}
                )
        assert request.transport is not None
        answer = web.StreamResponse()
        if fault != "reset":
            if fault == "cut off":
                answer.content_length = 5000
            await answer.prepare(request)
            await answer.write(b'{"items":[' + record)
        request.transport.close()
        return answer


async def _survive(seed: int) -> str:
    chance = random.Random(f"source {seed}")
    size, count = chance.choice([3, 10, 50]), chance.choice([0, 1, 60, 149, 150])
    style = chance.choice([one for one in STYLES if one != "none"])
    async with HostileSource({"items": [make_record(n, pad="p" * chance.randrange(50)) for n in range(count)]}) as api:
        api.switches.page_size = size
        chaos = api.switches.hook = _Chaos(seed, api)
        definition = api.definition(
            endpoint("items", style),
            limits=Limits(requests=chance.choice([None, 5]), concurrency=2),
            retry=Retry(attempts=chance.choice([1, 3, 6])),
            timeout=timedelta(seconds=60),
        )
        time = FakeTime()
        source = Source(
            definition, api.variables, NetworkPolicy(allow_private=True), clock=time.clock, sleep=time.sleep
        )
        raws: dict[str, bytes] = {}
        async with source:
            try:
                async for page in source.pages("items"):
                    raws.update(zip(page.ids, page.raws, strict=True))
            except SourceError as error:
                assert re.match(r"endpoint items, page \d+: .{10,}", str(error)), error
                assert chaos.happened, f"nothing was wrong, but: {error}"
                return "failed"
        assert not _DOUBTFUL & set(chaos.happened), chaos.happened
        assert raws == api.collections["items"]
        return "complete"


async def _survive_all(seeds: range) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    for seed in seeds:
        try:
            outcome = await _survive(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


async def test_whatever_happens_a_listing_is_complete_or_a_failure() -> None:
    outcomes = await _survive_all(range(200))
    assert min(outcomes.values()) >= 30, outcomes  # the seeds reach both ends often


@pytest.mark.soak
async def test_whatever_happens_thousands_of_times() -> None:
    await _survive_all(range(1_000, 6_000))


async def _listed(api: HostileSource, page_bytes: int = 5_000_000) -> list[str]:
    definition = api.definition(endpoint("items"), page_bytes=page_bytes)
    async with Source(definition, api.variables, NetworkPolicy(allow_private=True)) as source:
        return [record_id async for page in source.pages("items") for record_id in page.ids]


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_record_without_end_is_refused_in_bounded_memory(compressed: bool) -> None:
    sent = 0

    async def endless(request: web.Request, number: int) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        if compressed:
            answer.enable_compression(web.ContentCoding.gzip)
        await answer.prepare(request)
        await answer.write(b'{"items":[{"id":"')
        while True:
            await answer.write(b"x" * 250_000)
            sent += 250_000

    async with HostileSource({"items": []}, hook=endless) as api:
        tracemalloc.start()
        try:
            with pytest.raises(PageUnreadable, match="endpoint items, page 1: the body is larger than 5000000 bytes"):
                await _listed(api)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 25_000_000
    assert sent < 60_000_000


async def test_records_made_up_for_ever_are_refused_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def more(request: web.Request, number: int) -> web.Response:
        return web.json_response({"items": [{"id": len(api.log)}], "next_cursor": f"c{len(api.log)}"})

    monkeypatch.setattr(paging, "_MOST_PAGES", 50)
    async with HostileSource({"items": []}, hook=more) as api:
        with pytest.raises(PageUnreadable, match="endpoint items, page 50: the listing has no end"):
            await _listed(api)


@pytest.mark.parametrize(
    "record",
    [
        b'{"id":1,"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"id":1,"a":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"id":1,"a":"\xff\xfe","b":"\xc3"}',
        rb'{"id":1,"a":"\ud83d","b":"\udc00\ud800"}',
        b'{"id":1,"a":1e400,"b":-1E-4000,"c":' + b"7" * 10_000 + b"}",
        b'{"id":1,"id":1,"":null,"a\\u0000b":"\\u0000"}',
    ],
    ids=["lists in lists", "objects in objects", "no UTF-8", "lone surrogates", "numbers", "doubled and odd names"],
)
async def test_what_json_readers_choke_on_is_kept_byte_for_byte(record: bytes) -> None:
    async with (
        HostileSource({"items": []}, bodies={1: b'{"items":[' + record + b"]}"}) as api,
        Source(api.definition(endpoint("items")), api.variables, NetworkPolicy(allow_private=True)) as source,
    ):
        (page,) = [page async for page in source.pages("items")]
    assert (page.ids, page.raws) == (["1"], [record])
