"""Which rule fits an answer."""

from typing import Any

import pytest
from multidict import CIMultiDict

from holdfast.definitions.document import AnswerRule
from holdfast.sources.judging import Judge

OK_FALSE = AnswerRule("failed", body={"ok": False}, message="error")


def means(rules: list[AnswerRule], status: int, body: bytes = b"", **headers: str) -> str | None:
    verdict = Judge(rules).verdict(status, CIMultiDict({k.replace("_", "-"): v for k, v in headers.items()}), body)
    return None if verdict is None else verdict.means


@pytest.mark.parametrize(
    ("rule", "status", "body", "headers", "fits"),
    [
        (AnswerRule("gone", (404,)), 404, b"", {}, True),
        (AnswerRule("gone", (404,)), 403, b"", {}, False),
        (AnswerRule("throttled", (403,), {"X-Left": "0"}), 403, b"", {"x_left": "0"}, True),
        (AnswerRule("throttled", (403,), {"X-Left": "0"}), 403, b"", {"x_left": "10"}, False),
        (AnswerRule("throttled", (403,), {"X-Left": "0"}), 403, b"", {}, False),
        (
            AnswerRule("credential", (), {"Content-Type": "text/html"}), 200, b"",
            {"content_type": "Text/HTML; charset=utf-8"}, True,
        ),
        (OK_FALSE, 200, b'{"items": [1, 2], "ok": false}', {}, True),
        (OK_FALSE, 200, b'{"items": [1, 2], "ok": true}', {}, False),
        (OK_FALSE, 200, b'{"ok": 0}', {}, False),
        (OK_FALSE, 200, b"[1, 2]", {}, False),
        (OK_FALSE, 200, b"<html>", {}, False),
        (OK_FALSE, 200, b"", {}, False),
        (OK_FALSE, 200, b'{"ok": false, "s": "\\ud800"}', {}, True),
        (AnswerRule("retry", body={"error.code": 7}), 200, b'{"error": {"code": 7}}', {}, True),
        (AnswerRule("retry", body={"error.code": 7}), 200, b'{"error": "text"}', {}, False),
        (AnswerRule("retry", body={"error.code": 7}), 200, b'{"error": {"code": 7.5}}', {}, False),
        (AnswerRule("retry", body={"errors[0].code": "X"}), 200, b'{"errors": [{"code": "X"}]}', {}, True),
        (AnswerRule("retry", body={"a": 1, "b": "x"}), 200, b'{"b": "x", "a": 1}', {}, True),
        (AnswerRule("retry", body={"a": 1, "b": "x"}), 200, b'{"b": "y", "a": 1}', {}, False),
        (AnswerRule("retry", body={"error": None}), 200, b"{}", {}, True),
        (AnswerRule("skip", (451,), contains="legal", because="law"), 451, b"for legal reasons", {}, True),
        (AnswerRule("skip", (451,), contains="legal", because="law"), 451, b"for reasons", {}, False),
    ],
)  # fmt: skip
def test_a_rule_fits_where_all_its_conditions_do(
    rule: AnswerRule, status: int, body: bytes, headers: dict[str, str], fits: bool
) -> None:
    assert means([rule], status, body, **headers) == (rule.means if fits else None)


def test_the_first_rule_that_fits_decides() -> None:
    rules = [AnswerRule("gone", (404,), contains="deleted"), AnswerRule("credential", (404,))]
    assert means(rules, 404, b"it was deleted") == "gone"
    assert means(rules, 404, b"who are you") == "credential"


@pytest.mark.parametrize(("body", "said"), [(b'{"ok":false,"error":"slow"}', "slow"), (b'{"ok":false}', None)])
def test_the_message_is_what_the_body_says(body: bytes, said: str | None) -> None:
    verdict = Judge([OK_FALSE]).verdict(200, CIMultiDict(), body)
    assert verdict is not None
    assert verdict.message == said


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        (b'{"data": {"a": 1}}', False),
        (b'{"data": {"a": 1}, "errors": []}', False),
        (b'{"data": {"a": null}, "errors": [{"message": "no a"}]}', True),
        (b'{"errors": [{"message": "no a"}]}', True),
    ],
)
def test_errors_of_graphql_are_failures_in_200(body: bytes, failed: bool) -> None:
    verdict = Judge(graphql=True).verdict(200, CIMultiDict(), body)
    assert (verdict is not None) == failed
    assert verdict is None or (verdict.means, verdict.message) == ("failed", "no a")


def test_without_a_body_only_rules_that_need_none_are_asked() -> None:
    judge = Judge([OK_FALSE, AnswerRule("gone", (200,), {"X-Gone": "yes"})])
    headers: Any = CIMultiDict({"X-Gone": "yes"})
    verdict = judge.head_verdict(200, headers)
    assert verdict is not None
    assert verdict.means == "gone"
    assert judge.wants_body(200, headers)
    assert not Judge([AnswerRule("gone", (404,))]).wants_body(404, headers)
