"""An API that remembers what has happened to its records, and tells it in every way that APIs do: stubs, whole records,
a feed of changes, a sweep of ids, a list of deletions, counts. A script for `ScriptedSource`.
"""

from collections.abc import Callable
from typing import Any

from tests.support.scripted_source import Asked

DETAIL = """
- name: items
  path: /list
  records: items
  id: id
  paging: {type: cursor, query: page, body: next}
  detail: {path: "/whole/{{ record.id }}", version: [rev]}
"""
FEED = """
- name: items
  path: /list
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  detail: {path: "/whole/{{ record.id }}", version: [id]}
  changes:
    start: {path: /feed/now, token: at}
    path: /feed
    query: {since: "{{ cursor }}"}
    records: entries
    id: id
    next: at
    tombstones: {field: gone}
    gap: gap
    expired_on: 410
"""
SWEPT = """
- name: items
  path: /all
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  incremental: {field: rev, query: {since: "{{ cursor }}"}, full_every: 30d}
  sweep: {path: /ids, records: ids, id: id, paging: {type: cursor, query: page, body: next}, every: 1ms}
"""
ASKED = '  record: {path: "/whole/{{ record.id }}"}\n'
DELETIONS = """
- name: items
  path: /all
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
  incremental: {field: rev, query: {since: "{{ cursor }}"}, full_every: 30d}
  deletions: {path: /deleted, query: {since: "{{ cursor }}"}, id: id, field: rev}
"""
COUNTED = """
- name: items
  path: /all
  records: items
  id: id
  stable: true
  paging: {type: cursor, query: page, body: next}
"""


class Ledger:
    """Records by id, each with the revision (a global counter) of its last change."""

    def __init__(self, count: int = 0, *, page_size: int = 10) -> None:
        self.page_size = page_size
        self.rev = 0
        self.records: dict[int, dict[str, Any]] = {}
        self.log: list[dict[str, Any]] = []
        self.deleted: list[dict[str, Any]] = []
        self.overrides: dict[str, Callable[[Asked], Any]] = {}
        """By path: asked first; what is not None is the answer."""
        for number in range(1, count + 1):
            self.put(number)

    def put(self, number: int, **fields: Any) -> None:
        self.rev += 1
        self.records[number] = {"id": number, "rev": self.rev, **fields}
        self.log.append({"id": number, "rev": self.rev})

    def remove(self, number: int) -> None:
        self.rev += 1
        del self.records[number]
        self.log.append({"id": number, "rev": self.rev, "gone": True})
        self.deleted.append({"id": number, "rev": self.rev})

    def whole(self, number: int) -> dict[str, Any]:
        return {**self.records[number], "body": f"the body of {number}"}

    def __call__(self, asked: Asked) -> Any:
        override = self.overrides.get(asked.path)
        if override is not None and (answer := override(asked)) is not None:
            return answer
        since = int(asked.query.get("since", "0"))
        match asked.path.strip("/").split("/"):
            case ["list"]:
                return self._page(asked, "items", [{"id": one["id"], "rev": one["rev"]} for one in self._sorted()])
            case ["all"]:
                return self._page(
                    asked, "items", [self.whole(one["id"]) for one in self._sorted() if one["rev"] >= since]
                )
            case ["ids"]:
                return self._page(asked, "ids", [{"id": number} for number in sorted(self.records)])
            case ["whole", number]:
                return self.whole(int(number)) if int(number) in self.records else None
            case ["feed", "now"]:
                return {"at": self.rev}
            case ["feed"]:
                return {"entries": [one for one in self.log if one["rev"] > since], "at": self.rev}
            case ["deleted"]:
                return [one for one in self.deleted if one["rev"] >= since]
            case ["count"]:
                return {"total": len(self.records)}
        return None

    def _sorted(self) -> list[dict[str, Any]]:
        return [self.records[number] for number in sorted(self.records)]

    def _page(self, asked: Asked, name: str, elements: list[Any]) -> dict[str, Any]:
        """Pages follow the id, so that nothing moves while it is listed."""
        after = int(asked.query.get("page", "0"))
        rest = [one for one in elements if one["id"] > after]
        page = rest[: self.page_size]
        following = {"next": str(page[-1]["id"])} if len(rest) > len(page) else {}
        return {name: page, "total": len(elements), **following}
