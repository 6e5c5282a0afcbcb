"""Slack as emulate imitates it."""

import hashlib
from typing import Any

import pytest

from tests.real.library import adapted, assert_success, blob, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate

pytestmark = pytest.mark.real


def everything(api: Api, method: str, name: str, **fields: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.form(f"/api/{method}", **fields)
        assert page["ok"], page
        found += page[name]
        fields["cursor"] = (page.get("response_metadata") or {}).get("next_cursor")
        if not fields["cursor"]:
            return found


def upload(api: Api, channel: str, name: str, data: bytes) -> None:
    begun = api.form("/api/files.getUploadURLExternal", filename=name, length=len(data))
    api.ask("POST", begun["upload_url"], data, kind="application/octet-stream")
    done = api.post(
        "/api/files.completeUploadExternal", {"files": [{"id": begun["file_id"], "title": name}], "channel_id": channel}
    )
    assert done["ok"], done


def post(api: Api, channel: str, text: str, **more: Any) -> str:
    sent = api.post("/api/chat.postMessage", {"channel": channel, "text": text, **more})
    assert sent["ok"], sent
    ts: str = sent["ts"]
    return ts


def at_source(api: Api) -> dict[str, dict[str, Any]]:
    channels = everything(
        api, "conversations.list", "channels", limit=3, types="public_channel,private_channel,mpim,im"
    )
    found: dict[str, dict[str, Any]] = {
        "channels": {one["id"]: one for one in channels},
        "users": {one["id"]: one for one in everything(api, "users.list", "members", limit=2)},
        "team": {(team := api.form("/api/team.info")["team"])["id"]: team},
        "files": {one["id"]: one for one in api.form("/api/files.list", count=100)["files"]},
        "messages": {}, "replies": {}, "pins": {}, "bookmarks": {},
    }  # fmt: skip
    for channel in found["channels"]:
        for message in everything(api, "conversations.history", "messages", channel=channel, limit=7):
            key = f"{channel}~{message['ts']}"
            found["messages"][key] = message
            if message.get("reply_count"):
                answers = everything(
                    api, "conversations.replies", "messages", channel=channel, ts=message["ts"], limit=3
                )
                above = key.replace("~", "%7E")
                found["replies"] |= {f"{above}~{one['ts']}": one for one in answers if one["ts"] != message["ts"]}
        for item in api.form("/api/pins.list", channel=channel)["items"]:
            inner = f"{item['type']}%7E{item['message']['ts']}"
            found["pins"][f"{channel}~{inner}"] = item
        for one in api.form("/api/bookmarks.list", channel_id=channel)["bookmarks"]:
            found["bookmarks"][f"{channel}~{one['id']}"] = one
    return found


def test_slack(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("slack", "Bearer xoxb-local-test")
    general, second, *_ = (one["id"] for one in everything(api, "conversations.list", "channels"))
    for channel in (general, second):
        assert api.form("/api/conversations.join", channel=channel)["ok"]
    sent = [post(api, general, f"message {number} é") for number in range(230)]
    for number in range(12):
        post(api, second, f"other {number}")
    for number in range(7):
        post(api, general, f"answer {number}", thread_ts=sent[10])
    post(api, general, "one answer", thread_ts=sent[20])
    assert api.post("/api/pins.add", {"channel": general, "timestamp": sent[1]})["ok"]
    bookmark = {"channel_id": general, "title": "a link", "type": "link", "link": "https://x.test"}
    assert api.post("/api/bookmarks.add", bookmark)["ok"]
    data = hashlib.shake_256(b"file").digest(20_000)
    upload(api, general, "f.bin", data)

    def assert_same() -> None:
        source = at_source(api)
        for endpoint, records in source.items():
            assert stored(installation, instance, endpoint) == records, endpoint
        for key, file in source["files"].items():
            assert blob(installation, instance, "files", key) == api.ask("GET", file["url_private_download"])

    given = {"token": "xoxb-local-test", "base_url": f"{emulate.url('slack')}/api", "files_url": emulate.url("slack")}
    instance = installation.instance(adapted("slack"), **given)
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    source = at_source(api)
    assert all(source[name] for name in ("messages", "replies", "pins", "bookmarks", "files", "users", "team"))
    assert len(source["replies"]) == 8

    post(api, general, "new")
    post(api, general, "another answer", thread_ts=sent[10])
    assert api.post("/api/chat.update", {"channel": general, "ts": sent[5], "text": "edited"})["ok"]
    upload(api, second, "g.bin", data[:1000])
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    after_delta = {name: stored(installation, instance, name) for name in source}

    run = installation.backup(instance, full=True)
    assert_success(run)
    assert {name: stored(installation, instance, name) for name in source} == after_delta
    assert run.counters["packs"] == 0

    # What no delta of Slack's tells: a message that is deleted. The weekly listing finds it.
    assert api.post("/api/chat.delete", {"channel": general, "ts": sent[7]})["ok"]
    run = installation.backup(instance, full=True)
    assert_success(run)
    assert_same()
    assert run.counters["deleted"] == 1
