"""The contract's rules that hold everywhere, held against every one of its operations rather than against one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from holdfast.clock import parse_time
from tests.contract.client import Answer, Client, Service
from tests.contract.fuzzing.shape import OPERATIONS
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record

_STRINGS = {"key", "endpoint_name", "record_id", "scroll_id"}
_VENDORS = {"/v1/customers/{customer_id}"}
"""The paths whose id is a text of the vendor's own."""
_READS = [path for method, path, *_ in OPERATIONS if method == "get"]
_LISTS = [path for method, path, answer, *_ in OPERATIONS if method == "get" and answer.endswith("[]")]
_WITH_TOKEN = [(method, path) for method, path, *_ in OPERATIONS if path not in ("/oauth/token", "/v1/ping")]
_NUMBERED = [
    (method, path, name)
    for method, path, *_ in OPERATIONS
    for name in re.findall(r"{(\w+)}", path)
    if name not in _STRINGS and path not in _VENDORS
]
_QUERY = {"/v1/backup_instances": "?backup_definition_id={backup_definition_id}"}
_TIMES = re.compile(r"(_at|_backup|_expiration|^time)$")


class Account:
    """One instance with everything that can be read of it, by the names that stand in the contract's paths."""

    def __init__(self, vendor: Client, ids: Mapping[str, Any]) -> None:
        self.vendor, self.ids = vendor, ids

    def address(self, path: str, **other: Any) -> str:
        """With the query that a GET needs."""
        return self.path(path + _QUERY.get(path, ""), **other)

    def path(self, path: str, **other: Any) -> str:
        return path.format_map({**self.ids, **other})


@pytest.fixture(scope="module")
def account(service: Service) -> Iterator[Account]:
    with in_thread(HostileSource({"items": []})) as source:
        source.blobs["one"] = StoredBlob(b"a blob", "text/plain")
        source.put("items", make_record(1, file=f"{source.url}/blob/one"))
        vendor = service.new_vendor()
        definition = vendor.new_definition(_document(source))
        customer = vendor.new_customer()
        instance = vendor.new_instance(definition, customer, frequency="daily")
        path = f"/v1/backup_instances/{instance}"
        backup = vendor.back_up(instance)
        assert backup["status"] == "successful"
        yield Account(vendor, {
            "customer_id": customer, "backup_definition_id": definition, "key": "region",
            "backup_instance_id": instance, "backup_id": backup["id"], "endpoint_name": "items", "record_id": "1",
            "export_id": vendor.export(instance)["id"], "scroll_id": vendor.get(path + "/logs").body["scroll_id"],
        })  # fmt: skip


def _document(source: HostileSource) -> str:
    return f"""
holdfast: 1
name: Items
variables:
  - {{key: region, default: eu}}
connection:
  base_url: {source.url}
endpoints:
  - name: items
    path: /cursor/items
    records: items
    id: id
    paging: {{type: cursor, body: next_cursor, query: cursor}}
    blob: {{url: "{{{{ record.file }}}}", version: file}}
"""


@pytest.mark.parametrize("path", _READS)
def test_the_access_token_header_alone_reads_the_same(account: Account, path: str) -> None:
    """Where a request has it and no `Authorization`, as the original's clients send it."""
    anybody = Client(account.vendor.url)
    address = account.address(path)
    with_scheme = account.vendor.get(address)
    assert account.vendor.token is not None
    alone = anybody.get(address, headers={"Access-Token": account.vendor.token})
    assert (alone.status, alone.content) == (with_scheme.status, with_scheme.content)
    assert alone.status == (401 if path == "/v1/authenticate_customer" else 204 if path.endswith("/active") else 200)


@pytest.mark.parametrize(("method", "path"), _WITH_TOKEN, ids=" ".join)
def test_every_call_but_ping_needs_a_token(account: Account, method: str, path: str) -> None:
    answer = Client(account.vendor.url).call(method.upper(), account.address(path))
    assert answer.problem(401) == (None, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("no_id", ["x", "0", "-1", "1.5", "9223372036854775808", "%20"])
@pytest.mark.parametrize(("method", "path", "name"), _NUMBERED)
def test_a_path_id_that_is_no_such_number_is_404(
    account: Account, method: str, path: str, name: str, no_id: str
) -> None:
    answer = account.vendor.call(method.upper(), account.address(path, **{name: no_id}))
    assert answer.problem(404)


@pytest.mark.parametrize("path", _LISTS)
def test_a_list_is_an_array_with_links_and_past_its_end_empty(account: Account, path: str) -> None:
    address = account.address(path)
    joint = "&" if "?" in address else "?"
    answer = account.vendor.get(f"{address}{joint}per_page=1&mine=a%20b")
    assert isinstance(answer.body, list)
    for url in answer.links.values():
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == account.vendor.url
        assert "per_page=1" in parts.query
        assert "mine=a%20b" in parts.query
        assert "backup_definition_id" in parts.query or "?" not in address
    past = account.vendor.get(f"{address}{joint}page=100000")
    assert past.body == []
    assert {"first", "prev", "last"} <= set(past.links)
    for query in ("page=0", "per_page=101", "page=x"):
        assert account.vendor.get(f"{address}{joint}{query}").problem()[1] == "invalid"


@pytest.mark.parametrize("path", [path for path in _LISTS if not path.endswith(("/variables", "/endpoints"))])
def test_lists_ascend_by_id(account: Account, path: str) -> None:
    listed = account.vendor.get(account.address(path)).body
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)


@pytest.mark.parametrize("path", [path for path in _READS if not path.endswith("/blob")])
def test_times_are_in_utc_and_nothing_that_counts_is_null(account: Account, path: str) -> None:
    if path == "/v1/authenticate_customer":
        return
    answer = account.vendor.get(account.address(path))
    for name, value in _fields(answer):
        if _TIMES.search(name) and value is not None:
            assert value.endswith("Z")
            assert parse_time(value).utcoffset() is not None
        if name in ("failures", "records_processed", "records_failed", "counters"):
            assert value is not None


def _fields(answer: Answer) -> Iterator[tuple[str, Any]]:
    pending: list[Any] = [answer.json] if answer.content else []
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield from ((name, inner) for name, inner in value.items() if not isinstance(inner, dict))
            pending += [inner for name, inner in value.items() if name != "field_data"]
        elif isinstance(value, list):
            pending += value


@pytest.mark.parametrize(("method", "path"), [one for one in _WITH_TOKEN if one[0] != "get"], ids=" ".join)
def test_nothing_that_writes_is_redirected(account: Account, method: str, path: str) -> None:
    """A client would send it again as a GET. The server speaks plain HTTP here."""
    answer = account.vendor.call(method.upper(), account.path(path) + "/")
    assert answer.problem(404)


@pytest.mark.parametrize("path", [path for method, path, _, _, _ in OPERATIONS if method == "put"])
def test_a_read_only_field_that_would_change_is_400(account: Account, path: str) -> None:
    noun, name = {
        "/v1/customers/{customer_id}": ("customer", "id"),
        "/v1/backup_definitions/{backup_definition_id}": ("backup_definition", "vendor_id"),
        "/v1/backup_definitions/{backup_definition_id}/variables/{key}": ("variable", "key"),
        "/v1/backup_instances/{backup_instance_id}": ("backup_instance", "customer_id"),
        "/v1/backup_instances/{backup_instance_id}/variables/{key}": ("variable", "key"),
    }[path]
    required = {"customer[name]": "c", "name": "n", "variable[value]": "v", "backup_instance[backup_frequency]": "off"}
    answer = account.vendor.put(account.address(path), {**required, f"{noun}[{name}]": "17"})
    assert answer.problem() == (f"{noun}[{name}]", "read_only")


def test_an_instance_with_a_finer_schedule_is_made_without_a_frequency(account: Account) -> None:
    form = {
        "backup_instance[backup_definition_id]": account.ids["backup_definition_id"],
        "backup_instance[customer_id]": account.ids["customer_id"],
        "backup_instance[schedule]": "hourly",
    }
    made = account.vendor.post("/v1/backup_instances", form).body
    assert made["schedule"] == "hourly"
    assert "backup_frequency" not in made


@pytest.mark.parametrize("part", ["records", "records/1", "records/1/blob"])
def test_somebody_elses_backup_in_a_query_is_an_unknown_one(account: Account, service: Service, part: str) -> None:
    other = service.new_vendor()
    theirs = other.back_up(other.new_instance())["id"]
    address = account.address("/v1/backup_instances/{backup_instance_id}/endpoints/items/") + part
    answers = [account.vendor.get(f"{address}?backup_id={one}") for one in (theirs, theirs + 1)]
    for answer in answers:
        assert answer.problem() == ("backup_id", "not_found")
    assert answers[0].content.replace(str(theirs).encode(), b"N") == answers[1].content.replace(
        str(theirs + 1).encode(), b"N"
    )
