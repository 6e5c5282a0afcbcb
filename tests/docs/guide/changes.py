"""Servers of docs/definitions: stubs, cursors, deletions, feeds."""

from typing import Any

from tests.docs.guide.api import Notes, Record, Records, at, keyed, paged, reply, tells
from tests.support.scripted_source import Asked


@tells("stubs.md", "The stub says when it has changed")
class Stubs(Notes):
    idle_requests = 3

    def answer(self, asked: Asked) -> Any:
        if asked.path != "/notes":
            return self.one(asked)
        stubs = [{"id": note["id"], "rev": note["rev"]} for note in self.listed()]
        return paged(asked, stubs, query="page")


@tells("stubs.md", "The list has ids and nothing else")
class BareIds(Notes):
    idle_requests = 1

    def change(self) -> None:
        self.put(99)
        self.remove(5)

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/newest":
            return sorted(self.notes, reverse=True)
        found = self.one(asked)
        return found and found["note"]

    def truth(self) -> dict[str, Records]:
        return {"items": keyed(self.listed())}


@tells("stubs.md", "The stub says nothing about changes")
class BareStubs(Notes):
    def stubs(self) -> list[Record]:
        return [{"id": note["id"]} for note in self.listed()]

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/notes":
            return {"notes": self.stubs()}
        found = self.one(asked)
        return found and found["note"]

    def truth(self) -> dict[str, Records]:
        return super().truth() | {"stubs": keyed(self.stubs())}


@tells("no-updated-field.md", "List everything, every time")
class NoTimes(Notes):
    def shown(self, note: Record) -> Record:
        return {"id": note["id"], "title": note["title"]}

    def answer(self, asked: Asked) -> Any:
        return paged(asked, self.listed())


@tells("no-updated-field.md", "Records never change, they are only added")
class Log(Notes):
    idle_requests = 1

    def change(self) -> None:
        self.put(26)
        self.put(27)

    def answer(self, asked: Asked) -> Any:
        after = int(asked.query.get("after_id", 0))
        return paged(asked, [note for note in self.listed() if note["id"] > after], "entries")

    def truth(self) -> dict[str, Records]:
        return {"entries": keyed(self.listed())}


@tells("late.md", "The field is null until the first edit")
class NullAtFirst(Notes):
    def shown(self, note: Record) -> Record:
        times = {"created_at": note["updated_at"], "updated_at": None}
        return note | (times if "edited" not in note["title"] else {"created_at": at(1)})

    def change(self) -> None:
        self.put(3, title="edited")
        self.put(99)

    def answer(self, asked: Asked) -> Any:
        since = asked.query.get("updated_since", "")
        return {"notes": [note for note in self.listed() if (note["updated_at"] or note["created_at"]) >= since]}


@tells("late.md", "Records are written with a time in the past")
class Imported(Notes):
    def change(self) -> None:
        self.put(99, updated_at="2019-05-05T05:05:05Z")
        self.put(3, title="edited")

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/notes/count":
            return {"count": len(self.notes)}
        return {"notes": self.since(asked.query.get("updated_since"))}


@tells("vanished.md", "A full listing finds them")
class Vanishing(Notes):
    def answer(self, asked: Asked) -> Any:
        if asked.path != "/notes":
            return self.one(asked)
        start = (int(asked.query["page"]) - 1) * 10
        return {"notes": self.listed()[start : start + 10]}


@tells("vanished.md", "With a count they are found at once")
class VanishingCounted(Notes):
    def answer(self, asked: Asked) -> Any:
        if asked.path != "/notes":
            return self.one(asked)
        found = self.since(asked.query.get("updated_since"))
        return reply({"notes": found[: int(asked.query.get("limit", 100))]}, X_Total_Count=str(len(self.notes)))


@tells("vanished.md", "A cheap list of ids")
class Swept(Notes):
    def answer(self, asked: Asked) -> Any:
        if asked.path != "/notes":
            return self.one(asked)
        if asked.query.get("fields") == "id":
            return {"notes": [{"id": number} for number in self.notes]}
        return {"notes": self.since(asked.query.get("updated_since"))}

    def change(self) -> None:
        super().change()
        self.put(98, updated_at="2019-05-05T05:05:05Z")  # no delta shows it


class Tombs(Notes):
    """What was deleted, with the time at which it was."""

    def __init__(self) -> None:
        super().__init__()
        self.tombs: list[Record] = []

    def remove(self, number: int) -> None:
        super().remove(number)
        self.tombs.append({"id": number, "rev": self.rev, "at": at(self.rev)})


@tells("deleted.md", "Deleted records stay in the list for a while")
class TombstonesInDeltas(Tombs):
    def shown(self, note: Record) -> Record:
        return {"id": note["id"], "title": note["title"], "modified": note["rev"]}

    def answer(self, asked: Asked) -> Any:
        since = asked.query.get("since")
        if since is None:
            return {"notes": self.listed()}
        assert asked.query["include_deleted"] == "true"
        gone = [{"id": one["id"], "deleted": True, "modified": one["rev"]} for one in self.tombs]
        return {"notes": [one for one in (*self.listed(), *gone) if one["modified"] >= int(since)]}


@tells("deleted.md", '"Deleted" is a status')
class DeletedStatus(Tombs):
    def shown(self, note: Record) -> Record:
        return note | {"status": "active"}

    def answer(self, asked: Asked) -> Any:
        gone = [{"id": one["id"], "status": "deleted"} for one in self.tombs]
        if asked.path == "/notes":
            return {"notes": [*self.listed(), *gone[:1]]}  # the older ones it shows only who asks for them
        found = self.one(asked)
        number = int(asked.path.rpartition("/")[2])
        return found["note"] if found else next((one for one in gone if one["id"] == number), None)

    def change(self) -> None:
        super().change()
        self.remove(6)


@tells("deleted.md", "What is deleted answers 403")
class Deleted403(Tombs):
    def answer(self, asked: Asked) -> Any:
        if asked.path == "/notes":
            return {"notes": self.listed()}
        return self.one(asked) or (403, {"code": "deleted"})


@tells("deleted.md", "There is a list of deletions")
class ListOfDeletions(Tombs):
    def answer(self, asked: Asked) -> Any:
        if asked.path == "/deletions":
            since = asked.query.get("since", "")
            gone = [{"note_id": one["id"], "deleted_at": one["at"]} for one in self.tombs if one["at"] >= since]
            return {"deletions": gone}
        return {"notes": self.since(asked.query.get("updated_since"))}

    def change(self) -> None:
        super().change()
        self.remove(7)
        self.put(7, title="made anew")


@tells("feeds.md", "The last page gives a token")
class SyncToken(Tombs):
    idle_requests = 1

    def answer(self, asked: Asked) -> Any:
        token = asked.query.get("syncToken")
        if token == "T0":
            return 410, {"error": "too old"}
        seen = int(token[1:]) if token else -1
        gone = [{"id": one["id"], "status": "cancelled", "rev": one["rev"]} for one in self.tombs if token]
        page = paged(asked, [one for one in (*self.listed(), *gone) if one["rev"] > seen], "items", "pageToken")
        following = {"nextPageToken": page["next"]} if page["next"] else {"nextSyncToken": f"T{self.rev}"}
        return {"items": page["items"]} | following

    def truth(self) -> dict[str, Records]:
        return {"events": keyed(self.listed())}


class Feed(Notes):
    def __init__(self) -> None:
        self.log: list[int] = []
        super().__init__()

    def put(self, number: int, **fields: Any) -> Record:
        self.log.append(number)
        return super().put(number, **fields)

    def remove(self, number: int) -> None:
        self.log.append(number)
        super().remove(number)


@tells("feeds.md", "A feed of changes beside the list")
class FeedOfRecords(Feed):
    idle_requests = 1

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/changes/start":
            return {"startPageToken": str(len(self.log))}
        if asked.path == "/changes":
            begin = int(asked.query["pageToken"])
            entries = [
                {"fileId": number, "removed": number not in self.notes, "file": self.notes.get(number)}
                for number in self.log[begin : begin + 2]
            ]
            end = min(begin + 2, len(self.log))
            return {"changes": entries, ("nextPageToken" if end < len(self.log) else "newStartPageToken"): str(end)}
        if asked.path == "/files":
            page = paged(asked, self.listed(), "files", "pageToken")
            return {"files": page["files"]} | ({"nextPageToken": page["next"]} if page["next"] else {})
        found = self.one(asked)
        return found and found["note"]

    def truth(self) -> dict[str, Records]:
        return {"files": keyed(self.listed())}


@tells("feeds.md", "The feed names ids and nothing else")
class FeedOfIds(Feed):
    idle_requests = 1

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/log":
            since = int(asked.query.get("since", len(self.log)))
            return {"entries": [{"note_id": number} for number in self.log[since:]], "at": len(self.log)}
        return {"notes": self.listed()} if asked.path == "/notes" else self.one(asked)


@tells("feeds.md", "The feed leaves something out")
class FeedWithGaps(Feed):
    """It tells the newest ten events only. A redaction empties an event in place."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = 0

    def change(self) -> None:
        self.changed += 1
        for number in range(100, 130):
            self.put(number)
        self.put(2, title=None)
        self.put(130, redacts=2)

    def shown(self, note: Record) -> Record:
        return {"event_id": note["id"], "title": note["title"]} | (
            {"redacts": note["redacts"]} if "redacts" in note else {}
        )

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/sync":
            new = [number for number in self.log[int(asked.query.get("since", len(self.log))) :] if number != 2]
            chunk = [self.shown(self.notes[number]) for number in new[-10:]]
            return {"chunk": chunk, "limited": len(new) > 10, "next_batch": str(len(self.log))}
        if asked.path == "/events":
            return {"chunk": self.listed()}
        found = self.one(asked)
        return found and found["note"]

    def truth(self) -> dict[str, Records]:
        return {"events": keyed(self.listed(), "event_id")}
