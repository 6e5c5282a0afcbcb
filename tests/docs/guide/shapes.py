"""Servers of docs/definitions: children, nested records, ids, files, what is no change."""

import base64
import hashlib
from typing import Any

from aiohttp import web

from tests.docs.guide.api import Api, Notes, Record, Records, keyed, tells
from tests.support.scripted_source import Asked


def data(key: object, size: int = 3_000) -> bytes:
    return hashlib.shake_256(str(key).encode()).digest(size)


@tells("children.md", "For each")
class Folders(Api):
    def __init__(self) -> None:
        super().__init__()
        self.folders = {number: {n: {"id": n, "text": f"{number}/{n}"} for n in range(1, 8)} for number in range(1, 5)}

    def change(self) -> None:
        del self.folders[2]
        self.folders[3][7]["text"] = "edited"
        del self.folders[3][1]
        self.folders[9] = {7: {"id": 7, "text": "new"}}

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/folders":
            return {"folders": [{"id": number} for number in self.folders]}
        return {"notes": list(self.folders[int(asked.path.split("/")[2])].values())}

    def truth(self) -> dict[str, Records]:
        notes = {f"{folder}~{number}": note for folder, notes in self.folders.items() for number, note in notes.items()}
        return {"folders": keyed({"id": number} for number in self.folders), "notes": notes}


@tells("children.md", "A million parents")
class Threads(Api):
    idle_requests = 1

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[int, list[Record]] = {number: [] for number in range(1, 50)}
        self.replies[7] = [{"id": 1, "text": "a reply"}, {"id": 2, "text": "another"}]

    def change(self) -> None:
        self.replies[9].append({"id": 1, "text": "the first"})
        self.replies[7].append({"id": 3, "text": "a third"})

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/messages":
            return {"messages": self.messages()}
        number = int(asked.path.split("/")[2])
        assert self.replies[number], "who has no replies is not asked"
        return {"replies": self.replies[number]}

    def messages(self) -> list[Record]:
        return [{"id": number, "reply_count": len(replies)} for number, replies in self.replies.items()]

    def truth(self) -> dict[str, Records]:
        replies = {f"{n}~{one['id']}": one for n, all_of_it in self.replies.items() for one in all_of_it}
        return {"messages": keyed(self.messages()), "replies": replies}


@tells("children.md", "The parent's parent")
class Reactions(Api):
    def __init__(self) -> None:
        super().__init__()
        self.names = {("C1", "1.5"): ["smile"], ("C1", "2.5"): [], ("C2", "1.5"): ["wave", "heart"]}

    def change(self) -> None:
        self.names["C1", "2.5"].append("new")
        self.names["C2", "1.5"].remove("wave")

    def answer(self, asked: Asked) -> Any:
        match asked.path.split("/")[1:]:
            case ["channels"]:
                return {"channels": [{"id": "C1"}, {"id": "C2"}]}
            case ["channels", channel, "messages"]:
                return {"messages": [{"ts": ts} for above, ts in self.names if above == channel]}
            case ["channels", channel, "messages", ts, "reactions"]:
                return {"reactions": [{"name": name} for name in self.names[channel, ts]]}
        return None

    def truth(self) -> dict[str, Records]:
        return {
            "channels": keyed([{"id": "C1"}, {"id": "C2"}]),
            "messages": {f"{channel}~{ts}": {"ts": ts} for channel, ts in self.names},
            "reactions": {
                f"{channel}%7E{ts}~{name}": {"name": name}
                for (channel, ts), names in self.names.items()
                for name in names
            },
        }


@tells("children.md", "Records of several kinds have the same list")
class SeveralKinds(Api):
    def __init__(self) -> None:
        super().__init__()
        self.comments = {("folders", 7): ["a", "b"], ("drawers", 7): ["c"], ("drawers", 8): []}

    def change(self) -> None:
        self.comments["drawers", 8].append("d")
        self.comments["folders", 7].pop()

    def things(self, kind: str) -> list[Record]:
        return [
            {"id": number, "comments_url": f"{self.url}/{of}/{number}/comments"}
            for of, number in self.comments
            if of == kind
        ]

    def answer(self, asked: Asked) -> Any:
        match asked.path.split("/")[1:]:
            case [kind]:
                return {kind: self.things(kind)}
            case [kind, number, "comments"]:
                return {"comments": [{"id": name} for name in self.comments[kind, int(number)]]}
        return None

    def truth(self) -> dict[str, Records]:
        comments = {
            f"{kind}%7E{number}~{name}": {"id": name}
            for (kind, number), names in self.comments.items()
            for name in names
        }
        return {kind: keyed(self.things(kind)) for kind in ("folders", "drawers")} | {"comments": comments}


@tells("nested.md", "Records inside records")
class Cards(Api):
    idle_requests = 1

    def __init__(self) -> None:
        super().__init__()
        self.files = {1: ["a", "b"], 2: [], 3: ["c"]}

    def change(self) -> None:
        self.files[1] = ["b", "d"]
        del self.files[3]
        self.files[4] = ["e"]

    def attached(self, name: str) -> Record:
        content = data(name)
        return {
            "id": name, "href": f"{self.files_url}/{name}", "md5": hashlib.md5(content).hexdigest(),
            "bytes": len(content),
        }  # fmt: skip

    def cards(self) -> list[Record]:
        return [
            {"id": number, "contents": {"attachments": [self.attached(name) for name in names]} if names else {}}
            for number, names in self.files.items()
        ]

    def answer(self, asked: Asked) -> Any:
        return {"cards": self.cards()}

    def file(self, asked: Asked) -> Any:
        return web.Response(body=data(asked.path[1:]))

    def truth(self) -> dict[str, Records]:
        attached = {f"{n}~{name}": self.attached(name) for n, names in self.files.items() for name in names}
        return {"cards": keyed(self.cards()), "attachments": attached}

    def blobs(self) -> dict[tuple[str, str], bytes]:
        return {("attachments", key): data(key.split("~")[1]) for key in self.truth()["attachments"]}


class Files(Notes):
    """Of five records the even ones have a file, of the record's revision."""

    count = 5
    endpoint = "notes"

    def has_file(self, note: Record) -> bool:
        return int(note["id"]) % 2 == 0

    def change(self) -> None:
        self.put(2)
        self.put(8)
        self.remove(1)

    def listing(self) -> Any:
        return {self.endpoint: self.listed()}

    def truth(self) -> dict[str, Records]:
        return {self.endpoint: keyed(self.listed())}

    def blobs(self) -> dict[tuple[str, str], bytes]:
        return {
            (self.endpoint, str(note["id"])): self.content(note) for note in self.notes.values() if self.has_file(note)
        }

    def content(self, note: Record) -> bytes:
        return data(f"{note['id']}/{note['rev']}")

    def named(self, asked: Asked) -> Record:
        return self.notes[int(asked.path.split("/")[2])]


@tells("files.md", "The record has its address")
class Elsewhere(Files):
    idle_requests = 1

    def shown(self, note: Record) -> Record:
        if not self.has_file(note):
            return note
        content = self.content(note)
        return note | {
            "file": {
                "url": f"{self.files_url}/files/{note['id']}", "sha256": hashlib.sha256(content).hexdigest(),
                "name": "a.bin", "type": "application/x-note", "size": len(content),
            }
        }  # fmt: skip

    def answer(self, asked: Asked) -> Any:
        return self.listing()

    def file(self, asked: Asked) -> Any:
        return web.Response(body=self.content(self.named(asked)))


@tells("files.md", "Its address is the record's own")
class OwnAddress(Files):
    idle_requests = 1

    endpoint = "photos"

    def has_file(self, note: Record) -> bool:
        return True

    def shown(self, note: Record) -> Record:
        return note | {"etag": str(note["rev"])}

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/photos":
            return self.listing()
        assert asked.headers["Accept"] == "application/octet-stream" and asked.path.endswith("/original")
        return web.Response(body=self.content(self.named(asked)))


@tells("files.md", "Nothing says when the file changes")
class Scans(Files):
    idle_requests = 1

    endpoint = "scans"

    def has_file(self, note: Record) -> bool:
        return True

    def content(self, note: Record) -> bytes:
        return data(note["id"])

    def answer(self, asked: Asked) -> Any:
        return self.listing() if asked.path == "/scans" else web.Response(body=self.content(self.named(asked)))


@tells("files.md", "Another request gives the address")
class Signed(Files):
    idle_requests = 1

    endpoint = "documents"

    def shown(self, note: Record) -> Record:
        return note | {"revision": note["rev"]}

    def has_file(self, note: Record) -> bool:
        return True

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/documents":
            return self.listing()
        return {"signed_url": f"{self.files_url}/files/{self.named(asked)['id']}?signature={self.requests}"}

    def file(self, asked: Asked) -> Any:
        return web.Response(body=self.content(self.named(asked)))


@tells("files.md", "Some records have no file")
class Invoices(Files):
    endpoint = "orders"

    def shown(self, note: Record) -> Record:
        return note | {"revision": note["rev"]}

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/orders":
            return self.listing()
        note = self.named(asked)
        return web.Response(body=self.content(note)) if self.has_file(note) else None


@tells("files.md", "It is base64 inside the JSON")
class Inline(Files):
    def shown(self, note: Record) -> Record:
        content = self.content(note)
        picture = {
            "data": base64.b64encode(content).decode(), "sha256": hashlib.sha256(content).hexdigest(),
            "type": "image/png",
        }  # fmt: skip
        return note | ({"content": picture} if self.has_file(note) else {})

    def letters(self) -> list[Record]:
        return [{"id": note["id"]} for note in self.listed()]

    def answer(self, asked: Asked) -> Any:
        if asked.path in ("/pictures", "/letters"):
            return {"pictures": self.listed(), "letters": self.letters()}
        assert asked.query["format"] == "raw"
        return {"raw": base64.urlsafe_b64encode(data(self.named(asked)["id"])).decode().rstrip("=")}

    def truth(self) -> dict[str, Records]:
        return {"pictures": keyed(self.listed()), "letters": keyed(self.letters())}

    def blobs(self) -> dict[tuple[str, str], bytes]:
        pictures = {("pictures", key): content for (_, key), content in super().blobs().items()}
        return pictures | {("letters", str(number)): data(number) for number in self.notes}


@tells("ids.md", "There is no id, but several fields together")
class Members(Api):
    def __init__(self) -> None:
        super().__init__()
        self.members = [{"user": {"id": n}, "role": role, "x": 1} for n in (7, 8) for role in ("admin", "a~b")]

    def change(self) -> None:
        self.members[1]["x"] = 2
        del self.members[0]
        self.members.append({"user": {"id": 18446744073709551617}, "role": "admin", "x": 1})

    def answer(self, asked: Asked) -> Any:
        return {"members": self.members}

    def truth(self) -> dict[str, Records]:
        keys = (f"{one['user']['id']}~{str(one['role']).replace('~', '%7E')}" for one in self.members)  # type: ignore[index]
        return {"members": dict(zip(keys, self.members, strict=True))}


@tells("ids.md", "Odd names")
class JsonLd(Notes):
    def shown(self, note: Record) -> Record:
        return {"@id": f"https://x.test/{note['id']}", "title": note["title"]}

    def answer(self, asked: Asked) -> Any:
        return {"@graph": self.listed()}

    def truth(self) -> dict[str, Records]:
        return {"things": keyed(self.listed(), "@id")}


@tells("unchanged.md", "Everything is reported as changed")
class Restless(Notes):
    def answer(self, asked: Asked) -> Any:
        moving = {
            "views": self.requests, "author": {"id": 1, "last_seen_at": self.requests},
            "files": [{"id": 1, "url": f"https://x.test/?signature={self.requests}"}],
        }  # fmt: skip
        self.seen = getattr(self, "seen", 0) + 1
        moving["views"] = self.seen
        return {"notes": [note | moving for note in self.listed()]}

    def compared(self, record: Record) -> Record:
        return {name: record[name] for name in ("id", "title", "rev", "updated_at")}
