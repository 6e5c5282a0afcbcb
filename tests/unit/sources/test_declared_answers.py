"""What follows from a definition's `answers` and `quota`, against a real server."""

from typing import Any

import pytest
from aiohttp import web

from holdfast.errors import (
    CredentialRefused,
    PositionExpired,
    SourceError,
    SourceFailed,
    SourceRefused,
    SourceThrottled,
)
from holdfast.sources.page import CursorExpired, ListingAbsent, Page, Parent, Skipped
from holdfast.sources.source import Source
from tests.support.fake_time import FakeTime
from tests.support.scripted_source import Asked, ScriptedSource, open_source

PAGED = """
- name: items
  path: /items
  id: id
  records: items
  paging: {type: cursor, query: after, body: next}
  incremental: {field: id, query: {since: "{{ cursor }}"}}
  record: {path: "/items/{{ record.id }}"}
  blob: {url: "/files/{{ record.id }}", version: id}
- {name: children, path: "/children/{{ parent.id }}", id: id, for_each: items, stable: true}
"""
FIRST = {"items": [{"id": 1}], "next": "b"}


async def pages(source: Source, **more: Any) -> list[Page]:
    return [page async for page in source.pages("items", **more)]


async def failure(script: Any, rule: str, work: Any) -> SourceError:
    async with ScriptedSource(script) as api, open_source(api, f"answers: [{rule}]", PAGED) as source:
        with pytest.raises(SourceError) as caught:
            await work(source)
    return caught.value


@pytest.mark.parametrize(
    ("rule", "kind", "message"),
    [
        (
            "{status: 200, body: {ok: false}, means: failed, message: error}",
            SourceRefused,
            "answered 200: no_such_team",
        ),
        ("{body: {error: no_such_team}, means: credential}", CredentialRefused, "no_such_team"),
        ("{contains: no_such, means: gone}", SourceRefused, "answered 200"),
        ("{contains: no_such, means: expired}", SourceRefused, "answered 200"),
        ("{contains: no_such, means: retry}", SourceFailed, "answered 200"),
        ("{contains: no_such, means: throttled}", SourceThrottled, "answered 200"),
        ("{contains: no_such, means: skip, because: teams are gone for good}", Skipped, "teams are gone for good"),
    ],
)
async def test_an_error_in_200_is_the_failure_it_is_said_to_be(
    rule: str, kind: type[SourceError], message: str
) -> None:
    error = await failure(lambda asked: {"ok": False, "error": "no_such_team"}, rule, pages)
    assert type(error) is kind
    assert str(error).startswith("endpoint items, page 1: ")
    assert message in str(error)


async def test_a_page_is_judged_even_where_it_could_be_read() -> None:
    error = await failure(
        lambda asked: {"items": [], "ok": False}, "{body: {ok: false}, means: failed}", pages
    )  # fmt: skip
    assert isinstance(error, SourceRefused)


async def test_a_403_can_mean_throttled_with_a_header_of_its_own() -> None:
    waits = iter(["2026-11-24T12:00:30Z", "2026-11-24T12:10:00Z"])

    def script(asked: Asked) -> Any:
        wait = next(waits, None)
        if wait is None:
            return {"items": []}
        date = "Tue, 24 Nov 2026 12:00:00 GMT"
        return web.json_response({"error": "slow"}, status=403, headers={"X-Again-At": wait, "Date": date})

    rule = "{status: 403, contains: slow, means: throttled, wait: {header: X-Again-At, as: time}}"
    time = FakeTime()
    async with ScriptedSource(script) as api, open_source(api, f"answers: [{rule}]", time=time) as source:
        assert len(await pages(source)) == 1
        assert source.requests == 3
    assert 630 <= time.now_s - 1000 <= 632


async def test_what_is_worth_another_try_gets_one() -> None:
    answers = iter([{"state": "warming up"}, {"state": "warming up"}, {"items": [{"id": 1}]}])
    rule = "{body: {state: warming up}, means: retry}"
    async with ScriptedSource(lambda asked: next(answers)) as api, open_source(api, f"answers: [{rule}]") as source:
        (page,) = await pages(source)
    assert (page.ids, page.requests) == (["1"], 3)


async def test_a_rule_can_take_back_what_a_status_says() -> None:
    """A 429 that means that a plan does not include the list at all is not waited for."""
    rule = "{status: 429, contains: upgrade, means: skip, because: the plan has none}"
    error = await failure(lambda asked: (429, {"error": "upgrade your plan"}), rule, pages)
    assert type(error) is Skipped


async def test_the_rest_of_a_list_is_never_skipped() -> None:
    rule = "{status: 451, means: skip, because: law}"
    error = await failure(lambda asked: (451, {}) if asked.query else FIRST, rule, pages)
    assert type(error) is SourceRefused
    assert "in the middle of the list" in str(error)


async def test_an_expired_position_and_an_expired_cursor_are_told_apart() -> None:
    rule = "{body: {error: expired}, means: expired}"
    script = lambda asked: {"error": "expired"} if asked.query else FIRST  # noqa: E731
    assert type(await failure(script, rule, pages)) is PositionExpired
    assert type(await failure(script, rule, lambda source: pages(source, cursor="7"))) is CursorExpired


async def test_a_list_of_a_parent_that_is_gone_is_absent() -> None:
    async def work(source: Source) -> None:
        async for _ in source.pages("children", Parent("7", {"id": 7})):
            pass

    error = await failure(lambda asked: (403, {"error": "deleted"}), "{contains: deleted, means: gone}", work)
    assert type(error) is ListingAbsent


@pytest.mark.parametrize("status", [200, 403])
async def test_a_record_that_is_gone_in_other_words(status: int) -> None:
    rule = "{body: {status: deleted}, means: gone}"
    script = lambda asked: (status, {"status": "deleted"})  # noqa: E731
    async with ScriptedSource(script) as api, open_source(api, f"answers: [{rule}]", PAGED) as source:
        assert await source.record("items", None, {"id": 1}) is None


async def test_a_404_that_means_a_lost_right_confirms_nothing() -> None:
    async def work(source: Source) -> None:
        await source.record("items", None, {"id": 1})

    rule = "{status: 404, contains: not authorized, means: credential}"
    assert type(await failure(lambda asked: (404, {"error": "not authorized"}), rule, work)) is CredentialRefused


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda: web.json_response({"ok": False, "error": "gone"}), SourceRefused),
        (lambda: web.Response(text="<html>Sign in</html>", content_type="text/html"), CredentialRefused),
        (lambda: web.json_response({"error": "withheld"}, status=403), Skipped),
    ],
)
async def test_an_error_instead_of_a_blob(answer: Any, kind: type[SourceError]) -> None:
    async def work(source: Source) -> None:
        async with source.blob("items", None, {"id": 1}):
            pass

    rules = (
        "{body: {ok: false}, means: failed}, {headers: {Content-Type: text/html}, means: credential}, "
        "{status: 403, contains: withheld, means: skip, because: withheld by law}"
    )
    assert type(await failure(lambda asked: answer(), rules, work)) is kind


@pytest.mark.parametrize("length", [10, 64 * 1024, 200_000])
async def test_a_blob_that_looks_like_an_error_at_first_is_whole(length: int) -> None:
    body = b'{"ok": true, "pad": "' + b"x" * length + b'"}'
    rule = "answers: [{body: {ok: false}, means: failed}]"
    script = lambda asked: web.Response(body=body, content_type="application/json")  # noqa: E731
    async with (
        ScriptedSource(script) as api,
        open_source(api, rule, PAGED) as source,
        source.blob("items", None, {"id": 1}) as blob,
    ):
        assert b"".join([piece async for piece in blob]) == body


@pytest.mark.parametrize(
    ("quota", "headers", "waited"),
    [
        ("remaining: X-Left, reset: X-Reset", {"X-Left": "0", "X-Reset": "30"}, 30),
        ("remaining: X-Left, reset: X-Reset, reserve: 50", {"X-Left": "50", "X-Reset": "30"}, 30),
        ("remaining: X-Left, reset: X-Reset, reserve: 50", {"X-Left": "51", "X-Reset": "30"}, 0),
        ("remaining: X-Left, reset: X-Reset, as: unix", {"X-Left": "0", "X-Reset": "1795521660"}, 60),
        ("remaining: X-Left, reset: X-Reset, as: unix_ms", {"X-Left": "0", "X-Reset": "1795521660000"}, 60),
        ("remaining: X-Left, reset: X-Reset, as: time", {"X-Left": "0", "X-Reset": "2026-11-24T12:00:07Z"}, 7),
        ("remaining: X-Left, reset: X-Reset, as: time", {"X-Left": "0", "X-Reset": "soon"}, 0),
        ("remaining: X-Left, reset: X-Reset", {"X-Left": "0", "X-Reset": "86400"}, 86400),
        ("remaining: X-Left, reset: X-Reset", {"X-Left": "0", "X-Reset": "864000"}, 0),
        ("remaining: X-Left, reset: X-Reset", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}, 0),
    ],
)
async def test_a_declared_quota_is_honoured_before_it_bites(quota: str, headers: dict[str, str], waited: int) -> None:
    def script(asked: Asked) -> Any:
        date = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT"}
        return web.json_response(FIRST if not asked.query else {"items": []}, headers={**headers, **date})

    time = FakeTime()
    async with (
        ScriptedSource(script) as api,
        open_source(api, f"limits: {{quota: {{{quota}}}}}", PAGED, time) as source,
    ):
        assert len(await pages(source)) == 2
    assert time.now_s - 1000 == waited


async def test_a_403_with_a_declared_quota_used_up_is_throttled() -> None:
    answers = iter([web.json_response({}, status=403, headers={"X-Left": "0", "X-Reset": "30"})])
    time = FakeTime()
    async with (
        ScriptedSource(lambda asked: next(answers, None) or {"items": []}) as api,
        open_source(api, "limits: {quota: {remaining: X-Left, reset: X-Reset}}", time=time) as source,
    ):
        assert len(await pages(source)) == 1
    assert 30 <= time.now_s - 1000 <= 31


async def test_a_failure_names_what_was_asked_without_secrets() -> None:
    endpoint = '- {name: items, path: "/x/{{ token }}/items", query: {team: "{{ team }}"}, id: id}'
    async with ScriptedSource(lambda asked: (500, {"error": "down"})) as api:
        secret = "s3cret/with blanks+more"
        async with open_source(api, "", endpoint, variables={"token": secret, "team": "a b"}) as source:
            with pytest.raises(SourceFailed) as raised:
                async for _ in source.pages("items"):
                    pass
    assert raised.value.asked == f"GET {api.url}/x/***/items?team=a%20b"
    assert raised.value.in_full.startswith("endpoint items, page 1: the source answered 500")
    assert "s3cret" not in raised.value.in_full


NO_FILE = "{status: [404, 410, 451], means: skip, because: no file was made}"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_skip_never_hides_that_a_record_is_gone(status: int) -> None:
    """Asked by its id it is gone; where its bytes are wanted, of a stub or a feed's entry, the skip holds."""
    endpoints = PAGED + '- {name: stubs, path: /stubs, id: id, detail: {path: "/items/{{ record.id }}", version: id}}'
    async with (
        ScriptedSource(lambda asked: (status, {})) as api,
        open_source(api, f"answers: [{NO_FILE}]", endpoints) as source,
    ):
        for name in ("items", "stubs"):
            assert await source.record(name, None, {"id": 1}) is None
            assert await source.look(name, None, {"id": 1}) is None
            with pytest.raises(Skipped):
                await source.record(name, None, {"id": 1}, heeds_skips=True)
        with pytest.raises(Skipped):
            await source.detail("stubs", None, b'{"id": 1}')


async def test_a_skip_for_another_status_holds_for_a_record_too() -> None:
    async def work(source: Source) -> None:
        await source.look("items", None, {"id": 1})

    assert type(await failure(lambda asked: (451, {}), NO_FILE, work)) is Skipped


async def test_without_the_skip_the_next_rule_says_what_a_404_means() -> None:
    async def work(source: Source) -> None:
        await source.record("items", None, {"id": 1})

    rules = f"{NO_FILE}, {{status: 404, contains: expired, means: credential}}"
    assert type(await failure(lambda asked: (404, {"error": "expired"}), rules, work)) is CredentialRefused


@pytest.mark.parametrize("blob", ['url: "/files/{{ record.id }}"', 'inline: data, lookup: "/files/{{ record.id }}"'])
async def test_rules_of_a_blob_hold_for_its_requests_only(blob: str) -> None:
    endpoints = f"""
- name: items
  path: /items
  id: id
  record: {{path: "/items/{{{{ record.id }}}}"}}
  blob: {{{blob}, version: id, answers: [{{status: 403, means: skip, because: no file was made}}]}}
"""
    async with ScriptedSource(lambda asked: (403, {})) as api, open_source(api, "", endpoints) as source:
        with pytest.raises(Skipped, match="no file was made"):
            async with source.blob("items", None, {"id": 1}):
                pass
        for work in (pages(source), source.record("items", None, {"id": 1})):
            with pytest.raises(SourceRefused) as caught:
                await work
            assert type(caught.value) is SourceRefused
