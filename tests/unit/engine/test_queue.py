import logging

import pytest

from holdfast.engine.queue import _News, _quieten


def record(line: int, message: str, created: float) -> logging.LogRecord:
    record = logging.LogRecord("dbos", logging.WARNING, "/dbos/_queue.py", line, message, None, None)
    record.created = created
    return record


def test_what_dbos_repeats_while_the_database_is_away_is_said_once_in_a_while() -> None:
    news = _News()
    assert news.filter(record(1, "away", 1000.0))
    assert not news.filter(record(1, "still away", 1000.2))
    assert news.filter(record(2, "something else", 1000.3))
    assert news.filter(record(1, "still away", 1011.0))


def test_messages_are_cut_to_a_line_and_what_the_job_said_is_not_said_again() -> None:
    news, long = _News(), record(1, "Exception polling:\nTraceback\n  File", 1000.0)
    assert news.filter(long)
    assert long.getMessage() == "Exception polling:"
    assert not news.filter(record(2, "Exception encountered in background workflow:", 1000.0))


def test_dbos_itself_writes_nothing_to_the_console(capfd: pytest.CaptureFixture[str]) -> None:
    _quieten()
    from dbos._logger import dbos_logger, init_logger

    init_logger()
    dbos_logger.info("launched")
    dbos_logger.warning("a warning, while the program has set up no logging")
    assert capfd.readouterr() == ("", "")
