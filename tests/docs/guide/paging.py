"""Servers of docs/definitions: paging, hidden records, POST and GraphQL, counts."""

import json
from typing import Any

from aiohttp import web

from tests.docs.guide.api import Api, Notes, Record, Records, cut, keyed, reply, tells
from tests.support.scripted_source import Asked


@tells("paging.md", "A Link header")
class LinkHeader(Notes):
    def answer(self, asked: Asked) -> Any:
        number = int(asked.query.get("page", 1))
        page, following = cut(self.listed(), (number - 1) * 10)  # ten, whatever is asked for
        if following is None:
            return page
        return reply(page, Link=f'<{self.url}/notes?page={number + 1}>; rel="next", <{self.url}/notes>; rel="first"')


@tells("paging.md", "The address of the next page")
class NextAddress(Notes):
    def answer(self, asked: Asked) -> Any:
        start = int(asked.query.get("skip", 0))
        page, following = cut(self.listed(), start)
        address = f"{self.url}{asked.path}?skip={following}"
        if asked.path == "/notes":
            return {"value": page} | ({"@odata.nextLink": address} if following else {})
        return reply({"data": page}, Next_Page=address) if following else {"data": page}

    def truth(self) -> dict[str, Records]:
        return {"notes": keyed(self.listed()), "tags": keyed(self.listed())}


@tells("paging.md", "A token that is sent back")
class Token(Notes):
    """It knows that it is at the end only once it has nothing more: the last page is empty."""

    def answer(self, asked: Asked) -> Any:
        start = int(asked.query.get("page_token", 0))
        page = self.listed()[start : start + 10]
        return {"notes": page, "next_page_token": str(start + len(page)) if page else ""}


@tells("paging.md", "The last record's id is sent back")
class StartingAfter(Notes):
    def answer(self, asked: Asked) -> Any:
        after = int(asked.query.get("starting_after", 0))
        rest = [note for note in self.listed() if note["id"] > after]
        return {"data": rest[:10], "has_more": len(rest) > 10}


@tells("paging.md", "Page numbers")
class PageNumbers(Notes):
    def answer(self, asked: Asked) -> Any:
        page, _ = cut(self.listed(), (int(asked.query["page"]) - 1) * 10)
        return {"notes": page, "meta": {"pages": -(-len(self.notes) // 10)}}


@tells("paging.md", "Offsets")
class Offsets(Notes):
    def answer(self, asked: Asked) -> Any:
        page, _ = cut(self.listed(), int(asked.query["startIndex"]) - 1)
        return {"Resources": page, "totalResults": len(self.notes)}


@tells("hidden.md", "A parameter shows them")
class HiddenUnlessAsked(Notes):
    def change(self) -> None:
        super().change()
        self.put(7, state="closed")
        self.put(8, state="archived")

    def answer(self, asked: Asked) -> Any:
        shown = {None, "open"}
        shown |= {"closed"} if asked.query.get("state") == "all" else set()
        shown |= {"archived"} if asked.query.get("archived") == "include" else set()
        return {"notes": [note for note in self.listed() if note.get("state") in shown]}


@tells("hidden.md", "They have a list of their own")
class Trash(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.put(4, trashed=True)

    def change(self) -> None:
        self.put(9, trashed=True)
        self.put(4, trashed=False)

    def answer(self, asked: Asked) -> Any:
        return {"notes": list(self.truth()[asked.path[1:]].values())}

    def truth(self) -> dict[str, Records]:
        trashed = [note for note in self.listed() if note.get("trashed")]
        return {"trash": keyed(trashed), "notes": keyed(note for note in self.listed() if not note.get("trashed"))}


@tells("post.md", "JSON")
class Search(Notes):
    def answer(self, asked: Asked) -> Any:
        body = asked.json
        assert asked.method == "POST" and body["filter"] == {"archived": [True, False]} and body["limit"] == 100
        page, following = cut(self.listed(), body.get("page", {}).get("after", 0))
        return {"results": page, "next": following}


@tells("post.md", "A form")
class Form(Notes):
    def answer(self, asked: Asked) -> Any:
        assert asked.method == "POST" and asked.form["limit"] == "100"
        page, following = cut(self.listed(), int(asked.form.get("cursor", 0)))
        return {"notes": page, "response_metadata": {"next_cursor": str(following or "")}}


@tells("post.md", "GraphQL")
class GraphQL(Notes):
    def __init__(self) -> None:
        super().__init__()
        self.throttled = False

    def shown(self, note: Record) -> Record:
        return {"id": f"n{note['id']}", "title": note["title"], "updatedAt": note["updated_at"]}

    def change(self) -> None:
        self.put(3, title="edited")
        self.put(99)

    def truth(self) -> dict[str, Records]:
        return {"issues": keyed(self.listed())}

    def answer(self, asked: Asked) -> Any:
        given = asked.json["variables"]
        if given.get("after") == "10" and not self.throttled:
            self.throttled = True
            return {"data": None, "errors": [{"message": "slow down", "extensions": {"code": "RATELIMITED"}}]}
        since = given.get("since")
        assert since is None or isinstance(since, str)
        page, following = cut(self.since(since, "updatedAt"), int(given.get("after") or 0))
        info = {"hasNextPage": following is not None, "endCursor": None if following is None else str(following)}
        return {"data": {"issues": {"nodes": page, "pageInfo": info}}}


@tells("complete.md", "The API counts in a header")
class Counted(Notes):
    def answer(self, asked: Asked) -> Any:
        page, _ = cut(self.listed(), (int(asked.query.get("page", 1)) - 1) * 10)
        return reply({"notes": page, "total": len(self.notes)}, Total_Objects=str(len(self.notes)))


@tells("complete.md", "The API counts in the body")
class CountedInBody(Counted):
    pass


@tells("odd.md", "The answers are odd")
class AsSent(Api):
    """What no decoder gives back as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = {
            "18446744073709551617": rb'{ "id":18446744073709551617, "price": 1.10, "huge": 1e400 }',
            "7": rb'{"text":"\u00e9\/\ud83d\ude00 \ud800","id":"7","n":-0.0, "a":1, "a":1}',
        }

    def change(self) -> None:
        self.notes["7"] = rb'{"text":"\u00e9\/\ud83d\ude00 \ud800","id":"7","n":0, "a":1, "a":1}'
        self.notes["18446744073709551617"] = rb'{ "id":18446744073709551617, "price": 1.100, "huge": 1e400 }'

    def answer(self, asked: Asked) -> Any:
        return web.Response(
            body=b'{"notes": [' + b", ".join(self.notes.values()) + b"]}", content_type="application/json"
        )

    def truth(self) -> dict[str, Records]:
        return {"notes": {key: json.loads(raw) for key, raw in self.notes.items()}}

    def raws(self) -> dict[str, dict[str, bytes]]:
        return {"notes": self.notes}


@tells("odd.md", "Not UTF-8")
class Latin1(Notes):
    def shown(self, note: Record) -> Record:
        return note | {"title": f"n° {note['id']}: ÄÖÜ"}

    def answer(self, asked: Asked) -> Any:
        text = json.dumps({"notes": self.listed()}, ensure_ascii=False)
        return web.Response(text=text, content_type="application/json", charset="iso-8859-1")


@tells("odd.md", "The list is an object, or has no objects")
class NoObjects(Api):
    def __init__(self) -> None:
        super().__init__()
        self.watches: dict[str, Record] = {f"{number:04x}": {"title": f"watch {number}"} for number in range(7)}
        self.tags = ["red", "blue", "~/%"]
        self.emoji = {"smile": "https://x.test/1", "wave": "https://x.test/2"}

    def change(self) -> None:
        self.watches["0003"]["title"] = "edited"
        self.watches["ffff"] = {}
        del self.watches["0001"]
        self.tags[0] = "green"
        self.emoji["wave"] = "https://x.test/3"

    def answer(self, asked: Asked) -> Any:
        return {"/watch": self.watches, "/tags": {"tags": self.tags}, "/emoji": {"emoji": self.emoji}}[asked.path]

    def truth(self) -> dict[str, Records]:
        return {
            "watches": {key: {"uuid": key, **watch} for key, watch in self.watches.items()},
            "tags": {name: {"name": name} for name in self.tags},
            "emoji": {name: {"name": name, "url": url} for name, url in self.emoji.items()},
        }


@tells("odd.md", "The list stands in an unusual place")
class Unusual(Api):
    def __init__(self) -> None:
        super().__init__()
        self.settings: Record = {"version": 3, "colour": "blue"}
        self.people = {str(number): {"id": number, "name": f"person {number}"} for number in range(5)}

    def change(self) -> None:
        self.settings["colour"] = "red"
        self.people["3"]["name"] = "another"
        self.people["9"] = {"id": 9, "name": "new"}

    def answer(self, asked: Asked) -> Any:
        return {"settings": self.settings} if asked.path == "/settings" else {"people": self.people}

    def truth(self) -> dict[str, Records]:
        return {"settings": {"3": self.settings}, "people": self.people}
