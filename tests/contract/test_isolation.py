"""Nobody sees what is somebody else's: every route of the application, with every token that has no right to it.

The rows come from the route table. A new route without a row fails `test_every_route_has_a_row`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from holdfast.api.app import create_app
from holdfast.api.routes import ROUTERS
from holdfast.catalog import alarms
from holdfast.catalog import tokens as catalog_tokens
from holdfast.clock import now
from holdfast.identity import secrets
from tests.contract.client import Answer, Client, Service
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread

Access = Literal["anybody", "vendor", "customer", "both"]


@dataclass(frozen=True)
class Row:
    """Who may call it, and with what: `form` fills what is required, `query` the query."""

    access: Access
    form: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: bytes | None = None

    @property
    def names_objects(self) -> bool:
        """Whether query or body say what it is about."""
        return "{" in self.query + "".join(self.form.values())


_V, _B = Row("vendor"), Row("both")
_CUSTOMER = {"customer[name]": "x", "customer[email]": "a@b.example"}
_DEFINITION = {
    "backup_definition[name]": "x",
    "backup_definition[description]": "x",
    "backup_definition[published]": "false",
}
_INSTANCE = "/v1/backup_instances/{backup_instance_id}"
_RECORDS = _INSTANCE + "/endpoints/{endpoint_name}/records"
_WEBHOOK = "/v1/webhooks/{webhook_id}"
_DEFINITIONS = "/v1/backup_definitions/{backup_definition_id}"

ROWS: dict[tuple[str, str], Row] = {
    ("POST", "/oauth/token"): Row("anybody"),
    ("GET", "/v1/ping"): Row("anybody"),
    ("GET", "/v1/authenticate_vendor"): _V,
    ("GET", "/v1/authenticate_customer"): Row("customer"),
    ("GET", "/v1/vendors/me"): _V,
    ("GET", "/v1/customers"): _V,
    ("POST", "/v1/customers"): Row("vendor", _CUSTOMER),
    ("GET", "/v1/customers/{customer_id}"): _V,
    ("PUT", "/v1/customers/{customer_id}"): Row("vendor", _CUSTOMER),
    ("GET", "/v1/customers/{customer_id}/backup_instances"): _B,
    ("POST", "/v1/customers/{customer_id}/tokens"): _V,
    ("GET", "/v1/backup_definitions"): _V,
    ("POST", "/v1/backup_definitions"): Row("vendor", _DEFINITION),
    ("GET", _DEFINITIONS): _V,
    ("PUT", _DEFINITIONS): Row("vendor", _DEFINITION),
    ("DELETE", _DEFINITIONS): _V,
    ("GET", _DEFINITIONS + "/document"): _V,
    ("PUT", _DEFINITIONS + "/document"): Row("vendor", body=b"holdfast: 1"),
    ("GET", _DEFINITIONS + "/variables"): _V,
    ("POST", _DEFINITIONS + "/variables"): Row("vendor", {"variable[key]": "new", "variable[name]": "New"}),
    ("GET", _DEFINITIONS + "/variables/{key}"): _V,
    ("PUT", _DEFINITIONS + "/variables/{key}"): Row("vendor", {"name": "Other"}),
    ("GET", "/v1/backup_instances"): Row("both", query="backup_definition_id={backup_definition_id}"),
    ("POST", "/v1/backup_instances"): Row(
        "vendor",
        {
            "backup_instance[backup_definition_id]": "{backup_definition_id}",
            "backup_instance[customer_id]": "{customer_id}",
            "backup_instance[backup_frequency]": "off",
        },
    ),
    ("GET", _INSTANCE): _B,
    ("PUT", _INSTANCE): Row("vendor", {"backup_instance[backup_frequency]": "off"}),
    ("GET", _INSTANCE + "/variables"): _B,
    ("POST", _INSTANCE + "/variables"): Row("vendor", {"variable[key]": "token", "variable[value]": "x"}),
    ("GET", _INSTANCE + "/variables/{key}"): _B,
    ("PUT", _INSTANCE + "/variables/{key}"): Row("vendor", {"variable[value]": "x"}),
    ("GET", _INSTANCE + "/backups"): _B,
    ("POST", _INSTANCE + "/compare/live"): _B,  # before a backup is asked for, which it would find under way
    ("POST", _INSTANCE + "/backups"): _B,
    ("GET", _INSTANCE + "/backups/active"): _B,
    ("GET", _INSTANCE + "/backups/{backup_id}"): _B,
    ("GET", _INSTANCE + "/endpoints"): _B,
    ("GET", _INSTANCE + "/endpoints/{endpoint_name}"): _B,
    ("GET", _RECORDS): Row("both", query="backup_id={backup_id}"),
    ("GET", _RECORDS + "/{record_id}"): _B,
    ("GET", _RECORDS + "/{record_id}/blob"): _B,
    ("HEAD", _RECORDS + "/{record_id}/blob"): _B,
    ("GET", _INSTANCE + "/exports"): _B,
    ("POST", _INSTANCE + "/exports"): _B,
    ("GET", _INSTANCE + "/exports/{export_id}"): _B,
    ("POST", _INSTANCE + "/exports/{export_id}/reauth"): _B,
    ("GET", _INSTANCE + "/logs"): _B,
    ("GET", _INSTANCE + "/logs/{scroll_id}"): _B,
    ("DELETE", _INSTANCE): _V,
    ("POST", _INSTANCE + "/backups/{backup_id}/cancel"): _B,
    ("GET", _INSTANCE + "/backups/{backup_id}/receipt"): _B,
    ("GET", "/v1/receipt_key"): _B,
    ("GET", _INSTANCE + "/search"): Row("both", query="text=secret"),
    ("GET", _INSTANCE + "/compare"): _B,
    ("GET", _INSTANCE + "/changes"): _B,
    ("GET", _INSTANCE + "/alarms"): _B,
    ("GET", _INSTANCE + "/alarms/{alarm_id}"): _B,
    ("POST", _INSTANCE + "/alarms/{alarm_id}/acknowledge"): _V,
    ("GET", _INSTANCE + "/restores"): _B,
    ("POST", _INSTANCE + "/restores"): Row("vendor", {"restore[dry_run]": "true"}),
    ("GET", _INSTANCE + "/restores/{restore_id}"): _B,
    ("POST", _INSTANCE + "/restores/{restore_id}/cancel"): _V,
    ("GET", _INSTANCE + "/restores/{restore_id}/report"): _B,
    ("GET", _INSTANCE + "/usage"): _V,
    ("DELETE", "/v1/customers/{customer_id}"): _V,
    ("GET", "/v1/customers/{customer_id}/erasure"): _V,
    ("GET", "/v1/customers/{customer_id}/usage"): _V,
    ("GET", "/v1/usage"): _V,
    ("GET", "/v1/audit_entries"): _V,
    ("GET", "/v1/webhooks"): _V,
    ("POST", "/v1/webhooks"): Row("vendor", {"webhook[url]": "https://acme.example/"}),
    ("GET", _WEBHOOK): _V,
    ("PUT", _WEBHOOK): _V,
    ("DELETE", _WEBHOOK): _V,
    ("GET", _WEBHOOK + "/deliveries"): _V,
    ("POST", _WEBHOOK + "/deliveries/{delivery_id}/replay"): _V,
    ("GET", "/healthz"): Row("anybody"),
    ("GET", "/readyz"): Row("anybody"),
    ("GET", "/metrics"): Row("anybody"),
    ("GET", "/v1/archives/{export_id}"): Row("anybody"),
    ("HEAD", "/v1/archives/{export_id}"): Row("anybody"),
}
_CALLS = [pytest.param(*call, row, id=" ".join(call)) for call, row in ROWS.items()]
_WITH_TOKEN = [one for one in _CALLS if one.values[2].access != "anybody"]
_WITH_OBJECTS = [one for one in _WITH_TOKEN if "{" in str(one.values[1]) or one.values[2].names_objects]
_MARK = "this-is-a-secret-of-somebody-else"


@dataclass
class World:
    """A vendor's objects, all of them with a mark that nobody else may ever see."""

    service: Service
    owner: Client
    ids: dict[str, str]

    def call(self, client: Client, method: str, path: str, row: Row, ids: Mapping[str, str] | None = None) -> Answer:
        known = self.ids if ids is None else ids
        encoded = {name: quote(text, safe="") for name, text in known.items()}
        address = path.format_map(encoded) + (f"?{row.query.format_map(encoded)}" if row.query else "")
        form = {name: value.format_map(known) for name, value in row.form.items()}
        return client.call(method, address, row.body if row.body is not None else form)


@pytest.fixture(scope="module")
def world(service: Service) -> Iterator[World]:
    with in_thread(HostileSource({"items": []})) as source:
        source.blobs["one"] = StoredBlob(_MARK.encode())
        source.put("items", {"id": "one", "text": _MARK, "file": f"{source.url}/blob/one"})
        owner = service.new_vendor(_MARK)
        document = f"""
holdfast: 1
name: {_MARK}
variables:
  - {{key: token, default: {_MARK}}}
connection:
  base_url: {source.url}
endpoints:
  - name: items
    path: /none/items
    id: id
    blob: {{url: "{{{{ record.file }}}}", version: file}}
"""
        definition = owner.new_definition(document)
        customer = owner.new_customer(_MARK)
        instance = owner.new_instance(definition, customer)
        webhook = owner.post("/v1/webhooks", {"webhook[url]": f"https://acme.example/{_MARK}"}).body["id"]
        backup = owner.back_up(instance)
        assert backup["status"] == "successful"
        export = owner.export(instance)
        restore = owner.restore(instance, {"restore[dry_run]": "false"})
        with service.services.database.write() as connection:
            alarm = alarms.add(
                connection, instance, run_id=backup["id"], sequence=1, kind="mass_deletion", endpoint="items",
                message=_MARK, figures={},
            )  # fmt: skip
        assert alarm is not None
        yield World(service, owner, {
            "customer_id": str(customer), "backup_definition_id": str(definition), "key": "token",
            "backup_instance_id": str(instance), "backup_id": str(backup["id"]), "endpoint_name": "items",
            "webhook_id": str(webhook), "alarm_id": str(alarm.id),
            "delivery_id": str(owner.get(f"/v1/webhooks/{webhook}/deliveries").body[0]["id"]),
            "record_id": "one", "export_id": str(export["id"]), "restore_id": str(restore["id"]),
            "scroll_id": owner.get(f"/v1/backup_instances/{instance}/logs").body["scroll_id"],
        })  # fmt: skip


def _shows_nothing(answer: Answer) -> None:
    assert _MARK.encode() not in answer.content
    assert _MARK not in str(answer.headers)


def test_every_route_has_a_row(service: Service) -> None:
    served = {
        (method, route.path)
        for route in create_app(service.services).routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    in_routers = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert served | in_routers == set(ROWS)


@pytest.mark.parametrize(("method", "path", "row"), _CALLS)
def test_the_owner_may(world: World, method: str, path: str, row: Row) -> None:
    """Otherwise the refusals below would prove nothing."""
    if method not in ("GET", "HEAD") or row.access in ("anybody", "customer") or path.endswith("/erasure"):
        return
    assert world.call(world.owner, method, path, row).status in (200, 204)


@pytest.mark.parametrize(("method", "path", "row"), _WITH_TOKEN)
@pytest.mark.parametrize("token", ["none", "wrong", "expired", "revoked"])
def test_no_token_that_is_good_is_401(world: World, method: str, path: str, row: Row, token: str) -> None:
    answer = world.call(Client(world.owner.url, token=_bad_token(world, token)), method, path, row)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    _shows_nothing(answer)


def _bad_token(world: World, kind: str) -> str | None:
    if kind in ("none", "wrong"):
        return {"none": None, "wrong": "hft_wrong"}[kind]
    token = secrets.new_token()
    with world.service.services.database.write() as connection:
        moment = now()
        expires_at = moment + timedelta(hours=1 if kind == "revoked" else -1)
        catalog_tokens.grant(connection, secrets.hash_of(token), world.owner.vendor_id, expires_at)
        if kind == "revoked":
            catalog_tokens.revoke(connection, secrets.hash_of(token), moment)
    return token


@pytest.fixture(scope="module")
def stranger(service: Service) -> Client:
    return service.new_vendor()


@pytest.mark.parametrize(("method", "path", "row"), _WITH_TOKEN)
def test_another_vendor_gets_nothing(world: World, stranger: Client, method: str, path: str, row: Row) -> None:
    answer = world.call(stranger, method, path, row)
    _shows_nothing(answer)
    if "{" in path or "{" in row.query:
        assert answer.status == 404
    elif row.names_objects:
        assert answer.status == 400


@pytest.mark.parametrize(("method", "path", "row"), _WITH_OBJECTS)
def test_somebody_elses_and_none_are_answered_alike(
    world: World, stranger: Client, method: str, path: str, row: Row
) -> None:
    theirs = world.call(stranger, method, path, row)
    unknown = {name: str(int(text) + 7) if text.isdecimal() else text for name, text in world.ids.items()}
    none = world.call(stranger, method, path, row, unknown)
    assert theirs.status == none.status
    assert _without_ids(theirs, world.ids) == _without_ids(none, unknown)


def _without_ids(answer: Answer, ids: Mapping[str, str]) -> bytes:
    text = answer.content
    for name, value in ids.items():
        if value.isdecimal():
            text = text.replace(value.encode(), f"<{name}>".encode())
    return text


@pytest.mark.parametrize(("method", "path", "row"), _WITH_TOKEN)
def test_another_customers_token_gets_nothing(world: World, method: str, path: str, row: Row) -> None:
    customer = _other_customer(world)
    answer = world.call(customer, method, path, row)
    _shows_nothing(answer)
    if row.access == "vendor":
        assert answer.status == 401
    elif "backup_instance_id" in path or "customer_id" in path:
        assert answer.status == 404


_other: dict[str, Client] = {}


def _other_customer(world: World) -> Client:
    """Of the same vendor."""
    if world.owner.url not in _other:
        _other[world.owner.url] = world.owner.customer_client(world.owner.new_customer())
    return _other[world.owner.url]


@pytest.mark.parametrize(("method", "path", "row"), _WITH_TOKEN)
def test_the_customers_own_token_reads_but_changes_nothing_of_the_vendors(
    world: World, method: str, path: str, row: Row
) -> None:
    own = world.owner.customer_client(int(world.ids["customer_id"]))
    answer = world.call(own, method, path, row)
    if row.access == "vendor":
        assert answer.status == 401
        _shows_nothing(answer)
    else:
        assert answer.status in (200, 204, 206)


def test_the_rows_name_every_parameter(world: World) -> None:
    for _, path in ROWS:
        assert set(re.findall(r"{(\w+)}", path)) <= set(world.ids)


def test_what_is_not_served_is_404_or_405_and_says_nothing(vendor: Client) -> None:
    for path in ("/", "/v1", "/v1/", "/v1/ping/", "/v2/ping", "/v1/customers/", "/admin", "/.env", "/v1/../etc/passwd"):
        assert vendor.get(path).problem(404) == (None, "not_found")
    answer = vendor.call("PATCH", "/v1/customers")
    assert answer.problem(405) == (None, "method_not_allowed")
    assert set(re.split(r", *", answer.headers["Allow"])) >= {"GET"}


def test_every_answer_has_the_security_headers(vendor: Client) -> None:
    for answer in (
        vendor.get("/v1/ping"),
        vendor.get("/nothing"),
        vendor.get("/v1/customers"),
        Client(vendor.url).get("/v1/customers"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_an_error_that_nobody_foresaw_is_protected_and_counted(vendor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = vendor.new_instance()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("an inner matter")

    monkeypatch.setattr("holdfast.operations.record_pages.RecordPages.read", fail)
    route = "/v1/backup_instances/{backup_instance_id}/endpoints/{endpoint_name}/records"
    answer = vendor.get(route.format(backup_instance_id=instance, endpoint_name="items"))
    assert answer.problem(500) == (None, "internal_error")
    assert b"inner" not in answer.content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    counted = Client(vendor.url).get("/metrics").content.decode()
    assert f'holdfast_http_requests_total{{method="GET",route="{route}",status="500"}} 1' in counted
