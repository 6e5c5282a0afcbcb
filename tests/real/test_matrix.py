"""A real Synapse: every user, room, event and file, redactions in place, and its stock limits."""

import hashlib
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.definitions import library
from holdfast.sources.policy import NetworkPolicy
from holdfast.sources.source import Source
from holdfast.sources.throttle import Throttle
from tests.real.library import adapted, assert_success, blob, stored, without
from tests.support.installation import Installation
from tests.support.real_sources import Api, Failed, Synapse, synapse_at

pytestmark = pytest.mark.real
# Ages and transaction ids change with every look; counts of a room and the last use of an account with what others do.
VOLATILE = {
    "events": ("unsigned", "age", "redacted_because"),
    "rooms": ("joined_members", "joined_local_members", "state_events"),
    "users": ("last_seen_ts",),
    "media": ("last_access_ts",),
}


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def everything(api: Api, path: str, name: str, following: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.get(path, **query)
        found += page[name]
        if page.get(following) is None:
            return found
        query["from"] = page[following]


def at_source(api: Api) -> dict[str, dict[str, Any]]:
    users = everything(
        api, "/_synapse/admin/v2/users", "users", "next_token", limit=5, deactivated="true", guests="true"
    )
    rooms = everything(api, "/_synapse/admin/v1/rooms", "rooms", "next_batch", limit=2)
    media = [
        one
        for user in users
        for one in everything(
            api, f"/_synapse/admin/v1/users/{quoted(user['name'])}/media", "media", "next_token", limit=3
        )
    ]
    events = [
        one
        for room in rooms
        for one in everything(
            api, f"/_synapse/admin/v1/rooms/{quoted(room['room_id'])}/messages", "chunk", "end", limit=13, dir="b"
        )
    ]
    return {
        "users": {one["name"]: one for one in users}, "rooms": {one["room_id"]: one for one in rooms},
        "media": {one["media_id"]: one for one in media}, "events": {one["event_id"]: one for one in events},
    }  # fmt: skip


def send(api: Api, room: str, transaction: str, **content: Any) -> str:
    path = f"/_matrix/client/v3/rooms/{quoted(room)}/send/m.room.message/{transaction}"
    made: str = _put(api, path, {"msgtype": "m.text", **content})["event_id"]
    return made


def _put(api: Api, path: str, body: dict[str, Any]) -> Any:

    return json.loads(api.ask("PUT", path, body))


def upload(api: Api, name: str, data: bytes) -> str:

    answer = api.ask("POST", "/_matrix/media/v3/upload", data, kind="application/octet-stream", filename=name)
    made: str = json.loads(answer)["content_uri"]
    return made


def test_matrix(installation: Installation, synapse: Synapse) -> None:
    admin, ann = synapse.login(), synapse.login("ann")
    rooms = [
        (admin if number % 2 else ann).post(
            "/_matrix/client/v3/createRoom", {"name": f"room {number}", "preset": "private_chat"}
        )["room_id"]
        for number in range(5)
    ]
    owners = [admin if number % 2 else ann for number in range(5)]
    sent: list[tuple[str, str]] = []
    for number in range(260):
        room = number % 5
        content: dict[str, Any] = {"body": f"message {number} é✓"}
        if number % 20 == 0:
            uri = upload(owners[room], f"a {number}.bin", hashlib.shake_256(str(number).encode()).digest(20_000))
            content |= {"msgtype": "m.file", "url": uri}
        sent.append((rooms[room], send(owners[room], rooms[room], f"t{number}", **content)))

    def assert_same() -> None:
        source = at_source(admin)
        for endpoint, records in source.items():
            volatile = VOLATILE[endpoint]
            assert without(stored(installation, instance, endpoint), *volatile) == without(records, *volatile), endpoint
        for key in source["media"]:
            served = admin.ask("GET", f"/_matrix/client/v1/media/download/test.local/{key}")
            assert blob(installation, instance, "media", key) == served

    given = {"base_url": synapse.url, "username": synapse.admin, "password": synapse.password}
    instance = installation.instance(library.read("matrix"), **given)
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    source = at_source(admin)
    assert (len(source["media"]), len(source["rooms"]), len(source["users"])) == (13, 5, 2)
    assert len(source["events"]) >= 260

    # Edits, redactions (one in a room of ann's), additions, a room and a file that come, a file that goes.
    for number in (7, 11, 12):
        room, event = sent[number]
        path = f"/_matrix/client/v3/rooms/{quoted(room)}/redact/{quoted(event)}/r{number}"
        _put(owners[number % 5], path, {"reason": "x"})
    relation = {"rel_type": "m.replace", "event_id": sent[16][1]}
    new = {"m.new_content": {"msgtype": "m.text", "body": "edited"}, "m.relates_to": relation}
    send(owners[1], rooms[1], "edit", body="* edited", **new)
    for number in range(130):
        send(owners[0], rooms[0], f"later{number}", body=f"later {number}")
    later = ann.post("/_matrix/client/v3/createRoom", {"name": "later", "preset": "private_chat"})["room_id"]
    send(ann, later, "first", body="in a new room")
    upload(ann, "later.bin", b"later" * 1000)
    gone = next(iter(source["media"]))
    admin.ask("DELETE", f"/_synapse/admin/v1/media/test.local/{gone}")
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert run.counters["deleted"] == 1
    assert run.counters["changed"] == 3, "the redacted ones, and no other"

    after_delta = {name: stored(installation, instance, name) for name in VOLATILE}
    run = installation.backup(instance, full=True)
    assert_success(run)
    assert {name: stored(installation, instance, name) for name in VOLATILE} == after_delta
    assert run.counters["packs"] == 0


def test_a_wrong_password_is_a_refused_credential(installation: Installation, synapse: Synapse) -> None:
    given = {"base_url": synapse.url, "username": synapse.admin, "password": "wrong"}
    run = installation.backup(installation.instance(library.read("matrix"), **given))
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["credential_refused"])
    assert "the login" in run.failures[0]["message"]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    with synapse_at(tmp_path_factory.mktemp("stock"), stock_limits=True) as server:
        yield server


# What a space has in it. Synapse lets nobody ask for more than ten at once and five a second: here that is 45 requests.
HIERARCHIES = [
    {
        "name": name, "for_each": "rooms", "path": "/_matrix/client/v1/rooms/{{ parent.room_id }}/hierarchy",
        "query": query, "records": "rooms", "id": "room_id",
        "paging": {"type": "cursor", "query": "from", "body": "next_batch"},
    }
    for name, query in (("hierarchy", {}), ("suggested", {"suggested_only": "true"}), ("near", {"max_depth": 1}))
]  # fmt: skip
ROOMS = 15


def test_a_backup_under_stock_limits_is_told_to_wait_and_is_complete(
    installation: Installation, stock: Synapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = stock.login()
    override = f"/_synapse/admin/v1/users/{quoted('@admin:test.local')}/override_ratelimit"
    admin.post(override, {"messages_per_second": 0, "burst_count": 0})  # for filling it, not for the backup
    rooms = [
        admin.post("/_matrix/client/v3/createRoom", {"name": f"room {number}"})["room_id"] for number in range(ROOMS)
    ]
    for number, room in enumerate(rooms):
        send(admin, room, f"t{number}", body=f"message {number}")
    admin.ask("DELETE", override)
    with pytest.raises(Failed, match="429"):
        for room in rooms:
            admin.get(f"/_matrix/client/v1/rooms/{quoted(room)}/hierarchy")

    document = json.loads(adapted("matrix"))
    document["connection"]["limits"] = {"concurrency": 4}
    document["endpoints"] += HIERARCHIES
    given = {"base_url": stock.url, "username": stock.admin, "password": stock.password}
    instance = installation.instance(json.dumps(document), **given)
    pauses: list[float] = []
    pause = Throttle.pause

    def noted(throttle: Throttle, seconds: float) -> None:
        pauses.append(seconds)
        pause(throttle, seconds)

    monkeypatch.setattr(Throttle, "pause", noted)
    run = installation.backup(instance)
    assert_success(run)
    assert pauses and max(pauses) >= 1, "Synapse says in whole seconds how long to wait"
    source = at_source(admin)
    for endpoint, records in source.items():
        volatile = VOLATILE[endpoint]
        assert without(stored(installation, instance, endpoint), *volatile) == without(records, *volatile), endpoint
    for endpoint in HIERARCHIES:
        assert set(stored(installation, instance, endpoint["name"])) == {f"{room}~{room}" for room in rooms}

    send(admin, rooms[0], "later", body="later")
    run = installation.backup(instance)
    assert_success(run)
    assert run.counters["new"] == 1
    assert set(stored(installation, instance, "events")) == set(at_source(admin)["events"])


class _Waits(Exception):
    """The first wait is all that is to be known."""


async def test_a_login_is_tried_again_as_late_as_synapse_says(stock: Synapse) -> None:
    told = 0.0
    for _ in range(20):
        try:
            stock.login("ann")
        except Failed as refused:
            assert refused.status == 429
            told = float(refused.headers["Retry-After"])
            break
    assert told > 0, "twenty logins are more than its limits allow"

    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        raise _Waits

    given = {"base_url": stock.url, "username": "ann", "password": stock.password}
    network = NetworkPolicy(allow_private=True)
    async with Source(library.load("matrix"), given, network, sleep=sleep) as source:
        with pytest.raises(_Waits):
            await source.check()
    assert told - 5 <= waits[0] <= told * 1.1 + 2
