"""Endpoints, records and blobs."""

from urllib.parse import quote

import pytest

from holdfast.api.routes import record_lists
from tests.contract.client import Client, Gate
from tests.support.hostile_source import HostileSource, StoredBlob, make_record, make_records

_BLOB = """    blob: {url: "{{ record.file }}", version: file, name: title, content_type: type}
"""
STRANGE_IDS = [
    "a/b", "a%2Fb", "100%", "%", "?", "a?b=c", "#", "..", ".", "...", "blob", "records", "active", "a b", "a+b", "a&b",
    "ä/ö", "日本", "😀", "~", "a~b", '"', "<script>", "\\", "\t", "a;b", "a:b", "[1]", "x" * 300, "/", "//",
    "%2F", "null",
]  # fmt: skip


def _records(instance: int, endpoint: str = "items") -> str:
    return f"/v1/backup_instances/{instance}/endpoints/{endpoint}/records"


# --- endpoints


def test_endpoints_are_those_of_the_definition_before_and_after_a_backup(vendor: Client, source: HostileSource) -> None:
    source.collections["more"] = {}
    more = """    description: The items
  - name: more
    path: /none/more
    id: id
"""
    instance = vendor.instance_of(source, more)
    path = f"/v1/backup_instances/{instance}/endpoints"
    expected = [{"name": "items", "description": "The items"}, {"name": "more", "description": None}]
    assert vendor.get(path).body == expected
    assert vendor.get(path + "/mor%65").body == expected[1]
    assert vendor.get(path + "/items/records").body == []
    vendor.back_up(instance)
    assert vendor.get(path).body == expected
    assert vendor.get(path + "?per_page=1&page=2").body == expected[1:]
    assert vendor.get(path + "/other").problem(404) == ("endpoint_name", "not_found")
    assert vendor.get(path + "/other/records").problem(404) == ("endpoint_name", "not_found")


# --- records


def test_records_are_as_the_source_sent_them(vendor: Client, source: HostileSource) -> None:
    source.put("items", b'{"id": 1, "big": 12345678901234567890123, "e": 1e400,  "u": "\\ud83d\\ude00", "n": null}')
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    raw = b'{"id": 1, "big": 12345678901234567890123, "e": 1e400,  "u": "\\ud83d\\ude00", "n": null}'
    answer = vendor.get(_records(instance))
    assert answer.content == b'[{"id":"1","field_data":' + raw + b',"blob_url":null}]'
    assert answer.headers["Content-Type"] == "application/json"
    assert vendor.get(_records(instance) + "/1").content == answer.content[1:-1]


def test_following_next_shows_every_record_once(vendor: Client, source: HostileSource) -> None:
    for record in make_records(250):
        source.put("items", record)
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    seen: list[str] = []
    url = _records(instance) + "?per_page=33"
    while url:
        answer = vendor.get(url)
        seen += [one["id"] for one in answer.body]
        url = answer.links.get("next", "")
    assert seen == sorted(str(number) for number in range(1, 251))
    assert [one["id"] for one in vendor.get(_records(instance) + "?per_page=33&page=4").body] == seen[99:132]
    assert [one["id"] for one in vendor.get(answer.links["last"]).body] == seen[231:]
    assert [one["id"] for one in vendor.get(answer.links["prev"]).body] == seen[198:231]
    assert vendor.get(_records(instance) + "?page=14").body == []


def test_the_first_page_is_always_the_newest_one(vendor: Client, source: HostileSource) -> None:
    """It is asked again and again, and kept."""
    source.put("items", make_record(1, title="first"))
    instance = vendor.instance_of(source)
    assert vendor.get(_records(instance)).body == []
    vendor.back_up(instance)
    first = vendor.get(_records(instance))
    assert vendor.get(_records(instance)).content == first.content
    source.put("items", make_record(1, title="second"))
    gate = Gate()
    source.switches.hook = gate
    try:
        running = vendor.post(f"/v1/backup_instances/{instance}/backups").body
        gate.wait()
        assert vendor.get(_records(instance)).content == first.content
    finally:
        gate.open()
    vendor.ended(instance, running["id"])
    assert [one["field_data"]["title"] for one in vendor.get(_records(instance)).body] == ["second"]
    assert vendor.get(_records(instance) + "?per_page=1").body == vendor.get(_records(instance)).body
    assert vendor.get(_records(instance) + "?page=2").body == []


@pytest.mark.parametrize("query", ["", "per_page=2", "page=2&per_page=2", "per_page=2&mine=x", "per_page=2&mine=%20"])
def test_a_plain_list_and_an_unusual_one_are_the_same(vendor: Client, source: HostileSource, query: str) -> None:
    """The first is answered past the framework, the second by its route."""
    source.blobs["one"] = StoredBlob(b"x")
    for number in range(5):
        source.put("items", make_record(number, file=f"{source.url}/blob/one"))
    instance = vendor.instance_of(source, _BLOB)
    vendor.back_up(instance)
    plain = vendor.get(f"{_records(instance)}?{query}")
    unusual = vendor.get(f"{_records(instance)}?{query}&unusual=%C3%BC")
    assert plain.content == unusual.content
    assert plain.headers["Link"] == unusual.headers["Link"].replace("unusual=%C3%BC&", "")
    assert {name: value for name, value in plain.headers.items() if name.lower() not in ("link", "date")} == {
        name: value for name, value in unusual.headers.items() if name.lower() not in ("link", "date")
    }


def test_next_goes_on_in_the_state_it_began_in(vendor: Client, source: HostileSource) -> None:
    for number in range(10, 40):
        source.put("items", make_record(number))
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    answer = vendor.get(_records(instance))
    for number in (30, 39):
        source.remove("items", number)
    source.put("items", make_record(35, title="changed"))
    source.put("items", make_record(40))
    assert vendor.back_up(instance)["status"] == "successful"
    rest = vendor.get(answer.links["next"]).body
    assert [one["id"] for one in rest] == [str(number) for number in range(30, 40)]
    assert rest[5]["field_data"]["title"] == "record 35"
    assert len(vendor.get(_records(instance) + "?per_page=100").body) == 29


def test_a_list_is_narrowed_by_conditions_on_fields(vendor: Client, source: HostileSource) -> None:
    for number in range(1, 301):
        source.put("items", {"id": number, "state": "open" if number % 3 else "closed", "user": {"n": number}})
    instance = vendor.instance_of(source)
    assert vendor.get(_records(instance) + "?where=state=closed").body == []
    first = vendor.back_up(instance)
    answer = vendor.get(_records(instance) + "?where=state=closed&where=user.n%3E100")
    assert [one["field_data"]["user"]["n"] for one in answer.body] == list(range(102, 160, 3))
    assert answer.body[0] == vendor.get(_records(instance) + "/102").body
    assert set(answer.links) == {"first", "next"}
    source.put("items", {"id": 300, "state": "open", "user": {"n": 300}})
    vendor.back_up(instance)
    seen = [one["id"] for one in answer.body]
    while "next" in answer.links:
        answer = vendor.get(answer.links["next"])
        seen += [one["id"] for one in answer.body]
    wanted = [str(number) for number in range(102, 301, 3)]
    assert seen == wanted, "all of it in the state that the first page showed"
    now = vendor.get(_records(instance) + "?where=state=closed&where=user.n%3E100&per_page=100")
    assert [one["id"] for one in now.body] == wanted[:-1]
    assert set(now.links) == {"first"}
    old = f"{_records(instance)}?where=state=closed&where=id=300&backup_id={first['id']}"
    assert [one["id"] for one in vendor.get(old).body] == ["300"]


def test_a_page_that_takes_too_long_is_short_and_goes_on(
    vendor: Client, source: HostileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_lists, "_PATIENCE_S", -1.0)
    for record in make_records(450):
        source.put("items", record)
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    answer = vendor.get(_records(instance) + "?where=id=99")
    pages, seen = 1, answer.body
    while "next" in answer.links:
        answer = vendor.get(answer.links["next"])
        pages, seen = pages + 1, seen + answer.body
    assert pages == 5
    assert [one["id"] for one in seen] == ["99"]


@pytest.mark.parametrize(
    ("query", "field"),
    [("where=state", "where"), ("where=", "where"), ("where=a=1&page=2", "page"), ("where=a=1&after=x", "after"),
     ("where=a=1&backup_id=7", "backup_id"), ("where=a=" + "x" * 1001, "where")],
)  # fmt: skip
def test_a_condition_that_is_none_is_400(vendor: Client, source: HostileSource, query: str, field: str) -> None:
    assert vendor.get(f"{_records(vendor.instance_of(source))}?{query}").problem()[0] == field


def test_conditions_do_not_show_what_is_somebody_elses(vendor: Client, other: Client, source: HostileSource) -> None:
    instance = vendor.instance_of(source)
    assert other.get(_records(instance) + "?where=a=1").problem(404) == ("backup_instance_id", "not_found")
    assert vendor.get(_records(instance, "nothing") + "?where=a=1").problem(404) == ("endpoint_name", "not_found")


@pytest.mark.parametrize("after", ["x", "!!!", "MQ", "a" * 3, "MSB4", "eCB4"])
def test_a_cursor_that_is_none_is_400(vendor: Client, after: str) -> None:
    instance = vendor.new_instance()
    assert vendor.get(f"{_records(instance)}?after={after}").problem()[0] == "after"


def test_earlier_states_are_seen_by_backup_and_by_time(vendor: Client, source: HostileSource) -> None:
    source.put("items", make_record(1, title="first"))
    instance = vendor.instance_of(source)
    first = vendor.back_up(instance)
    source.put("items", make_record(1, title="second"))
    source.put("items", make_record(2))
    second = vendor.back_up(instance)
    for query, title, count in (
        ("", "second", 2),
        (f"?backup_id={first['id']}", "first", 1),
        (f"?backup_id={second['id']}", "second", 2),
        (f"?at={first['ended_at']}", "first", 1),
        (f"?at=2020-01-01&backup_id={first['id']}", "first", 1),
        (f"?at={second['ended_at'].replace('Z', '%2B00:00')}", "second", 2),
        (f"?at={second['ended_at'].replace('Z', '+00:00')}", "second", 2),
    ):
        listed = vendor.get(_records(instance) + query).body
        assert len(listed) == count
        assert listed[0]["field_data"]["title"] == title
        assert vendor.get(_records(instance) + "/1" + query).body == listed[0]
        assert vendor.get(_records(instance) + "/2" + query).status == (200 if count == 2 else 404)
    assert vendor.get(_records(instance) + "?at=2020-01-01").body == []
    assert vendor.get(_records(instance) + "/1?at=2020-01-01").problem(404)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("backup_id=1", "backup_id", "not_found"),
        ("backup_id=x", "backup_id", "invalid"),
        ("at=yesterday", "at", "invalid"),
        ("at=99999-01-01", "at", "invalid"),
        ("at=", "at", "invalid"),
    ],
)
def test_a_bad_moment_is_400(vendor: Client, source: HostileSource, query: str, field: str, code: str) -> None:
    instance = vendor.instance_of(source)
    for path in (_records(instance), _records(instance) + "/1", _records(instance) + "/1/blob"):
        assert vendor.get(f"{path}?{query}").problem() == (field, code)


def test_the_newest_ended_run_is_listed_whatever_came_of_it(vendor: Client, source: HostileSource) -> None:
    for number in range(4):
        source.put("items", make_record(number))
    instance = vendor.instance_of(source)
    first = vendor.back_up(instance)
    source.put("items", make_record(0, title="newer"))
    source.switches.page_size = 2
    source.switches.fail_page = 2
    source.switches.fail_status = 404
    assert vendor.back_up(instance)["status"] == "failed"
    assert vendor.get(_records(instance) + "/0").body["field_data"]["title"] == "newer"
    assert len(vendor.get(_records(instance)).body) == 4, "what was not read again is still there"
    assert vendor.get(f"{_records(instance)}/0?backup_id={first['id']}").body["field_data"]["title"] == "record 0"


def test_a_running_backup_is_seen_by_its_id_only(vendor: Client, source: HostileSource) -> None:
    source.put("items", make_record(1))
    instance = vendor.instance_of(source)
    vendor.back_up(instance)
    source.put("items", make_record(2))
    gate = Gate()
    source.switches.hook = gate
    try:
        running = vendor.post(f"/v1/backup_instances/{instance}/backups").body
        gate.wait()
        assert len(vendor.get(_records(instance)).body) == 1
        assert len(vendor.get(f"{_records(instance)}?backup_id={running['id']}").body) == 1
    finally:
        gate.open()
    vendor.ended(instance, running["id"])
    assert len(vendor.get(_records(instance)).body) == 2


def test_ids_of_any_kind_go_around_whole(vendor: Client, source: HostileSource) -> None:
    for number, record_id in enumerate(STRANGE_IDS):
        source.put("items", {"id": record_id, "file": f"{source.url}/blob/{number}", "title": record_id})
        source.blobs[str(number)] = StoredBlob(f"blob of {record_id}".encode())
    instance = vendor.instance_of(source, _BLOB)
    assert vendor.back_up(instance)["failures"] == []
    listed = vendor.get(_records(instance) + "?per_page=100").body
    assert [one["id"] for one in listed] == sorted(STRANGE_IDS, key=lambda text: text.encode())
    for shown in listed:
        encoded = quote(shown["id"], safe="")
        assert vendor.get(f"{_records(instance)}/{encoded}").body == shown
        assert vendor.get(f"{_records(instance)}/{encoded}/blob").content == f"blob of {shown['id']}".encode()
        assert vendor.get(shown["blob_url"]).content == f"blob of {shown['id']}".encode()
        everything_encoded = "".join(f"%{byte:02x}" for byte in shown["id"].encode())
        assert vendor.get(f"{_records(instance)}/{everything_encoded}").body == shown


def test_an_unknown_record_is_404(vendor: Client, source: HostileSource) -> None:
    source.put("items", make_record(1))
    instance = vendor.instance_of(source)
    assert vendor.get(_records(instance) + "/1").problem(404) == ("record_id", "not_found")
    vendor.back_up(instance)
    for record_id in ("2", "01", "1%00", "%FF", "%F0%9F", "x" * 4000):
        assert vendor.get(f"{_records(instance)}/{record_id}").status == 404


# --- blobs


@pytest.fixture
def with_blob(vendor: Client, source: HostileSource) -> str:
    """The address of a blob, as the record's `blob_url` has it."""
    source.blobs["one"] = StoredBlob(bytes(range(256)) * 4000, "image/x-test", '"v1"')
    source.put("items", make_record(1, file=f"{source.url}/blob/one", title='my "file"/ä.png', type="image/x-test"))
    source.put("items", make_record(2, title="none"))
    instance = vendor.instance_of(source, _BLOB)
    assert vendor.back_up(instance)["failures"] == []
    one, two = vendor.get(_records(instance)).body
    assert two["blob_url"] is None
    assert vendor.get(f"{_records(instance)}/2/blob").problem(404)
    url: str = one["blob_url"]
    return url


def test_a_blob_has_its_own_content_type_length_and_name(vendor: Client, with_blob: str) -> None:
    assert with_blob.startswith(vendor.url)
    answer = vendor.get(with_blob)
    assert answer.status == 200
    assert answer.content == bytes(range(256)) * 4000
    assert answer.headers["Content-Type"] == "image/x-test"
    assert answer.headers["Content-Length"] == str(256 * 4000)
    assert answer.headers["Content-Disposition"] == "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%A4.png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_blob_with_the_access_token_alone(vendor: Client, with_blob: str) -> None:
    anybody = Client(vendor.url)
    assert vendor.token is not None
    assert anybody.get(with_blob, headers={"Access-Token": vendor.token}).status == 200
    assert anybody.get(with_blob).status == 401


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000000-", 1_000_000, 1_024_000),
        ("bytes=-5", 1_023_995, 1_024_000),
        ("bytes=1023999-9999999", 1_023_999, 1_024_000),
        ("bytes=-9999999", 0, 1_024_000),
    ],
)
def test_ranges_of_a_blob(vendor: Client, with_blob: str, wanted: str, start: int, end: int) -> None:
    answer = vendor.get(with_blob, headers={"Range": wanted})
    assert answer.status == 206
    assert answer.content == (bytes(range(256)) * 4000)[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/1024000"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["bytes=1024000-", "bytes=5000000-6000000", "bytes=-0"])
def test_a_range_that_is_not_there_is_416(vendor: Client, with_blob: str, wanted: str) -> None:
    answer = vendor.get(with_blob, headers={"Range": wanted})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == "bytes */1024000"


@pytest.mark.parametrize("wanted", ["bytes=5-2", "bytes=0-1,5-6", "bytes=-", "lines=1-2", "bytes=a-b"])
def test_other_ranges_are_answered_with_everything(vendor: Client, with_blob: str, wanted: str) -> None:
    answer = vendor.get(with_blob, headers={"Range": wanted})
    assert (answer.status, len(answer.content)) == (200, 1_024_000)


def test_a_blob_that_is_known_is_not_sent_again(vendor: Client, with_blob: str) -> None:
    etag = vendor.get(with_blob).headers["ETag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = vendor.get(with_blob, headers={"If-None-Match": known})
        assert (answer.status, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
    assert vendor.get(with_blob, headers={"If-None-Match": '"other"'}).status == 200
    assert vendor.get(with_blob, headers={"Range": "bytes=0-1", "If-Range": etag}).status == 206
    assert vendor.get(with_blob, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status == 200


def test_the_head_of_a_blob(vendor: Client, with_blob: str) -> None:
    answer = vendor.call("HEAD", with_blob)
    assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "1024000")


def test_a_blob_at_an_earlier_backup(vendor: Client, source: HostileSource) -> None:
    source.blobs["one"] = StoredBlob(b"old", etag='"1"')
    source.put("items", make_record(1, file=f"{source.url}/blob/one"))
    instance = vendor.instance_of(source, _BLOB)
    first = vendor.back_up(instance)
    source.blobs["two"] = StoredBlob(b"new", etag='"2"')
    source.put("items", make_record(1, file=f"{source.url}/blob/two"))
    vendor.back_up(instance)
    old = vendor.get(f"{_records(instance)}?backup_id={first['id']}").body[0]
    assert vendor.get(old["blob_url"]).content == b"old"
    at = vendor.get(f"{_records(instance)}/1?at={first['ended_at']}").body
    assert vendor.get(at["blob_url"]).content == b"old"
    assert vendor.get(vendor.get(f"{_records(instance)}/1").body["blob_url"]).content == b"new"


def test_an_empty_blob(vendor: Client, source: HostileSource) -> None:
    source.blobs["empty"] = StoredBlob(b"", "text/html")
    source.put("items", make_record(1, file=f"{source.url}/blob/empty"))
    instance = vendor.instance_of(source, _BLOB)
    vendor.back_up(instance)
    answer = vendor.get(f"{_records(instance)}/1/blob")
    assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")
