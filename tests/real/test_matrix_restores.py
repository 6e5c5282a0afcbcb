"""Everything of a Synapse homeserver, restored into a second, empty one, and read back by an independent client."""

import json
from typing import Any

import pytest

from holdfast.definitions import library
from tests.real.library import another, assert_success
from tests.real.test_matrix import everything, quoted
from tests.support.installation import Installation
from tests.support.real_sources import Api, Synapse
from tests.support.restoring import planned, report, restored

pytestmark = pytest.mark.real
MADE_BY_THE_SERVER = {"room_id", "name", "creator", "joined_members", "joined_local_members", "state_events"}


def _filled(api: Api, ann: Api) -> list[str]:
    """Rooms with everything in them that refers to something, one of them ann's alone; their ids."""
    said: list[dict[str, Any]] = [
        {"name": "plans", "topic": "what comes next", "preset": "private_chat"},
        {"name": "open to all", "preset": "public_chat"},
        {"preset": "private_chat", "is_direct": True},
        {"name": "a space", "creation_content": {"type": "m.space"}},
        {"name": "old", "room_version": "10", "initial_state": [_state("history_visibility", "world_readable")]},
    ]
    rooms = [api.post("/_matrix/client/v3/createRoom", one)["room_id"] for one in said]
    rooms.append(ann.post("/_matrix/client/v3/createRoom", {"name": "of ann"})["room_id"])
    for number, room in enumerate(rooms):
        of = ann if number == 5 else api
        roots = [_sent(of, room, "m.room.message", body=f"message {index} ✓ in {number}") for index in range(6)]
        _sent(of, room, "m.room.message", body="an answer", relates=_in_reply_to(roots[4]))
        thread = {"rel_type": "m.thread", "event_id": roots[3], "is_falling_back": True, **_in_reply_to(roots[3])}
        last = _sent(of, room, "m.room.message", body="in a thread", relates=thread)
        _sent(of, room, "m.room.message", body="on in it", relates={**thread, **_in_reply_to(last)})
        _sent(of, room, "m.reaction", relates={"rel_type": "m.annotation", "event_id": last, "key": "👍"})
        edit = {"rel_type": "m.replace", "event_id": roots[2]}
        _sent(of, room, "m.room.message", body="* 2", relates=edit, **{"m.new_content": {"body": "2"}})
        _sent(of, room, "org.example.poll", question={"options": [1, 2, None, {"a.b": "c"}]})
        _sent(of, room, "m.room.message", body="an answer to what was redacted", relates=_in_reply_to(roots[5]))
        of.ask("PUT", f"/_matrix/client/v3/rooms/{quoted(room)}/redact/{quoted(roots[5])}/gone", {"reason": "x"})
    return rooms


def _state(kind: str, value: str) -> dict[str, Any]:
    return {"type": f"m.room.{kind}", "content": {kind: value}}


def _in_reply_to(event: str) -> dict[str, Any]:
    return {"m.in_reply_to": {"event_id": event}}


def _sent(api: Api, room: str, kind: str, relates: dict[str, Any] | None = None, **content: Any) -> str:
    if kind == "m.room.message":
        content["msgtype"] = "m.text"
    if relates is not None:
        content["m.relates_to"] = relates
    _sent.count += 1  # type: ignore[attr-defined]
    path = f"/_matrix/client/v3/rooms/{quoted(room)}/send/{kind}/t{_sent.count}"  # type: ignore[attr-defined]
    made: str = json.loads(api.ask("PUT", path, content))["event_id"]
    return made


_sent.count = 0  # type: ignore[attr-defined]


def _rooms(api: Api) -> dict[str, dict[str, Any]]:
    found = everything(api, "/_synapse/admin/v1/rooms", "rooms", "next_batch", limit=3)
    return {one["room_id"]: one for one in found}


def _said(api: Api, room: str) -> list[dict[str, Any]]:
    """What people have said in a room and what has not been redacted, from the first on."""
    path = f"/_synapse/admin/v1/rooms/{quoted(room)}/messages"
    events = everything(api, path, "chunk", "end", dir="f", limit=7)
    return [one for one in events if "state_key" not in one and one["content"] and one["type"] != "m.room.redaction"]


def test_into_a_second_empty_server(installation: Installation, synapse: Synapse, empty_synapse: Synapse) -> None:
    api, ann, other = synapse.login(), synapse.login("ann"), empty_synapse.login()
    rooms = _filled(api, ann)
    assert _rooms(other) == {}, "it is empty"
    given = {"username": synapse.admin, "password": synapse.password}
    instance = installation.instance(library.read("matrix"), base_url=synapse.url, **given)
    assert_success(installation.backup(instance))
    target = another(installation, instance, base_url=empty_synapse.url, **given)
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", plan.total("create"))
    assert made.counters["impossible"] == plan.total("impossible")

    before, after = _rooms(api), _rooms(other)
    by_name = {one["name"]: key for key, one in after.items()}
    assert len(by_name) == len(after) == len(before)
    for number, room in enumerate(rooms):
        new = by_name[before[room]["name"] or room]
        same = {name: value for name, value in before[room].items() if name not in MADE_BY_THE_SERVER}
        assert {name: after[new][name] for name in same} == same
        old_events, new_events = _said(api, room), _said(other, new)
        assert len(old_events) == 12, "of 13 one was redacted"
        ids = {one["event_id"]: again["event_id"] for one, again in zip(old_events, new_events, strict=True)}
        assert not ids.keys() & set(ids.values())
        for one, again in zip(old_events, new_events, strict=True):
            expected = one["content"]
            if "m.relates_to" in expected:  # the id of what was redacted stays
                expected = {**expected, "m.relates_to": _mapped(expected["m.relates_to"], ids)}
            assert (again["type"], again["content"]) == (one["type"], expected), (number, one)
            assert again["sender"] == "@admin:other.local"
    told = report(installation, made)
    differing = {(one["endpoint"], other["field"]) for one in told["records"] for other in one.get("differences") or ()}
    assert differing <= {
        *(("rooms", name) for name in ("room_id", "name", "creator", "state_events")),
        *(
            ("events", name)
            for name in ("event_id", "room_id", "sender", "user_id", "origin_server_ts", "age", "unsigned")
        ),
        ("events", 'content."m.relates_to"."m.in_reply_to".event_id'),
    }, differing

    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"], _rooms(other).keys()) == ("successful", 0, after.keys())


def _mapped(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(one, ids) for name, one in value.items()}
    return ids.get(value, value) if isinstance(value, str) else value
