import json
import logging
from collections.abc import Iterator

import pytest

from holdfast.cli import logs
from holdfast.cli.output import Output, forget_consoles


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget_consoles()
    monkeypatch.delenv("HOLDFAST_LOG_LEVEL", raising=False)
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    with logs.quiet(Output()):
        yield
    root.handlers = before


def test_a_command_shows_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("holdfast.x")
    log.info("aside")
    log.warning("the lease\x1b was %s", "lost")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: the lease\\x1b was lost\n")


def test_a_traceback_is_shown_only_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for level, shown in (("info", False), ("debug", True)):
        monkeypatch.setenv("HOLDFAST_LOG_LEVEL", level)
        try:
            raise RuntimeError("oh")
        except RuntimeError:
            with logs.quiet(Output()):
                logging.getLogger("holdfast.x").exception("it failed")
        assert ("Traceback" in capsys.readouterr().err) is shown


def test_the_service_writes_a_line_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    logs.service("info", "text")
    logging.getLogger("holdfast.x").info("two\nlines")
    line = capsys.readouterr().err
    assert line.count("\n") == 1 and line.endswith("info    holdfast.x: two\\x0alines\n")


def test_json_lines_can_be_read_by_machines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.service("warning", "json")
    logging.getLogger("holdfast.x").info("aside")
    try:
        raise RuntimeError("oh")
    except RuntimeError:
        logging.getLogger("holdfast.x").exception("it failed: %d", 3)
    line = json.loads(capsys.readouterr().err)
    assert (line["level"], line["logger"], line["message"]) == ("error", "holdfast.x", "it failed: 3")
    assert "RuntimeError: oh" in line["exception"] and line["time"].endswith("Z")


def test_a_command_leaves_logging_as_it_found_it() -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level, logging.getLogger("dbos").level)
    with logs.quiet(Output()):
        logs.service("error", "json")
        assert root.level == logging.ERROR
    assert (list(root.handlers), root.level, logging.getLogger("dbos").level) == before
