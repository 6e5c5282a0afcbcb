import re
from pathlib import Path
from typing import Any

import pytest

from holdfast import errors
from holdfast.cli.failures import ADVICE, sentence, tell_failures, where
from holdfast.cli.output import Output, forget_consoles


def _failure(code: str, message: str = "oh", **more: Any) -> dict[str, Any]:
    return {"endpoint": None, "page": None, "record_id": None, "code": code, "message": message, **more}


@pytest.fixture(autouse=True)
def _own_streams() -> None:
    forget_consoles()


def test_a_failure_says_where_it_was() -> None:
    assert where(_failure("x")) == ""
    assert where(_failure("x", endpoint="items", page=7)) == "items, page 7: "
    assert where(_failure("x", endpoint="items", parent="a", record_id="9")) == "items, of a, record 9: "


def test_what_a_message_repeats_of_where_is_said_once() -> None:
    told = {
        "endpoint items, page 7: no list": "items, page 7: no list",
        "endpoint items, page 70: no list": "items, page 7: page 70: no list",
        "endpoint items, blob: 404": "items, page 7: blob: 404",
        "endpoint items2, page 7: 404": "items, page 7: endpoint items2, page 7: 404",
        "deletions held": "items, page 7: deletions held",
    }
    for message, sentence_wanted in told.items():
        assert sentence(_failure("x", message, endpoint="items", page=7)) == sentence_wanted


def test_each_failure_is_told_and_the_same_advice_once(capsys: pytest.CaptureFixture[str]) -> None:
    failures = [_failure("credential_refused", f"401 ({number})", endpoint="items") for number in range(3)]
    tell_failures(Output(), "it", failures, secrets=["token", "other"])
    shown = capsys.readouterr().out
    assert [shown.count(f"items: 401 ({number})") for number in range(3)] == [1, 1, 1]
    assert shown.count("holdfast set it token`") == 1


def test_many_failures_are_counted_and_where_to_see_them_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    failures = [_failure("source_failed", f"failure {number}") for number in range(15)]
    tell_failures(Output(), "it", failures, number=4)
    shown = capsys.readouterr().out
    assert "failure 9" in shown and "failure 10" not in shown
    assert "and 5 more: holdfast backups it 4" in shown
    tell_failures(Output(), "it", failures, shown=None)
    assert "failure 14" in capsys.readouterr().out


def test_failures_that_differ_in_the_record_alone_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    failures = [
        _failure("source_refused", f"endpoint items, blob: 404: no file {n} [GET https://x.test/f/{n}a]",
                 endpoint="items", record_id=f"7~{n}")
        for n in range(100)
    ]  # fmt: skip
    failures.append(_failure("source_refused", "endpoint items, blob: 500", endpoint="items", record_id="7~100"))
    tell_failures(Output(), "it", failures, number=4)
    shown = capsys.readouterr().out
    assert "100 × items, record 7~0: blob: 404: no file 0 [GET https://x.test/f/0a]" in shown
    assert "items, record 7~100: blob: 500" in shown
    assert len(shown.splitlines()) == 2
    tell_failures(Output(), "it", failures[:3], shown=None)
    assert "likewise: 7~1, 7~2\n" in capsys.readouterr().out


def test_every_piece_of_advice_can_be_told_and_belongs_to_a_code_there_is() -> None:
    known = {one.code for one in vars(errors).values() if isinstance(one, type) and hasattr(one, "code")}
    source = "".join(file.read_text() for file in Path(errors.__file__).parent.rglob("*.py"))
    for code, advice in ADVICE.items():
        assert advice.format(name="it", secret="token")
        assert code in known or re.search(rf'(code=|\(\n? *)"{code}"', source), code
