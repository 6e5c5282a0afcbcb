"""Request bodies: forms with bracketed names, multipart, JSON; booleans, empty fields, unknown and read-only ones."""

from typing import Any

import pytest

from tests.contract.client import Client

_FORM = {
    "backup_definition[name]": "Notes",
    "backup_definition[description]": "All",
    "backup_definition[published]": "true",
}
_JSON = {"backup_definition": {"name": "Notes", "description": "All", "published": True}}


def test_a_url_encoded_form(vendor: Client) -> None:
    assert vendor.post("/v1/backup_definitions", _FORM).body["published"] is True


def test_a_multipart_form(vendor: Client) -> None:
    files = {name: (None, value) for name, value in _FORM.items()}
    assert vendor.post("/v1/backup_definitions", files=files).body["name"] == "Notes"


def test_json(vendor: Client) -> None:
    assert vendor.post("/v1/backup_definitions", json=_JSON).body["name"] == "Notes"


def test_a_form_without_a_content_type(vendor: Client) -> None:
    body = "customer[name]=plain&customer[email]=a@b.example"
    assert vendor.post("/v1/customers", body).body["name"] == "plain"


@pytest.mark.parametrize("spelt", ["true", "True", "TRUE", "1", "tRuE"])
def test_true_in_any_case(vendor: Client, spelt: str) -> None:
    form = {**_FORM, "backup_definition[published]": spelt}
    assert vendor.post("/v1/backup_definitions", form).body["published"] is True


@pytest.mark.parametrize("spelt", ["false", "False", "FALSE", "0"])
def test_false_in_any_case(vendor: Client, spelt: str) -> None:
    form = {**_FORM, "backup_definition[published]": spelt}
    assert vendor.post("/v1/backup_definitions", form).body["published"] is False


@pytest.mark.parametrize("given", [True, False])
def test_booleans_in_json(vendor: Client, given: bool) -> None:
    json = {"backup_definition": {**_JSON["backup_definition"], "published": given}}
    assert vendor.post("/v1/backup_definitions", json=json).body["published"] is given


@pytest.mark.parametrize("given", [1, 0, "true", "", {}, []])
def test_json_has_types(vendor: Client, given: Any) -> None:
    json = {"backup_definition": {**_JSON["backup_definition"], "published": given}}
    code = "missing" if given == "" else "invalid"
    assert vendor.post("/v1/backup_definitions", json=json).problem() == ("backup_definition[published]", code)
    json = {"backup_definition": {**_JSON["backup_definition"], "name": given}}
    assert vendor.post("/v1/backup_definitions", json=json).status == (200 if given == "true" else 400)


def test_what_is_no_boolean_is_named(vendor: Client) -> None:
    form = {**_FORM, "backup_definition[published]": "maybe"}
    assert vendor.post("/v1/backup_definitions", form).problem() == ("backup_definition[published]", "invalid")


def test_an_empty_optional_field_counts_as_absent(vendor: Client) -> None:
    definition = vendor.new_definition()
    path = f"/v1/backup_definitions/{definition}"
    before = vendor.get(path).body
    assert vendor.put(path, {"backup_definition[name]": "", "backup_definition[published]": ""}).body == before
    assert vendor.put(path, json={"backup_definition": {"name": "", "published": None}}).body == before
    assert vendor.put(path).body == before


def test_an_empty_required_field_is_missing(vendor: Client) -> None:
    form = {**_FORM, "backup_definition[name]": ""}
    assert vendor.post("/v1/backup_definitions", form).problem() == ("backup_definition[name]", "missing")


def test_everything_that_is_wrong_is_told_at_once(vendor: Client) -> None:
    answer = vendor.post("/v1/backup_definitions", {"backup_definition[published]": "x"})
    assert {(one["field"], one["code"]) for one in answer.json["errors"]} == {
        ("backup_definition[name]", "missing"),
        ("backup_definition[description]", "missing"),
        ("backup_definition[published]", "invalid"),
    }


def test_a_post_without_a_body_is_fine_where_nothing_is_required(vendor: Client) -> None:
    instance = vendor.new_instance()
    assert vendor.post(f"/v1/backup_instances/{instance}/backups").body["status"] == "queued"


def test_a_body_that_nobody_asked_for_is_fine_too(vendor: Client) -> None:
    instance = vendor.new_instance()
    assert vendor.post(f"/v1/backup_instances/{instance}/backups", json={"full": True}).body["status"] == "queued"


def test_unknown_fields_are_ignored(vendor: Client) -> None:
    form = {**_FORM, "backup_definition[color]": "red", "utf8": "✓", "other[name]": "x"}
    assert vendor.post("/v1/backup_definitions", form).body["name"] == "Notes"


def test_a_read_only_field_that_would_change_is_refused_and_the_same_value_is_fine(vendor: Client) -> None:
    instance = vendor.new_instance()
    path = f"/v1/backup_instances/{instance}"
    shown = vendor.get(path).body
    same = {f"backup_instance[{name}]": "" if value is None else value for name, value in shown.items()}
    assert vendor.put(path, same).body == shown
    assert vendor.put(path, json={"backup_instance": shown}).body == shown
    for name in ("id", "customer_id", "backup_definition_id", "last_successful_backup", "created_at"):
        form = {"backup_instance[backup_frequency]": "off", f"backup_instance[{name}]": "1"}
        assert vendor.put(path, form).problem() == (f"backup_instance[{name}]", "read_only")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b'"text"', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff=1", "application/x-www-form-urlencoded"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % number for number in range(1000)), "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"<customer/>", "application/xml"),
    ],
)
def test_a_body_that_cannot_be_read_is_400(vendor: Client, body: bytes, content_type: str) -> None:
    answer = vendor.post("/v1/customers", body, headers={"Content-Type": content_type})
    assert answer.problem()[1] in {"unreadable", "invalid", "missing"}


@pytest.mark.parametrize("text", ["nul \0", "lone \ud800"])
def test_texts_that_no_database_can_hold_are_400(vendor: Client, text: str) -> None:
    json = {"customer": {"name": text, "email": "a@b.example"}}
    assert vendor.post("/v1/customers", json=json).problem() == ("customer[name]", "invalid")


@pytest.mark.parametrize("given", [["a"], {"a": "b"}, True])
def test_what_is_no_text_is_400(vendor: Client, given: Any) -> None:
    json = {"customer": {"name": given, "email": "a@b.example"}}
    assert vendor.post("/v1/customers", json=json).problem()[0] == "customer[name]"


def test_a_body_that_is_too_large_is_refused(vendor: Client) -> None:
    answer = vendor.post("/v1/customers", b"x" * (1024 * 1024 + 1))
    assert answer.problem(413) == (None, "too_large")


def test_a_body_of_unknown_length_is_bounded_too(vendor: Client) -> None:
    answer = vendor.session.post(
        vendor.url + "/v1/customers",
        data=(b"x" * 65_536 for _ in range(40)),
        headers={"Authorization": f"Bearer {vendor.token}"},
        timeout=30,
    )
    assert answer.status_code == 413


def test_what_an_error_says_names_the_field_and_is_never_a_422(vendor: Client) -> None:
    answer = vendor.post("/v1/customers", {"customer[name]": "x", "customer[email]": "no address"})
    assert answer.status == 400
    assert answer.json == {
        "errors": [
            {"field": "customer[email]", "code": "invalid", "message": "this does not look like an email address"}
        ]
    }


def test_json_that_is_sent_as_a_form_is_told_so(vendor: Client) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = vendor.post("/v1/customers", b' {"customer": {"name": "Ann"}}', headers=headers)
    assert answer.problem(400) == ("Content-Type", "invalid")
    assert "Content-Type: application/json" in answer.json["errors"][0]["message"]
