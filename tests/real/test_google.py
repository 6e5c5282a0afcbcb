"""Gmail, Drive and Calendar as emulate imitates them, with its OAuth 2."""

import base64
import email
import hashlib
import json
from typing import Any

import pytest

from holdfast.operations import instances
from tests.real.google import ACCOUNT, everything, given
from tests.real.library import adapted, assert_success, blob, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate

pytestmark = pytest.mark.real
# emulate has no users.getProfile. A thread's history id is never later than the mailbox's: a right beginning too.
HISTORY_START = {"path": "/gmail/v1/users/me/threads", "token": "threads[0].historyId"}


def content(number: int, size: int = 20_000) -> bytes:
    return hashlib.shake_256(str(number).encode()).digest(size)


@pytest.fixture
def api(emulate: Emulate) -> Api:
    return emulate.api("google", f"Bearer {ACCOUNT}")


def mail(api: Api, number: int) -> str:
    attachment = base64.encodebytes(content(number)).decode().replace("\n", "\r\n")
    mime = (
        f"From: a{number}@x.test\r\nTo: {ACCOUNT}\r\nSubject: number {number} é\r\nMessage-ID: <m{number}@x.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=BB\r\n\r\n--BB\r\n"
        f"Content-Type: text/plain\r\n\r\nhello {number}\r\n--BB\r\n"
        f"Content-Type: application/octet-stream; name=a{number}.bin\r\n"
        f"Content-Disposition: attachment; filename=a{number}.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        f"{attachment}\r\n--BB--\r\n"
    )
    body = {"raw": base64.urlsafe_b64encode(mime.encode()).decode(), "labelIds": ["INBOX"]}
    made: str = api.post("/gmail/v1/users/me/messages", body)["id"]
    return made


def test_gmail(installation: Installation, emulate: Emulate, api: Api) -> None:
    box = "/gmail/v1/users/me"
    ids = [mail(api, number) for number in range(30)]
    label = api.post(f"{box}/labels", {"name": "kept"})["id"]
    draft = {"message": {"raw": base64.urlsafe_b64encode(b"Subject: draft\r\n\r\nnot yet").decode()}}
    api.post(f"{box}/drafts", draft)

    def messages() -> dict[str, Any]:
        listed = everything(api, f"{box}/messages", "messages", maxResults=7, includeSpamTrash="true")
        return {one["id"]: api.get(f"{box}/messages/{one['id']}", format="full") for one in listed}

    def assert_same() -> None:
        found = messages()
        assert stored(installation, instance, "messages") == found
        labels = {one["id"]: one for one in api.get(f"{box}/labels")["labels"]}
        counts = ("messagesTotal", "messagesUnread", "threadsTotal", "threadsUnread")
        for key, one in stored(installation, instance, "labels").items():
            assert {k: v for k, v in one.items() if k not in counts} == {
                k: v for k, v in labels.pop(key).items() if k not in counts
            }
        assert not labels
        drafts = everything(api, f"{box}/drafts", "drafts")
        assert stored(installation, instance, "drafts") == {one["id"]: one for one in drafts}
        addresses = {one["sendAsEmail"]: one for one in api.get(f"{box}/settings/sendAs")["sendAs"]}
        assert stored(installation, instance, "send_as") == addresses
        for key, message in found.items():
            original = blob(installation, instance, "messages", key)
            raw = api.get(f"{box}/messages/{key}", format="raw")["raw"]
            assert original == base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
            for part in message["payload"].get("parts", []):
                if "attachmentId" in part["body"]:
                    data = api.get(f"{box}/messages/{key}/attachments/{part['body']['attachmentId']}")["data"]
                    attached = base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))
                    parsed = email.message_from_bytes(original)
                    assert attached in [one.get_payload(decode=True) for one in parsed.walk()]

    document = adapted("gmail")
    start = {"changes": {**_endpoint(document, "messages")["changes"], "start": HISTORY_START}}
    document = adapted("gmail", endpoints={"messages": start})
    instance = installation.instance(document, **given(emulate))
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert run.counters["blobs"] == 31

    mail(api, 100)
    api.post(f"{box}/messages/{ids[2]}/modify", {"addLabelIds": [label], "removeLabelIds": ["INBOX"]})
    api.post(f"{box}/messages/{ids[3]}/trash")
    api.ask("DELETE", f"{box}/messages/{ids[4]}")
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert (run.counters["deleted"], run.counters["blobs"]) == (1, 1)
    after_delta = stored(installation, instance, "messages")
    run = installation.backup(instance, full=True)
    assert_success(run)
    assert stored(installation, instance, "messages") == after_delta
    assert {run.counters[name] for name in ("new", "changed", "deleted", "blobs")} == {0}


def _endpoint(document: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in json.loads(document)["endpoints"] if one["name"] == name)
    return found


def upload(api: Api, name: str, data: bytes, **metadata: str) -> str:
    head = json.dumps({"name": name, **metadata}).encode()
    body = (
        b"--BB\r\nContent-Type: application/json\r\n\r\n" + head
        + b"\r\n--BB\r\nContent-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--BB--\r\n"
    )  # fmt: skip
    answer = api.ask(
        "POST", "/upload/drive/v3/files", body, kind="multipart/related; boundary=BB", uploadType="multipart"
    )
    made: str = json.loads(answer)["id"]
    return made


def test_drive(installation: Installation, emulate: Emulate, api: Api) -> None:
    ids = [upload(api, f"f{number}.bin", content(1000 + number)) for number in range(25)]
    upload(api, "empty.bin", b"")
    folder = api.post("/drive/v3/files", {"name": "folder", "mimeType": "application/vnd.google-apps.folder"})["id"]

    def assert_same() -> None:
        files = {one["id"]: one for one in everything(api, "/drive/v3/files", "files", pageSize=7)}
        assert stored(installation, instance, "files") == files
        for key, file in files.items():
            if not file["mimeType"].startswith("application/vnd.google-apps."):
                assert blob(installation, instance, "files", key) == api.ask(
                    "GET", f"/drive/v3/files/{key}", alt="media"
                )

    # emulate has no feed of changes: without it every run lists everything.
    document = adapted("google-drive", endpoints={"files": {"changes": None}})
    instance = installation.instance(document, **given(emulate))
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert run.counters["blobs"] == 26

    upload(api, "new.bin", content(2000))
    api.ask("PATCH", f"/drive/v3/files/{ids[1]}", {"name": "renamed.bin"}, addParents=folder)
    api.ask("PATCH", f"/drive/v3/files/{ids[2]}", {"trashed": True})
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert (run.counters["new"], run.counters["changed"], run.counters["deleted"]) == (1, 2, 0)
    run = installation.backup(instance, full=True)
    assert_success(run)
    assert run.counters["packs"] == 0


def test_calendar(installation: Installation, emulate: Emulate, api: Api) -> None:
    path = "/calendar/v3/calendars/primary/events"

    def event(number: int) -> str:
        day = f"2026-12-{1 + number % 28:02d}"
        made: str = api.post(
            path, {"summary": f"event {number} é", "start": {"date": day}, "end": {"date": day}}
        )["id"]  # fmt: skip
        return made

    ids = [event(number) for number in range(30)]

    def assert_same() -> None:
        calendars = {one["id"]: one for one in api.get("/calendar/v3/users/me/calendarList")["items"]}
        assert stored(installation, instance, "calendars") == calendars
        events = {f"primary~{one['id']}": one for one in everything(api, path, "items", maxResults=7)}
        assert stored(installation, instance, "events") == events

    instance = installation.instance(adapted("google-calendar"), **given(emulate))
    assert_success(installation.backup(instance))
    assert_same()
    event(99)
    api.ask("DELETE", f"{path}/{ids[5]}")
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert (run.counters["new"], run.counters["deleted"]) == (1, 1)
    run = installation.backup(instance, full=True)
    assert (run.status, run.counters["packs"]) == ("successful", 0)


def test_a_refresh_token_that_google_no_longer_takes_stops_the_run(
    installation: Installation, emulate: Emulate
) -> None:
    instance = installation.instance(adapted("google-calendar"), **given(emulate))
    assert_success(installation.backup(instance))
    instances.set_variables(installation.services, instance, {"refresh_token": "revoked"})
    run = installation.backup(instance)
    assert (run.status, [one["code"] for one in run.failures]) == ("failed", ["credential_refused"])
    assert "invalid_grant" in run.failures[0]["message"]
