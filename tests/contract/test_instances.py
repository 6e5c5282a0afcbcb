"""Backup instances, their schedules, and the values of their variables."""

from datetime import datetime, timedelta

import pytest

from holdfast.clock import now, parse_time
from tests.contract.client import Client, Gate, items_document
from tests.support.hostile_source import HostileSource

_VARIABLES = """
  - {key: token, secret: true}
  - {key: region, default: eu}
  - {key: folder, optional: true}
  - {key: account}
"""


def _form(**fields: object) -> dict[str, object]:
    return {f"backup_instance[{name}]": value for name, value in fields.items()}


def test_an_instance_that_never_ran(vendor: Client) -> None:
    definition, customer = vendor.new_definition(), vendor.new_customer()
    form = _form(backup_definition_id=definition, customer_id=customer, backup_frequency="daily")
    made = vendor.post("/v1/backup_instances", form)
    assert made.status == 200
    shown = made.body
    assert shown["backup_definition_id"] == definition
    assert shown["customer_id"] == customer
    assert shown["backup_frequency"] == "daily"
    assert "last_backup_state" not in shown
    assert shown["last_successful_backup"] is None
    assert vendor.get(f"/v1/backup_instances/{shown['id']}").body == shown
    path = f"/v1/backup_instances/{shown['id']}"
    assert vendor.get(path + "/backups").body == []
    assert vendor.get(path + "/exports").body == []
    assert vendor.get(path + "/endpoints").body == []
    active = vendor.get(path + "/backups/active")
    assert (active.status, active.content) == (204, b"")


@pytest.mark.parametrize("missing", ["backup_definition_id", "customer_id", "backup_frequency"])
def test_definition_customer_and_frequency_are_required(vendor: Client, missing: str) -> None:
    form = _form(
        backup_definition_id=vendor.new_definition(), customer_id=vendor.new_customer(), backup_frequency="off"
    )
    del form[f"backup_instance[{missing}]"]
    assert vendor.post("/v1/backup_instances", form).problem() == (f"backup_instance[{missing}]", "missing")


def test_an_unknown_or_foreign_customer_or_definition_is_400_in_the_same_words(vendor: Client, other: Client) -> None:
    definition, customer = vendor.new_definition(), vendor.new_customer()
    hidden, foreign = other.new_definition(), other.new_customer()
    for field, unknown, theirs in (
        ("customer_id", foreign + 1, foreign),
        ("backup_definition_id", hidden + 1, hidden),
    ):
        known = {"backup_definition_id": definition, "customer_id": customer, "backup_frequency": "off"}
        answers = [vendor.post("/v1/backup_instances", _form(**{**known, field: one})) for one in (unknown, theirs)]
        for answer in answers:
            assert answer.problem() == (f"backup_instance[{field}]", "not_found")
        assert answers[0].content.replace(str(unknown).encode(), str(theirs).encode()) == answers[1].content


def test_somebody_elses_published_definition_may_be_used(vendor: Client, other: Client) -> None:
    instance = vendor.new_instance(other.new_definition(published=True))
    assert vendor.get(f"/v1/backup_instances/{instance}").status == 200


@pytest.mark.parametrize("frequency", ["hourly", "DAILY", "sometimes", "0 3 * * *"])
def test_other_frequencies_are_400(vendor: Client, frequency: str) -> None:
    form = _form(backup_definition_id=1, customer_id=1, backup_frequency=frequency)
    assert vendor.post("/v1/backup_instances", form).problem() == ("backup_instance[backup_frequency]", "invalid")


@pytest.mark.parametrize("text", ["x", "1.5", "-1", "9" * 20])
def test_a_customer_id_that_is_none_is_400(vendor: Client, text: str) -> None:
    form = _form(backup_definition_id=1, customer_id=text, backup_frequency="off")
    assert vendor.post("/v1/backup_instances", form).problem() == ("backup_instance[customer_id]", "invalid")


def test_the_list_needs_a_definition_that_one_may_see(vendor: Client, other: Client) -> None:
    path = "/v1/backup_instances"
    assert vendor.get(path).problem() == ("backup_definition_id", "missing")
    assert vendor.get(path + "?backup_definition_id=").problem() == ("backup_definition_id", "invalid")
    assert vendor.get(path + "?backup_definition_id=x").problem() == ("backup_definition_id", "invalid")
    assert vendor.get(path + "?backup_definition_id=1").problem(404)
    assert vendor.get(f"{path}?backup_definition_id={other.new_definition()}").problem(404)


def test_the_list_has_only_ones_own_customers_also_under_somebody_elses_definition(
    vendor: Client, other: Client
) -> None:
    definition = other.new_definition(published=True)
    mine, theirs = vendor.new_instance(definition), other.new_instance(definition)
    vendor.new_instance()
    path = f"/v1/backup_instances?backup_definition_id={definition}"
    assert [one["id"] for one in vendor.get(path).body] == [mine]
    assert [one["id"] for one in other.get(path).body] == [theirs]


def test_the_frequency_changes(vendor: Client) -> None:
    path = f"/v1/backup_instances/{vendor.new_instance()}"
    for frequency in ("daily", "weekly", "off"):
        changed = vendor.put(path, _form(backup_frequency=frequency)).body
        assert changed["backup_frequency"] == frequency
        assert (changed["next_scheduled_backup"] is None) == (frequency == "off")
    assert vendor.put(path).problem() == ("backup_instance[backup_frequency]", "missing")


def test_customer_and_definition_cannot_change(vendor: Client) -> None:
    path = f"/v1/backup_instances/{vendor.new_instance()}"
    for field in ("customer_id", "backup_definition_id"):
        answer = vendor.put(path, _form(backup_frequency="off", **{field: vendor.new_customer()}))
        assert answer.problem() == (f"backup_instance[{field}]", "read_only")


def test_the_next_scheduled_backup_is_within_the_period(vendor: Client) -> None:
    def next_of(frequency: str) -> datetime:
        shown = vendor.get(f"/v1/backup_instances/{vendor.new_instance(frequency=frequency)}").body
        return parse_time(shown["next_scheduled_backup"])

    moment = now()
    assert moment < next_of("daily") <= moment + timedelta(days=1, minutes=1)
    assert moment < next_of("weekly") <= moment + timedelta(days=7, minutes=1)


def test_finer_schedules_stand_beside_the_frequency_which_is_then_left_out(vendor: Client) -> None:
    path = f"/v1/backup_instances/{vendor.new_instance()}"
    assert vendor.get(path).body["schedule"] == "off"
    hourly = vendor.put(path, _form(schedule="hourly")).body
    assert hourly["schedule"] == "hourly"
    assert "backup_frequency" not in hourly
    assert parse_time(hourly["next_scheduled_backup"]) <= now() + timedelta(hours=1)
    cron = vendor.put(path, _form(schedule="15 3 * * *", time_zone="Europe/Berlin", backup_frequency="daily")).body
    assert (cron["schedule"], cron["time_zone"]) == ("15 3 * * *", "Europe/Berlin")
    assert "backup_frequency" not in cron
    back = vendor.put(path, _form(backup_frequency="weekly")).body
    assert (back["backup_frequency"], back["schedule"], back["time_zone"]) == ("weekly", "weekly", None)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"schedule": "never"}, "schedule"),
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"schedule": "0 0 30 2 *"}, "schedule"),
        ({"schedule": "* * * * * *"}, "schedule"),
        ({"schedule": "0 3 * * *", "time_zone": "Berlin"}, "time_zone"),
        ({"schedule": "0 3 * * *", "time_zone": "../etc/passwd"}, "time_zone"),
        ({"schedule": "daily", "time_zone": "UTC"}, "time_zone"),
    ],
)
def test_bad_schedules_are_400(vendor: Client, fields: dict[str, object], field: str) -> None:
    path = f"/v1/backup_instances/{vendor.new_instance()}"
    assert vendor.put(path, _form(**fields)).problem() == (f"backup_instance[{field}]", "invalid")


def test_last_backup_state_is_that_of_the_active_backup_else_the_last_ones(
    vendor: Client, source: HostileSource
) -> None:
    source.put("items", {"id": 1})
    instance = vendor.instance_of(source)
    path = f"/v1/backup_instances/{instance}"
    first = vendor.back_up(instance)
    shown = vendor.get(path).body
    assert shown["last_backup_state"] == "successful"
    assert shown["last_successful_backup"] == first["ended_at"]
    gate = Gate()
    source.switches.hook = gate
    try:
        second = vendor.post(path + "/backups").body
        gate.wait()
        assert vendor.get(path).body["last_backup_state"] == "in progress"
        assert vendor.get(path + "/backups/active").body["status"] == "in_progress"
        source.switches.fail_page = 1
    finally:
        gate.open()
    assert vendor.ended(instance, second["id"])["status"] == "failed"
    shown = vendor.get(path).body
    assert shown["last_backup_state"] == "failed"
    assert shown["last_successful_backup"] == first["ended_at"]


# --- variables


@pytest.fixture
def instance(vendor: Client, source: HostileSource) -> int:
    document = items_document(source).replace("connection:", f"variables:{_VARIABLES}connection:")
    return vendor.new_instance(vendor.new_definition(document))


def _set(client: Client, instance: int, key: str, value: str) -> dict[str, object]:
    form = {"variable[key]": key, "variable[value]": value}
    made: dict[str, object] = client.post(f"/v1/backup_instances/{instance}/variables", form).body
    return made


def test_values_are_listed_in_the_definitions_order_with_defaults(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables"
    region = {"key": "region", "value": "eu", "is_default_value": True}
    assert vendor.get(path).body == [region]
    account = _set(vendor, instance, "account", "acct 1")
    assert account == {"key": "account", "value": "acct 1", "is_default_value": False}
    token = _set(vendor, instance, "token", "very secret")
    assert vendor.get(path).body == [token, region, account]


def test_a_key_without_any_value_is_404(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables/folder"
    assert vendor.get(path).problem(404) == ("key", "not_found")
    assert vendor.put(path, {"variable[value]": "x"}).problem(404) == ("key", "not_found")


def test_a_key_that_the_definition_does_not_have_is_404(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables"
    assert vendor.post(path, {"variable[key]": "nothing", "variable[value]": "x"}).status == 404
    assert vendor.get(path + "/nothing").status == 404
    assert vendor.put(path + "/nothing", {"variable[value]": "x"}).status == 404


def test_a_key_that_has_a_value_already_is_400_and_a_default_does_not_count(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables"
    assert _set(vendor, instance, "region", "us") == {"key": "region", "value": "us", "is_default_value": False}
    again = vendor.post(path, {"variable[key]": "region", "variable[value]": "eu"})
    assert again.problem() == ("variable[key]", "taken")
    assert vendor.get(path + "/region").body["value"] == "us"


@pytest.mark.parametrize("missing", ["key", "value"])
def test_key_and_value_are_required(vendor: Client, instance: int, missing: str) -> None:
    form = {"variable[key]": "account", "variable[value]": "x"}
    del form[f"variable[{missing}]"]
    answer = vendor.post(f"/v1/backup_instances/{instance}/variables", form)
    assert answer.problem() == (f"variable[{missing}]", "missing")


def test_get_and_put_work_on_a_key_that_only_has_a_default(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables/region"
    assert vendor.get(path).body == {"key": "region", "value": "eu", "is_default_value": True}
    assert vendor.put(path, {"variable[value]": "us"}).body == {
        "key": "region", "value": "us", "is_default_value": False,
    }  # fmt: skip
    assert vendor.put(path, {"variable[key]": "other", "variable[value]": "x"}).problem()[1] == "read_only"
    assert vendor.put(path).problem() == ("variable[value]", "missing")


def test_secrets_are_masked_and_the_mask_is_no_value(vendor: Client, instance: int) -> None:
    path = f"/v1/backup_instances/{instance}/variables"
    masked = {"key": "token", "value": "********", "is_default_value": False}
    assert _set(vendor, instance, "token", "very secret") == masked
    assert vendor.get(path + "/token").body == masked
    assert vendor.put(path + "/token", {"variable[value]": "********"}).problem() == ("variable[value]", "masked")
    assert vendor.put(path + "/token", {"variable[value]": "another"}).body == masked
    assert vendor.put(path + "/region", {"variable[value]": "********"}).status == 200


def test_missing_required_variables_are_200_then_failed_with_their_names(vendor: Client, instance: int) -> None:
    backup = vendor.back_up(instance)
    assert backup["status"] == "failed"
    assert backup["failures"][0]["code"] == "missing_variable"
    assert "token" in backup["failures"][0]["message"]
    assert "account" in backup["failures"][0]["message"]
    assert "folder" not in backup["failures"][0]["message"]
