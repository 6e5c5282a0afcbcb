"""`POST /oauth/token`, and what a token is good for."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from holdfast.operations import vendors
from tests.contract.client import Answer, Client, Service

_REST = {"grant_type": "client_credentials", "scope": "write"}


def _basic(client_id: str, client_secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()}


@pytest.fixture
def anybody(service: Service) -> Client:
    return Client(service.url)


def _refusal(answer: Answer, status: int, error: str) -> None:
    """As RFC 6749 has it in section 5.2."""
    assert answer.status == status, answer.content
    assert answer.json["error"] == error
    assert answer.json["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_client_id_and_secret_give_a_token(vendor: Client) -> None:
    answer = vendor.post("/oauth/token", {**vendor.credentials, **_REST})
    assert set(answer.body) == {"access_token", "expires_in", "token_type", "scope"}
    assert answer.body["expires_in"] == 899
    assert answer.body["token_type"] == "bearer_token"
    assert answer.headers["Cache-Control"] == "no-store"
    assert Client(vendor.url, token=answer.body["access_token"]).get("/v1/authenticate_vendor").body == {}


def test_http_basic_gives_a_token_too(vendor: Client, anybody: Client) -> None:
    headers = _basic(vendor.client_id, vendor.client_secret)
    assert anybody.post("/oauth/token", _REST, headers=headers).body["access_token"]


def test_json_gives_a_token_too(vendor: Client, anybody: Client) -> None:
    assert anybody.post("/oauth/token", json={**vendor.credentials, **_REST}).body["access_token"]


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "grant_type", "scope"])
def test_every_field_is_needed(vendor: Client, anybody: Client, missing: str) -> None:
    form = {**vendor.credentials, **_REST}
    del form[missing]
    answer = anybody.post("/oauth/token", form)
    _refusal(answer, 400, "invalid_request")
    assert missing in answer.json["error_description"]


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"scope": "read"}, 400, "invalid_scope"),
        ({"scope": "write read"}, 400, "invalid_scope"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "x" * 5_000}, 401, "invalid_client"),
    ],
)
def test_what_is_wrong_is_told_as_oauth_does(
    vendor: Client, anybody: Client, change: Mapping[str, str], status: int, error: str
) -> None:
    answer = anybody.post("/oauth/token", {**vendor.credentials, **_REST, **change})
    _refusal(answer, status, error)
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("header", ["Basic !", "Basic bm9jb2xvbg==", "Basic " + "A" * 3])
def test_an_unreadable_basic_header_is_a_wrong_client(anybody: Client, header: str) -> None:
    _refusal(anybody.post("/oauth/token", _REST, headers={"Authorization": header}), 401, "invalid_client")


def test_two_clients_in_one_request_are_refused(vendor: Client, other: Client, anybody: Client) -> None:
    headers = _basic(vendor.client_id, vendor.client_secret)
    answer = anybody.post("/oauth/token", {**_REST, "client_id": other.client_id}, headers=headers)
    _refusal(answer, 400, "invalid_request")


def test_a_body_that_cannot_be_read_is_refused(anybody: Client) -> None:
    headers = {"Content-Type": "application/json"}
    _refusal(anybody.post("/oauth/token", b"{", headers=headers), 400, "invalid_request")


def test_too_many_failures_are_stopped_and_others_are_not(vendor: Client, other: Client, anybody: Client) -> None:
    form = {**_REST, "client_id": vendor.client_id, "client_secret": "wrong"}
    statuses = [anybody.post("/oauth/token", form).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    answer = anybody.post("/oauth/token", {**form, "client_secret": vendor.client_secret})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    other.log_in()


def test_a_disabled_vendors_clients_get_no_token_and_lose_theirs(service: Service, vendor: Client) -> None:
    vendors.set_disabled(service.services, vendor.vendor_id, True)
    _refusal(vendor.post("/oauth/token", {**vendor.credentials, **_REST}), 401, "invalid_client")
    _wait_until_forgotten(vendor)
    vendors.set_disabled(service.services, vendor.vendor_id, False)
    vendor.log_in()


def test_a_rotated_secret_and_its_tokens_are_good_for_nothing(service: Service, vendor: Client) -> None:
    fresh = vendors.rotate(service.services, vendor.vendor_id)
    _refusal(vendor.post("/oauth/token", {**vendor.credentials, **_REST}), 401, "invalid_client")
    _wait_until_forgotten(vendor)
    vendor.client_secret = fresh.client_secret
    vendor.log_in()


def _wait_until_forgotten(client: Client) -> None:
    """Another process's revocation may go unnoticed for a second."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if client.get("/v1/authenticate_vendor").status == 401:
            return
    raise AssertionError("the token is still good")


def test_two_secrets_are_good_side_by_side(service: Service, vendor: Client) -> None:
    second = vendors.add_secret(service.services, vendor.vendor_id)
    vendor.log_in()
    vendor.client_secret = second.client_secret
    vendor.log_in()


def test_the_token_type_can_be_set_and_tokens_expire(tmp_path: Path) -> None:
    with Service.started(tmp_path, works=False, token_type="bearer", token_seconds=1) as service:
        vendor = service.new_vendor()
        answer = vendor.post("/oauth/token", {**vendor.credentials, **_REST})
        assert answer.body["token_type"] == "bearer"
        assert answer.body["expires_in"] == 1
        expiring = Client(service.url, token=answer.body["access_token"])
        for _ in range(60):  # a slow machine may need more than a second from one request to the next
            if expiring.get("/v1/authenticate_vendor").body == {}:
                break
            expiring.token = vendor.post("/oauth/token", {**vendor.credentials, **_REST}).body["access_token"]
        else:
            raise AssertionError("no token is ever good")
        _wait_until_forgotten(expiring)


# --- the token on other calls


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bearer_token", "Bearer_Token"])
def test_the_scheme_may_be_spelt_in_any_way(vendor: Client, anybody: Client, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {vendor.token}"}
    assert anybody.get("/v1/authenticate_vendor", headers=headers).body == {}


def test_the_access_token_header_alone_is_enough(vendor: Client, anybody: Client) -> None:
    assert vendor.token is not None
    assert anybody.get("/v1/authenticate_vendor", headers={"Access-Token": vendor.token}).body == {}
    assert anybody.get("/v1/authenticate_vendor", headers={"access-token": vendor.token}).body == {}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic abc"},
        {"Access-Token": "wrong"},
        {"Access-Token": ""},
        {"Access-Token": "x" * 5_000},
    ],
)
def test_no_token_or_a_bad_one_is_401_with_a_challenge(anybody: Client, headers: Mapping[str, str]) -> None:
    answer = anybody.get("/v1/customers", headers=headers)
    assert answer.problem(401) == (None, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="holdfast"')


def test_ping_needs_no_token(anybody: Client) -> None:
    assert anybody.get("/v1/ping").body == {}


def test_the_kinds_of_tokens_authenticate_each_for_its_own(vendor: Client) -> None:
    customer = vendor.customer_client(vendor.new_customer())
    assert vendor.get("/v1/authenticate_vendor").content == b"{}"
    assert vendor.get("/v1/authenticate_customer").status == 401
    assert customer.get("/v1/authenticate_customer").content == b"{}"
    assert customer.get("/v1/authenticate_vendor").status == 401


def test_a_customers_token_has_no_right_to_a_vendors_calls(vendor: Client) -> None:
    customer_id = vendor.new_customer()
    customer = vendor.customer_client(customer_id)
    answer = customer.get("/v1/customers")
    assert answer.problem(401) == (None, "unauthorized")
    assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_a_customers_token_reads_its_own_instances_only(vendor: Client) -> None:
    definition, mine, theirs = vendor.new_definition(), vendor.new_customer(), vendor.new_customer()
    own, foreign = vendor.new_instance(definition, mine), vendor.new_instance(definition, theirs)
    customer = vendor.customer_client(mine)
    assert customer.get(f"/v1/backup_instances/{own}").body["id"] == own
    assert customer.get(f"/v1/backup_instances/{foreign}").problem(404)
    listed = customer.get(f"/v1/backup_instances?backup_definition_id={definition}").body
    assert [one["id"] for one in listed] == [own]
    assert [one["id"] for one in customer.get(f"/v1/customers/{mine}/backup_instances").body] == [own]
    assert customer.get(f"/v1/customers/{theirs}/backup_instances").problem(404)
    assert customer.put(f"/v1/backup_instances/{own}", {"backup_instance[backup_frequency]": "off"}).status == 401
    assert customer.post(f"/v1/backup_instances/{own}/backups").body["status"] == "queued"


def test_a_customer_token_lives_as_long_as_asked_for(vendor: Client, other: Client) -> None:
    customer_id = vendor.new_customer()
    path = f"/v1/customers/{customer_id}/tokens"
    assert vendor.post(path, {"expires_in": 60}).body["expires_in"] == 60
    assert vendor.post(path, {"expires_in": 1_000_000}).problem() == ("expires_in", "out_of_range")
    assert vendor.post(path, {"expires_in": "soon"}).problem() == ("expires_in", "invalid")
    assert other.post(path).problem(404)
