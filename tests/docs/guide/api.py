"""What the servers behind the guide's examples have in common: notes that are edited, added and deleted."""

import json
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar

from aiohttp import web

from tests.support.scripted_source import Asked

Record = dict[str, Any]
Records = dict[str, Any]

SERVERS: "dict[tuple[str, str], type[Api]]" = {}
"""By page and heading: what answers the example there."""
_Server = TypeVar("_Server", bound="type[Api]")


def tells(page: str, title: str) -> Callable[[_Server], _Server]:
    """Marks the server that a section's example is about."""

    def marked(server: _Server) -> _Server:
        assert (page, title) not in SERVERS, f"{page}: {title} has two servers"
        SERVERS[page, title] = server
        return server

    return marked


class Api:
    """A script for `ScriptedSource`. `answer` is its API, `truth` what a backup must hold by endpoint and key."""

    given: ClassVar[dict[str, str]] = {}
    """Values of variables beside `token`."""
    refuses: ClassVar[dict[str, str]] = {}
    """Values with which a backup must fail as a refused credential."""

    idle_requests: ClassVar[int | None] = None
    """What a backup asks for where nothing has changed, as far as the section promises it: files included."""

    def __init__(self) -> None:
        self.url = ""
        self.files_url = ""
        self.requests = 0
        """Since the test set it to 0."""

    def __call__(self, asked: Asked) -> Any:
        self.requests += 1
        self.url = f"http://{asked.headers['Host']}"
        return self.answer(asked) if self.is_allowed(asked) else (401, {"error": "who are you?"})

    def is_allowed(self, asked: Asked) -> bool:
        return asked.credential == "Bearer t0ken"

    def answer(self, asked: Asked) -> Any:
        raise NotImplementedError

    def file(self, asked: Asked) -> Any:
        """What the other origin answers, which never sees a credential."""
        raise NotImplementedError

    def truth(self) -> dict[str, Records]:
        raise NotImplementedError

    def blobs(self) -> dict[tuple[str, str], bytes]:
        """Every file by endpoint and record key."""
        return {}

    def raws(self) -> dict[str, dict[str, bytes]]:
        """Records whose very bytes are known, by endpoint and key."""
        return {}

    def change(self) -> None:
        """Edit, add and delete, as far as the section promises that the next backup finds it."""

    def compared(self, record: Record) -> Record:
        """Without what changes at every look."""
        return record


class Notes(Api):
    """25 notes in pages of ten; `rev` counts changes, `at` is the time of a note's last one."""

    count = 25

    def __init__(self) -> None:
        super().__init__()
        self.rev = 0
        self.notes: dict[int, Record] = {}
        for number in range(1, self.count + 1):
            self.put(number)

    def put(self, number: int, **fields: Any) -> Record:
        self.rev += 1
        old = self.notes.get(number, {"id": number, "title": f"note {number} é✓"})
        self.notes[number] = old | {"rev": self.rev, "updated_at": at(self.rev)} | fields
        return self.notes[number]

    def remove(self, number: int) -> None:
        self.rev += 1
        del self.notes[number]

    def change(self) -> None:
        self.put(3, title="edited")
        self.put(99)
        self.remove(5)

    def listed(self) -> list[Record]:
        return [self.shown(note) for _, note in sorted(self.notes.items())]

    def since(self, value: str | None, field: str = "updated_at") -> list[Record]:
        return [note for note in self.listed() if value is None or str(note[field]) >= value]

    def shown(self, note: Record) -> Record:
        return note

    def truth(self) -> dict[str, Records]:
        return {"notes": keyed(self.listed())}

    def one(self, asked: Asked) -> Any:
        """The note that the path ends with."""
        note = self.notes.get(int(asked.path.rpartition("/")[2]))
        return None if note is None else {"note": self.shown(note)}


def at(number: int) -> str:
    """A time of its own for each change, all of them past."""
    return f"2026-01-01T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}Z"


def keyed(records: Iterable[Record], field: str = "id", above: str = "") -> Records:
    return {f"{above}{one[field]}": one for one in records}


def cut(records: list[Record], start: int, size: int = 10) -> tuple[list[Record], int | None]:
    """A page, and where the next one begins."""
    end = start + size
    return records[start:end], end if end < len(records) else None


def paged(asked: Asked, records: list[Record], name: str = "notes", query: str = "cursor") -> Record:
    """A page with a token for the next."""
    page, following = cut(records, int(asked.query.get(query, 0)))
    return {name: page, "next": None if following is None else str(following)}


def reply(content: Any, status: int = 200, **headers: str) -> web.Response:
    """JSON with headers; `_` stands for `-`."""
    return web.Response(
        body=json.dumps(content).encode(), status=status, content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )  # fmt: skip
