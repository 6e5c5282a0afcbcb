"""Usage, the audit log, erasing customers, canceling backups, deleting instances, health: Holdfast's additions."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.clock import parse_time
from holdfast.operations import erase
from tests.contract.client import Client, Gate, Service
from tests.support.hostile_source import HostileSource, make_records


@pytest.fixture
def instance(vendor: Client, source: HostileSource) -> int:
    for record in make_records(30):
        source.put("items", record)
    return vendor.instance_of(source)


# --- usage


def test_usage_by_instance_by_customer_and_in_all(vendor: Client, instance: int) -> None:
    vendor.back_up(instance)
    vendor.back_up(instance)
    customer = vendor.get(f"/v1/backup_instances/{instance}").body["customer_id"]
    vendor.back_up(vendor.new_instance())
    used = vendor.get(f"/v1/backup_instances/{instance}/usage").body
    assert used["total"]["backups"] == 2
    assert used["total"]["records_read"] == 60
    assert used["total"]["requests"] >= 2
    assert used["total"]["bytes_read"] > 0
    assert used["total"]["bytes_stored"] > 0
    assert used["instances"] == [{**used["total"], "customer_id": customer, "backup_instance_id": instance}]
    assert vendor.get(f"/v1/customers/{customer}/usage").body == used
    everything = vendor.get("/v1/usage").body
    assert everything["total"]["backups"] == 3
    assert len(everything["instances"]) == 2


def test_usage_of_some_days(vendor: Client, instance: int) -> None:
    today = parse_time(vendor.back_up(instance)["ended_at"]).date()
    tomorrow = today + timedelta(days=1)
    assert vendor.get(f"/v1/usage?from={today}&to={today}").body["total"]["backups"] == 1
    assert vendor.get(f"/v1/usage?from={tomorrow}&to={tomorrow}").body["total"]["backups"] == 0
    assert vendor.get(f"/v1/usage?from={tomorrow}&to={today}").body["total"]["backups"] == 0
    assert vendor.get("/v1/usage?from=2001-01-01").body["total"]["backups"] == 1
    assert vendor.get("/v1/usage?to=x").problem() == ("to", "invalid")


# --- the audit log


def test_what_is_done_stands_in_the_audit_log(vendor: Client, other: Client) -> None:
    customer = vendor.new_customer("audited")
    instance = vendor.new_instance(vendor.new_definition(), customer)
    vendor.put(f"/v1/backup_instances/{instance}", {"backup_instance[backup_frequency]": "daily"})
    backup = vendor.customer_client(customer).post(f"/v1/backup_instances/{instance}/backups").body["id"]
    listed = vendor.get("/v1/audit_entries?per_page=100").body
    assert [entry["action"] for entry in listed] == [
        "vendor.create", "customer.create", "definition.create", "instance.create", "instance.schedule",
        "customer_token.create", "backup.request",
    ]  # fmt: skip
    assert [entry["actor"] for entry in listed][:2] == ["operator", "client 127.0.0.1"]
    last = listed[-1]
    assert last["actor"] == f"customer {customer} 127.0.0.1"
    assert (last["object_kind"], last["object_id"], last["fields"]["instance_id"]) == ("backup", backup, instance)
    assert vendor.get("/v1/audit_entries?object_kind=customer").body == [listed[1], listed[5]]
    assert vendor.get(f"/v1/audit_entries?object_id={instance}").body == listed[3:5]
    assert {entry["action"] for entry in other.get("/v1/audit_entries").body} == {"vendor.create"}


def test_no_secret_gets_into_the_audit_log_or_the_catalog(vendor: Client, service: Service) -> None:
    definition = vendor.new_definition()
    form = {"variable[key]": "token", "variable[name]": "Token", "variable[secret]": "1"}
    vendor.post(f"/v1/backup_definitions/{definition}/variables", form)
    instance = vendor.new_instance(definition)
    vendor.post(f"/v1/backup_instances/{instance}/variables", {"variable[key]": "token", "variable[value]": "s3cr3t-7"})
    entries = vendor.get("/v1/audit_entries?per_page=100").body
    assert entries[-1]["action"] == "instance.variables"
    assert entries[-1]["fields"] == {"keys": ["token"]}
    secrets = [b"s3cr3t-7", vendor.client_secret.encode(), (vendor.token or "").encode()]
    for file in Path(service.services.settings.home).rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [secret for secret in secrets if secret in content], file


# --- cancel and delete


def test_a_backup_is_canceled_and_keeps_what_it_has(vendor: Client, source: HostileSource, instance: int) -> None:
    gate = Gate()
    source.switches.hook = gate
    path = f"/v1/backup_instances/{instance}/backups"
    try:
        backup = vendor.post(path).body["id"]
        gate.wait()
        assert vendor.post(f"{path}/{backup}/cancel").body["id"] == backup
        canceled = vendor.ended(instance, backup)
    finally:
        gate.open()
    assert canceled["status"] == "canceled"
    assert vendor.get(f"/v1/backup_instances/{instance}").body["last_backup_state"] == "canceled"
    assert vendor.post(f"{path}/{backup}/cancel").body == canceled
    assert vendor.post(f"{path}/1/cancel").status == 404


def test_a_deleted_instance_is_gone(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}"
    shown = vendor.get(path).body
    vendor.back_up(instance)
    assert vendor.call("DELETE", path).status == 204
    assert vendor.call("DELETE", path).status == 404
    for below in ("", "/backups", "/endpoints", "/endpoints/items/records", "/exports", "/logs", "/variables"):
        assert vendor.get(path + below).status == 404
    assert vendor.post(path + "/backups").status == 404
    assert vendor.get(f"/v1/customers/{shown['customer_id']}/backup_instances").body == []
    assert vendor.get(f"/v1/backup_instances?backup_definition_id={shown['backup_definition_id']}").body == []


# --- erasure


def test_a_customer_is_erased_with_a_certificate(
    service: Service, vendor: Client, other: Client, instance: int
) -> None:
    customer = vendor.get(f"/v1/backup_instances/{instance}").body["customer_id"]
    vendor.back_up(instance)
    export = vendor.export(instance, {"export_run[send_confirmation]": "0"})
    own = vendor.customer_client(customer)
    assert own.get("/v1/authenticate_customer").status == 200
    path = f"/v1/customers/{customer}"
    assert other.call("DELETE", path).status == 404
    assert vendor.get(path + "/erasure").status == 404
    asked = vendor.call("DELETE", path)
    assert asked.status == 202
    assert asked.headers["Location"] == path + "/erasure"
    assert vendor.get(path).status == 404
    assert vendor.get(f"/v1/backup_instances/{instance}").status == 404
    assert own.get("/v1/authenticate_customer").status == 401
    erasure = vendor.once_ended(path + "/erasure")
    assert erasure["customer_id"] == customer
    assert "keys_destroyed" in erasure["certificate"]
    assert vendor.call("DELETE", path).json == erasure
    assert other.get(path + "/erasure").status == 404
    assert Client("").get(export["exported_data_url"]).status in (403, 404)
    left = [info.name for info in service.services.storage.list("") if f"/{customer}/" in info.name]
    assert {name.rpartition("/")[0] for name in left} == {f"revisions/0/erasure/{customer}"}
    assert erase.resume(service.services) == []


# --- health


def test_health_and_readiness(service: Service) -> None:
    anybody = Client(service.url)
    assert anybody.get("/healthz").body == {}
    assert anybody.get("/readyz").body == {}


def test_a_service_whose_vault_is_away_is_not_ready(tmp_path: Path) -> None:
    with Service.started(tmp_path, works=False) as service:
        (tmp_path / "vault").rename(tmp_path / "away")
        anybody = Client(service.url)
        assert anybody.get("/readyz").problem(503)[0] == "vault"
        assert anybody.get("/healthz").status == 200


def test_metrics_have_what_prometheus_reads_and_no_names(vendor: Client, service: Service) -> None:
    vendor.get("/v1/customers")
    vendor.get("/v1/customers/nobody")
    text = Client(service.url).get("/metrics").content.decode()
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [0-9.]+', line), line
    assert re.search(r'holdfast_http_requests_total\{method="GET",route="/v1/customers",status="200"\} [1-9]', text)
    assert 'route="/v1/customers/{customer_id}",status="404"' in text
    assert "holdfast_instances_overdue 0" in text
    assert str(vendor.vendor_id) not in text
    assert "nobody" not in text
