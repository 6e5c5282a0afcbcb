"""Restores to servers that others wrote: wiped there, restored, read back by an independent client."""

import base64
import json
from typing import Any

import pytest

from holdfast.definitions import library
from holdfast.operations import instances
from tests.real.google import everything, given
from tests.real.library import adapted, another, assert_success, stored
from tests.real.test_google import content, upload
from tests.real.test_stripe import at_source
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate, Synapse
from tests.support.restoring import planned, restored

pytestmark = pytest.mark.real


def test_stripe(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("stripe", "Bearer sk_test_restore")
    values = {"token": "sk_test_restore", "base_url": emulate.url("stripe")}
    mark = "to be restored"
    customers = [api.form("/v1/customers", name=f"{mark} {i}", email=f"r{i}@x.test")["id"] for i in range(12)]
    instance = installation.instance(adapted("stripe", only=["customers", "products", "prices"]), **values)
    assert_success(installation.backup(instance))
    before = {one["name"]: one for one in api.get("/v1/customers", limit=100)["data"] if mark in str(one["name"])}
    for customer in customers[:7]:
        api.ask("DELETE", f"/v1/customers/{customer}")
    plan = planned(installation, instance, endpoint="customers")
    made = restored(installation, instance, endpoint="customers")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"], plan.total("create")) == ("successful", 7, 7)
    now = {one["name"]: one for one in api.get("/v1/customers", limit=100)["data"] if mark in str(one["name"])}
    assert now.keys() == before.keys()
    for name, one in now.items():
        assert {**one, "id": 0, "created": 0} == {**before[name], "id": 0, "created": 0}


def test_stripe_sets_back_what_was_edited(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("stripe", "Bearer sk_test_edited")
    customer = api.form("/v1/customers", name="to be edited", email="edited@x.test", description="kept")
    values = {"token": "sk_test_edited", "base_url": emulate.url("stripe")}
    instance = installation.instance(adapted("stripe", only=["customers"]), **values)
    assert_success(installation.backup(instance))
    api.form(f"/v1/customers/{customer['id']}", name="edited")
    made = restored(installation, instance, on_conflict="overwrite")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["updated"]) == ("successful", 1)
    assert api.get(f"/v1/customers/{customer['id']}") == customer


@pytest.mark.parametrize("place", ["in place", "another account"])
def test_stripe_to_an_empty_account(
    installation: Installation, emulate: Emulate, empty_stripe: Emulate, place: str
) -> None:
    api, other = emulate.api("stripe", "Bearer sk_test_from"), empty_stripe.api("stripe", "Bearer sk_test_to")
    for number in range(12):
        more = {"metadata[size]": "L", "description": f"product {number}, described"}
        product = api.form("/v1/products", name=f"product {number}", **more)["id"]
        for amount, currency in ((500 + number, "usd"), (900, "eur")):
            api.form(
                "/v1/prices", product=product, unit_amount=amount, currency=currency, **{"metadata[n]": f"a{amount}"}
            )

    def seen(of: Api) -> tuple[Any, ...]:
        customers = [{**one, "id": 0, "created": 0} for one in everything_of(of, "customers")]
        products = {one["id"]: {**one, "id": 0, "created": 0} for one in everything_of(of, "products")}
        prices = [
            {**one, "id": 0, "created": 0, "product": products[one["product"]]["name"]}
            for one in everything_of(of, "prices")
        ]
        return tuple(sorted(map(json.dumps, found)) for found in (customers, products.values(), prices))

    # It takes what a form says of `active` for a text.
    ways = {name: _without_active(name) for name in ("products", "prices")}
    document = adapted("stripe", only=["customers", "products", "prices"], endpoints=ways)
    instance = installation.instance(document, token="sk_test_from", base_url=emulate.url("stripe"))
    assert_success(installation.backup(instance))
    values = {"token": "sk_test_to", "base_url": empty_stripe.url("stripe")}
    target = instance
    if place == "in place":
        instances.set_variables(installation.services, instance, values)
    else:
        target = another(installation, instance, **values)
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", plan.total("create"))
    assert seen(other) == seen(api)
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def everything_of(api: Api, name: str) -> list[dict[str, Any]]:
    return list(at_source(api, f"/v1/{name}").values())


def _without_active(endpoint: str) -> dict[str, Any]:
    (said,) = [one["restore"] for one in json.loads(adapted("stripe"))["endpoints"] if one["name"] == endpoint]
    fields = said["create"]["fields"]
    kept = [one for one in fields if one != "active"]
    said["create"]["fields"] = kept if isinstance(fields, list) else {name: fields[name] for name in kept}
    return {"restore": said}


def test_github(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("github", "Bearer ghtok")
    repo = "/repos/octocat/other"
    for number in range(3):
        api.post(f"{repo}/labels", {"name": f"again {number}", "color": "d92d20", "description": "to be restored"})
        api.post(f"{repo}/milestones", {"title": f"again {number}", "description": "to be restored"})
    issue = api.post(f"{repo}/issues", {"title": "again", "body": "x", "labels": ["again 1"]})
    document = adapted("github", only=["repositories", "issues", "labels", "milestones"])
    instance = installation.instance(document, token="ghtok", base_url=emulate.url("github"))
    assert_success(installation.backup(instance))
    before = {one["name"]: one for one in api.get(f"{repo}/labels", per_page=100)}
    milestones = {one["title"]: one for one in api.get(f"{repo}/milestones", per_page=100, state="all")}
    for number in range(3):
        api.ask("DELETE", f"{repo}/labels/again%20{number}")
    for one in milestones.values():
        api.ask("DELETE", f"{repo}/milestones/{one['number']}")
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert made.status == "successful"
    now = {one["name"]: one for one in api.get(f"{repo}/labels", per_page=100)}
    assert {name: (one["color"], one["description"]) for name, one in now.items()} == {
        name: (one["color"], one["description"]) for name, one in before.items()
    }
    again = {one["title"]: one["description"] for one in api.get(f"{repo}/milestones", per_page=100, state="all")}
    assert again == {title: one["description"] for title, one in milestones.items()}
    assert api.get(f"{repo}/issues/{issue['number']}")["title"] == "again"


def test_gmail(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("google", "Bearer token")
    box = "/gmail/v1/users/me"
    label = api.post(f"{box}/labels", {"name": "to be restored"})["id"]
    for number in range(5):
        lines = [f"Message-ID: <again{number}@x.test>", "From: a@x.test", "To: b@x.test", f"Subject: again {number}"]
        raw = "\r\n".join([*lines, "Date: Tue, 24 Nov 2026 08:00:00 +0000", "", f"body {number}"])
        encoded = base64.urlsafe_b64encode(raw.encode()).decode()
        api.post(f"{box}/messages", {"raw": encoded, "labelIds": ["INBOX", label]})

    def messages() -> dict[str, Any]:
        """By subject: labels by name, and the headers."""
        names = {one["id"]: one["name"] for one in api.get(f"{box}/labels")["labels"]}
        found = {}
        for stub in everything(api, f"{box}/messages", "messages", maxResults=50):
            one = api.get(f"{box}/messages/{stub['id']}", format="full")
            headers = {header["name"]: header["value"] for header in one["payload"]["headers"]}
            if headers.get("Subject", "").startswith("again"):
                labels = sorted(names[label] for label in one["labelIds"])
                found[headers["Subject"]] = (one["id"], labels, headers, one["snippet"])
        return found

    start = {"changes": None}
    document = adapted("gmail", only=["labels", "messages"], endpoints={"messages": start})
    instance = installation.instance(document, **given(emulate))
    assert_success(installation.backup(instance))
    before = messages()
    assert len(before) == 5
    for record_id, *_ in before.values():
        api.ask("DELETE", f"{box}/messages/{record_id}")
    api.ask("DELETE", f"{box}/labels/{label}")
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", 6)
    assert {key: one[1:] for key, one in messages().items()} == {key: one[1:] for key, one in before.items()}


def test_gmail_to_another_mailbox(installation: Installation, emulate: Emulate) -> None:
    api, other = (emulate.api("google", f"Bearer gmail-{name}") for name in ("from", "to"))
    box = "/gmail/v1/users/me"
    kept = [api.post(f"{box}/labels", {"name": f"kept {number}"})["id"] for number in range(3)]
    for number in range(30):
        lines = [f"Message-ID: <given{number}@x.test>", "From: a@x.test", "To: b@x.test", f"Subject: given {number}"]
        raw = "\r\n".join([*lines, "Date: Tue, 24 Nov 2026 08:00:00 +0000", "", f"body {number}"])
        encoded = base64.urlsafe_b64encode(raw.encode()).decode()
        api.post(f"{box}/messages", {"raw": encoded, "labelIds": ["INBOX", kept[number % 3]]})
    rule = {"criteria": {"from": "a@x.test"}, "action": {"addLabelIds": [kept[1]]}}
    api.post(f"{box}/settings/filters", rule)

    def seen(of: Api) -> tuple[Any, ...]:
        names = {one["id"]: one["name"] for one in of.get(f"{box}/labels")["labels"]}
        messages = []
        for stub in everything(of, f"{box}/messages", "messages", maxResults=50):
            one = of.get(f"{box}/messages/{stub['id']}", format="full")
            whole = of.get(f"{box}/messages/{stub['id']}", format="raw")["raw"]
            headers = sorted((header["name"], header["value"]) for header in one["payload"]["headers"])
            messages.append((headers, sorted(names[label] for label in one["labelIds"]), whole, one["internalDate"]))
        filters = [
            (one["criteria"], [names[label] for label in one["action"]["addLabelIds"]])
            for one in of.get(f"{box}/settings/filters").get("filter", [])
        ]
        return sorted(names.values()), sorted(messages), filters

    only = ["labels", "messages", "filters"]
    document = adapted("gmail", only=only, endpoints={"messages": {"changes": None}})
    instance = installation.instance(document, **given(emulate, "from@example.com"))
    assert_success(installation.backup(instance))
    assert len(stored(installation, instance, "messages")) == 30
    target = another(installation, instance, **given(emulate, "to@example.com"))
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"], plan.total("create")) == ("successful", 34, 34)
    assert seen(other) == seen(api)
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def test_matrix(installation: Installation, synapse: Synapse) -> None:
    """What was redacted is sent again, as new events."""
    admin = synapse.login()
    room = admin.post("/_matrix/client/v3/createRoom", {"name": "restore", "preset": "private_chat"})["room_id"]
    texts = [f"message {number}" for number in range(8)]
    events = [_send(admin, room, text) for text in texts]
    values = {"base_url": synapse.url, "username": synapse.admin, "password": synapse.password}
    instance = installation.instance(library.read("matrix"), **values)
    assert_success(installation.backup(instance))
    for number, event in enumerate(events[:5]):
        path = f"/_matrix/client/v3/rooms/{room}/redact/{event}/gone{number}"
        admin.ask("PUT", path, {"reason": "wiped"})
    options: dict[str, Any] = {"endpoint": "events", "where": ("type=m.room.message", "room_id=" + room)}
    plan = planned(installation, instance, **options)
    made = restored(installation, instance, **options)
    assert [one["message"] for one in made.failures] == []
    assert (made.counters["created"], made.counters["left_alone"]) == (plan.total("create"), plan.total("leave"))
    assert made.counters["created"] == 5
    answer = admin.get(f"/_matrix/client/v3/rooms/{room}/messages", dir="b", limit=100)
    now = [one["content"]["body"] for one in answer["chunk"] if one["type"] == "m.room.message" and one["content"]]
    assert sorted(now) == texts


def _send(api: Api, room: str, text: str) -> str:
    body = {"msgtype": "m.text", "body": text}
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/{text.replace(' ', '-')}"
    made: str = json.loads(api.ask("PUT", path, body))["event_id"]
    return made


def test_calendar(installation: Installation, emulate: Emulate) -> None:
    api, other = (emulate.api("google", f"Bearer gmail-{name}") for name in ("from", "to"))
    path = "/calendar/v3/calendars/primary/events"
    ids = []
    for number in range(20):
        hour = {"dateTime": f"2026-12-{number + 1:02d}T09:30:00Z"}, {"dateTime": f"2026-12-{number + 1:02d}T10:00:00Z"}
        day = {"date": f"2026-12-{number + 1:02d}"}, {"date": f"2026-12-{number + 2:02d}"}
        begin, end = day if number % 3 else hour
        said = {"summary": f"event {number % 15} é", "description": "d", "location": "here"}
        people = [{"email": f"p{number}@x.test", "displayName": "P"}] if number % 2 else []
        ids.append(api.post(path, {**said, "start": begin, "end": end, "attendees": people})["id"])

    def seen(of: Api) -> list[str]:
        made_anew = ("id", "etag", "htmlLink", "created", "updated")
        found = everything(of, path, "items", maxResults=7)
        return sorted(json.dumps({**one, **dict.fromkeys(made_anew)}, sort_keys=True) for one in found)

    before = seen(api)
    # It tells nothing of one event alone.
    document = adapted("google-calendar", endpoints={"events": {"record": None}})
    instance = installation.instance(document, **given(emulate, "from@example.com"))
    assert_success(installation.backup(instance))
    for event in ids[:8]:
        api.ask("DELETE", f"{path}/{event}")
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"], seen(api)) == ("successful", 8, before)

    target = another(installation, instance, **given(emulate, "to@example.com"))
    assert seen(other) == []
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"], plan.total("create")) == ("successful", 20, 20)
    assert seen(other) == before
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)


def test_slack(installation: Installation, emulate: Emulate, empty_slack: Emulate) -> None:
    api, other = (one.api("slack", "Bearer xoxb-local-test") for one in (emulate, empty_slack))
    assert api.form("/api/conversations.create", name="plans")["ok"]
    channels = {one["name"]: one["id"] for one in _channels(api)}
    assert {"general", "plans"} <= channels.keys()
    for name in ("general", "plans"):
        assert api.form("/api/conversations.join", channel=channels[name])["ok"]
        roots = [_post(api, channels[name], f"message {number} in {name} é") for number in range(12)]
        for number in range(5):
            _post(api, channels[name], f"answer {number}", thread_ts=roots[number % 2 + 3])
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "*bold*"}}
        _post(api, channels[name], "with blocks", blocks=[block])
        bookmark = {"channel_id": channels[name], "title": "a link", "type": "link", "link": "https://x.test/"}
        assert api.post("/api/bookmarks.add", bookmark)["ok"]
    before = {name: _conversation(api, channels[name]) for name in ("general", "plans")}
    only = ["users", "channels", "messages", "replies", "bookmarks"]
    values = {"token": "xoxb-local-test", "files_url": emulate.url("slack")}
    instance = installation.instance(adapted("slack", only=only), base_url=f"{emulate.url('slack')}/api", **values)
    assert_success(installation.backup(instance))

    target = another(installation, instance, base_url=f"{empty_slack.url('slack')}/api", **values)
    joined = {one["name"]: one["id"] for one in _channels(other)}
    assert other.form("/api/conversations.join", channel=joined["general"])["ok"]
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", plan.total("create"))
    now = {one["name"]: one["id"] for one in _channels(other)}
    assert {name: _conversation(other, now[name]) for name in before} == before
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"]) == ("successful", 0)

    # In place: what was deleted is posted anew, and what was not is left alone.
    gone = [one for one in before["plans"][0] if one[0].startswith(("message 7", "message 9", "with"))]
    for message in _history(api, channels["plans"]):
        if message["text"] in {one[0] for one in gone}:
            assert api.form("/api/chat.delete", channel=channels["plans"], ts=message["ts"])["ok"]
    made = restored(installation, instance)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["created"]) == ("successful", 3)
    kept = [one for one in before["plans"][0] if one not in gone]
    assert _conversation(api, channels["plans"]) == ([*kept, *gone], before["plans"][1])


def _channels(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.form("/api/conversations.list", limit=100)["channels"]
    return found


def _post(api: Api, channel: str, text: str, **more: Any) -> str:
    sent = api.post("/api/chat.postMessage", {"channel": channel, "text": text, **more})
    assert sent["ok"], sent
    return str(sent["ts"])


def _history(api: Api, channel: str) -> list[dict[str, Any]]:
    """From the first message on."""
    found = api.form("/api/conversations.history", channel=channel, limit=200)["messages"]
    return sorted(
        (one for one in found if one.get("thread_ts", one["ts"]) == one["ts"]), key=lambda one: str(one["ts"])
    )


def _conversation(api: Api, channel: str) -> tuple[list[Any], list[Any]]:
    """What was said, in its order, each with its answers; and the bookmarks."""
    said = []
    for one in _history(api, channel):
        thread = api.form("/api/conversations.replies", channel=channel, ts=one["ts"], limit=100)["messages"]
        answers = sorted((answer["ts"], answer["text"]) for answer in thread if answer["ts"] != one["ts"])
        said.append((one["text"], one.get("blocks"), [text for _, text in answers]))
    marks = api.form("/api/bookmarks.list", channel_id=channel)["bookmarks"]
    return said, [(one["title"], one["link"]) for one in marks]


def test_drive_to_another_account(installation: Installation, emulate: Emulate) -> None:
    """emulate takes no dates and deletes nothing; it changes the name and the folder of a file, not its content."""
    api, other = (emulate.api("google", f"Bearer gmail-{name}") for name in ("from", "to"))
    folder = "application/vnd.google-apps.folder"
    work = api.post("/drive/v3/files", {"name": "work", "mimeType": folder})["id"]
    plans = api.post("/drive/v3/files", {"name": "plans", "mimeType": folder, "parents": [work]})["id"]
    api.post("/drive/v3/files", {"name": "empty folder", "mimeType": folder})
    contents = {f"f{number}.bin": content(number, 40_000 * number) for number in range(7)}
    ids = [
        upload(api, name, data, parents=[work, plans][index % 2]) for index, (name, data) in enumerate(contents.items())
    ]
    upload(api, "at the top é.txt", b"\r\n--no boundary\r\n\r\n")

    def seen(of: Api) -> list[tuple[str, str, str, bytes]]:
        files = {one["id"]: one for one in everything(of, "/drive/v3/files", "files", pageSize=3)}
        found = []
        for key, one in files.items():
            (parent,) = one["parents"]
            within = files[parent]["name"] if parent in files else parent
            data = b"" if one["mimeType"] == folder else of.ask("GET", f"/drive/v3/files/{key}", alt="media")
            found.append((one["name"], one["mimeType"], within, data))
        return sorted(found)

    dates = {"createdTime": "emulate takes none", "modifiedTime": "emulate takes none"}
    files = json.loads(adapted("google-drive"))["endpoints"][0]["restore"]
    files["find"].remove("createdTime")
    files["ignored"] |= dates
    # It changes no content: an update has the name alone.
    files["update"] |= {"path": "/drive/v3/files/{{ record.id }}", "fields": ["name"]}
    del files["update"]["multipart"]
    document = adapted("google-drive", endpoints={"files": {"changes": None, "restore": files}})
    instance = installation.instance(document, **given(emulate, "from@example.com"))
    assert_success(installation.backup(instance))
    before = seen(api)
    assert (len(before), seen(other)) == (11, [])

    target = another(installation, instance, **given(emulate, "to@example.com"))
    plan = planned(installation, instance, to=target)
    made = restored(installation, instance, to=target)
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.complete, made.counters["created"]) == ("successful", True, plan.total("create"))
    assert (seen(other), plan.requests) == (before, made.counters["requests"])
    again = restored(installation, instance, to=target)
    assert (again.status, again.counters["created"], again.counters["left_differing"]) == ("successful", 0, 0)

    api.ask("PATCH", f"/drive/v3/files/{ids[3]}", {"name": "by mistake"})
    made = restored(installation, instance, on_conflict="overwrite")
    assert [one["message"] for one in made.failures] == []
    assert (made.status, made.counters["updated"], seen(api)) == ("successful", 1, before)
