"""Where log lines go: of a command warnings only, above its bars; of the service every line, as text or JSON."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from rich.text import Text

from holdfast import tracing
from holdfast.cli.output import Output, printable
from holdfast.clock import format_time, now

_LIBRARIES = ("dbos", "alembic", "asyncio", "boto3", "botocore", "urllib3", "sqlalchemy", "uvicorn", "opentelemetry")
"""What they do step by step is of use to their authors."""


@contextmanager
def quiet(output: Output) -> Iterator[None]:
    """A command's log, until the end of the block: warnings and worse, as a person reads them; everything with
    HOLDFAST_LOG_LEVEL=debug."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    levels = {name: logging.getLogger(name).level for name in _LIBRARIES}
    wants_all = os.environ.get("HOLDFAST_LOG_LEVEL", "").lower() == "debug"
    _install(_ScreenHandler(output), logging.DEBUG if wants_all else logging.WARNING)
    try:
        yield
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def service(level: str, form: Literal["text", "json"]) -> None:
    """The service's log, in place of a command's: a line per event on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if form == "json" else _TextLine())
    _install(handler, logging.getLevelNamesMapping()[level.upper()])


def _install(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for earlier in list(root.handlers):
        if isinstance(earlier, _ScreenHandler):
            root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _ScreenHandler(logging.Handler):
    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        style = "red" if record.levelno >= logging.ERROR else "yellow"
        self._output.notes.print(
            Text(printable(f"{record.levelname.lower()}: {record.getMessage()}"), style=style), soft_wrap=True
        )
        if record.exc_info and logging.getLogger().level <= logging.DEBUG:
            self._output.notes.print(logging.Formatter().formatException(record.exc_info))


class _TextLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = printable(record.getMessage(), lines=False)
        line = f"{format_time(now())} {record.levelname.lower():7} {record.name}: {said}"
        return line if not record.exc_info else f"{line}\n{self.formatException(record.exc_info)}"


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": format_time(now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **tracing.log_fields(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
