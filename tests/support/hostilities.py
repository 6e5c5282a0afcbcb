"""Everything real sources do to a careless reader, one class each, to be let loose on a `HostileSource`.

`Hostility.named` is how a failure that it causes says so; None: whoever reads rightly overcomes it. `Host` lets several
loose at once, and notes which of them have happened and which records were touched meanwhile.
"""

import gzip
import json
import random
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.support.hostile_source import HostileSource, make_record

PAGE_BYTES = 300_000
"""What the definition of `document` takes for too large a page."""
_BOMB = gzip.compress(b'{"items":[{"id":"' + b"x" * 2_000_000)
BARE = ("link", "next_header")
NUMBERED = ("page", "page_counted", "offset", "offset_counted", "keyset")
STYLES = ("cursor", "next_url", *BARE, *NUMBERED)


class Hostility:
    """One way of going wrong. `share`: how often it does, of the requests that it is about."""

    named: str | None = None
    styles = STYLES
    share = 0.3
    needs_stored = False
    """It is hostile only to whoever knows better from before."""
    is_odd = False
    """It puts records into the source that no ordinary JSON reader reads."""

    def __init__(self, api: HostileSource, chance: random.Random) -> None:
        self.api, self.chance = api, chance
        self.happened = False
        self.touched: set[str] = set()
        """Ids of records that it has changed, moved or made up while they were listed."""

    def prepare(self) -> None:
        """Before the first run."""

    def begin(self) -> None:
        """Before each hostile run."""

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        """What is sent instead of a page; None: the page."""
        return None

    def listed(self, request: web.Request, records: bytes, **beside: Any) -> web.Response:
        """A page in the request's style."""
        if request.match_info["style"] in BARE:
            return web.Response(body=b"[" + records + b"]", content_type="application/json")
        rest = "".join(f",{json.dumps(key)}:{json.dumps(value)}" for key, value in beside.items()).encode()
        return web.Response(body=b'{"items":[' + records + b"]" + rest + b"}", content_type="application/json")


class EndlessPaging(Hostility):
    named = "the listing has no end"
    styles = ("cursor", "next_url", "next_header", "link")
    share = 1.0

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        made = f"made-up-{len(self.touched)}"
        self.touched.add(made)
        url = f"{self.api.url}{request.path}?offset={100_000 + len(self.touched)}"
        answer = self.listed(
            request, json.dumps(make_record(1) | {"id": made}).encode(), next=url, next_cursor=url.rpartition("=")[2]
        )
        answer.headers.update({"Link": f'<{url}>; rel="next"', "Next-Page": url})
        return answer


class RepeatingCursor(Hostility):
    named = "the page repeats"
    styles = ("cursor", "next_url", "link", "next_header")
    share = 1.0

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        if number < 2:
            return None
        first = b",".join(list(self.api.collections["items"].values())[: self.api.switches.page_size])
        url = f"{self.api.url}{request.path}?offset={self.api.switches.page_size}"
        answer = self.listed(request, first, next=url, next_cursor=f"c{self.api.switches.page_size}")
        answer.headers.update({"Link": f'<{url}>; rel="next"', "Next-Page": url})
        return answer


class PageSizeCut(Hostility):
    """The definition asks for pages of 500."""

    def prepare(self) -> None:
        self.api.switches.page_size = self.chance.choice([3, 7])


class MovingRecords(Hostility):
    """Records of pages that were read are deleted, and others come to the front, while the list is read."""

    styles = NUMBERED
    share = 0.5

    def begin(self) -> None:
        self.left = 2

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        records = self.api.collections["items"]
        if number < 2 or not self.left or len(records) < 10:
            return None
        self.left -= 1
        if self.chance.random() < 0.7 and request.match_info["style"] != "keyset":
            gone = self.chance.choice(list(records)[: self.api.switches.page_size])
            self.touched.add(gone)
            del records[gone]
        else:
            new = str(10_000 + self.chance.randrange(90_000))
            self.touched.add(new)
            raw = json.dumps(make_record(1) | {"id": new}).encode()
            if request.match_info["style"] == "keyset":
                records[new] = raw
            else:
                self.api.collections["items"] = {new: raw, **records}
        return None


class ErrorsAndResets(Hostility):
    named = "the source answered 50|connection to .* broke"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        if self.chance.random() < 0.5:
            return web.json_response({"error": "down"}, status=self.chance.choice([500, 502, 503]))
        assert request.transport is not None
        request.transport.close()
        return web.StreamResponse()


class ThrottleBy403(Hostility):
    named = "the source answered 403"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"}
        return web.json_response({"message": "rate limit exceeded"}, status=403, headers=headers)


class ErrorIn200(Hostility):
    named = "no list|nothing at|there is|is no|gives|internal"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        return web.json_response({"ok": False, "error": "internal"})


class TruncatedBody(Hostility):
    named = "no JSON|ends|connection to .* broke|not JSON|no valid|cut"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        body = self.listed(request, json.dumps(make_record(1)).encode()).body
        assert isinstance(body, bytes)
        if self.chance.random() < 0.5:
            return web.Response(body=body[:60], content_type="application/json")
        if self.chance.random() < 0.5:
            packed = gzip.compress(body * 20)[:-20]
            return web.Response(body=packed, headers={"Content-Encoding": "gzip"}, content_type="application/json")
        answer = web.StreamResponse()
        answer.content_length = 5_000
        await answer.prepare(request)
        await answer.write(body[:60])
        assert request.transport is not None
        request.transport.close()
        return answer


class GzipBomb(Hostility):
    named = "larger than"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        return web.Response(body=_BOMB, headers={"Content-Encoding": "gzip"}, content_type="application/json")


class HugeRecord(Hostility):
    """A record of a gigabyte, sent until nobody listens any more."""

    named = "larger than"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        self.happened = True
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await answer.prepare(request)
            await answer.write(b'{"items":[{"id":"')
            for _ in range(10_000):
                await answer.write(b"x" * 100_000)
        except ConnectionError:
            pass  # the reader has had enough
        return answer


class OddRecords(Hostility):
    """What is deep, and what is no UTF-8, comes in among the others."""

    is_odd = True

    def prepare(self) -> None:
        self.api.collections["items"] |= {
            "deep": b'{"id":"deep","a":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
            "latin": b'{"id":"latin","a":"\xff\xfe","b":"\xc3"}',
            "numbers": b'{"id":"numbers","a":1e400,"b":12345678901234567890123,"c":1.00}',
            "surrogate": rb'{"id":"surrogate","a":"\ud83d"}',
        }


class DuplicateIds(Hostility):
    named = "stands twice on one page"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        record = json.dumps(make_record(10_000)).encode()
        return self.listed(request, record + b"," + record.replace(b"xxx", b"yyy"))


class ClockSkew(Hostility):
    """The source's clock is days off, and records have its times."""

    def prepare(self) -> None:
        self.api.switches.headers["Date"] = self.chance.choice(
            ["Thu, 01 Jan 2026 00:00:05 GMT", "Tue, 01 Jan 2030 00:00:00 GMT"]
        )


class ExpiringToken(Hostility):
    named = "the source answered 401"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        return web.json_response({"error": "token expired"}, status=401) if number > 1 else None


class ExpiringPosition(Hostility):
    named = "no longer knows this position"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        return web.json_response({"error": "cursor expired"}, status=410) if number > 1 else None


class EmptyList(Hostility):
    named = "deletions held|fewer|counts"
    needs_stored = True
    share = 1.0

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        return self.listed(request, b"", total=0, total_pages=0)


class RedirectElsewhere(Hostility):
    """To another host, which is this one by another name, and which notes what it is sent."""

    named = "never sent"

    async def answer(self, request: web.Request, number: int) -> web.StreamResponse | None:
        if request.host.startswith("localhost"):
            assert "Authorization" not in request.headers, "the credential went to another host"
            return None
        elsewhere = str(request.url.with_host("localhost"))
        raise web.HTTPFound(elsewhere)


HOSTILITIES: Mapping[str, type[Hostility]] = {
    "endless paging": EndlessPaging,
    "repeating cursor": RepeatingCursor,
    "page size cut": PageSizeCut,
    "moving records": MovingRecords,
    "500s and resets": ErrorsAndResets,
    "403 as throttle": ThrottleBy403,
    "error in 200": ErrorIn200,
    "truncated bodies": TruncatedBody,
    "gzip bombs": GzipBomb,
    "a 1 GB record": HugeRecord,
    "deep nesting and invalid UTF-8": OddRecords,
    "duplicate ids": DuplicateIds,
    "clock skew": ClockSkew,
    "token expiring": ExpiringToken,
    "page cursor expiring": ExpiringPosition,
    "an empty list where many were": EmptyList,
    "redirects to another host": RedirectElsewhere,
}


class Host:
    """Several hostilities at once: a hook for `Switches.hook`. Does nothing while it is not `loose`."""

    def __init__(self, kinds: list[Hostility], chance: random.Random) -> None:
        self.kinds, self.chance = kinds, chance
        self.loose = False

    def begin(self) -> None:
        self.loose = True
        for kind in self.kinds:
            kind.happened = False
            kind.touched.clear()
            kind.begin()

    @property
    def happened(self) -> list[Hostility]:
        return [kind for kind in self.kinds if kind.happened]

    @property
    def touched(self) -> set[str]:
        return set().union(*(kind.touched for kind in self.kinds))

    async def __call__(self, request: web.Request, number: int) -> web.StreamResponse | None:
        for kind in self.kinds if self.loose else ():
            if self.chance.random() < kind.share:
                try:
                    answer = await kind.answer(request, number)
                except web.HTTPFound:
                    kind.happened = True
                    raise
                if answer is not None:
                    kind.happened = True
                    return answer
        return None
