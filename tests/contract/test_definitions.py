"""Backup definitions, their variables and their documents."""

import pytest

from holdfast.catalog import definitions as catalog
from holdfast.operations import definitions
from tests.contract.client import Client, Service, items_document
from tests.support.hostile_source import HostileSource


def _ids(client: Client, query: str = "") -> list[int]:
    found, url = [], f"/v1/backup_definitions?per_page=100{query}"
    while url:
        answer = client.get(url)
        found += [one["id"] for one in answer.body]
        url = answer.links.get("next", "")
    return found


def test_a_definition_is_made_with_200_and_read_back(vendor: Client) -> None:
    form = {"backup_definition[name]": "N", "backup_definition[description]": "D", "backup_definition[published]": "0"}
    made = vendor.post("/v1/backup_definitions", form)
    assert made.status == 200
    assert made.body["vendor_id"] == vendor.vendor_id
    assert vendor.get(f"/v1/backup_definitions/{made.body['id']}").body == made.body


@pytest.mark.parametrize("missing", ["name", "description", "published"])
def test_name_description_and_published_are_required(vendor: Client, missing: str) -> None:
    form = {"backup_definition[name]": "N", "backup_definition[description]": "D", "backup_definition[published]": "0"}
    del form[f"backup_definition[{missing}]"]
    assert vendor.post("/v1/backup_definitions", form).problem() == (f"backup_definition[{missing}]", "missing")


def test_the_list_has_every_published_one_and_all_of_ones_own(vendor: Client, other: Client) -> None:
    own, hidden, published = vendor.new_definition(), other.new_definition(), other.new_definition(published=True)
    listed = _ids(vendor)
    assert own in listed
    assert published in listed
    assert hidden not in listed
    assert listed == sorted(listed)


def test_vendor_id_narrows_the_list(vendor: Client, other: Client) -> None:
    own, hidden, published = vendor.new_definition(), other.new_definition(), other.new_definition(published=True)
    assert _ids(vendor, f"&vendor_id={vendor.vendor_id}") == [own]
    assert _ids(vendor, f"&vendor_id={other.vendor_id}") == [published]
    assert _ids(other, f"&vendor_id={other.vendor_id}") == [hidden, published]
    assert vendor.get("/v1/backup_definitions?vendor_id=1").problem(404) == ("vendor_id", "not_found")
    assert vendor.get("/v1/backup_definitions?vendor_id=x").problem() == ("vendor_id", "invalid")


@pytest.fixture(scope="module")
def built_in(service: Service) -> int:
    """One of the definitions that Holdfast brings along."""
    definitions.publish_library(service.services)
    with service.services.database.read() as connection:
        found = catalog.find(connection, definitions.library_vendor(connection).id, "github")
    assert found is not None
    return found.id


def test_the_built_in_ones_are_published_by_a_vendor_of_their_own(vendor: Client, built_in: int) -> None:
    shown = vendor.get(f"/v1/backup_definitions/{built_in}").body
    assert shown["published"]
    assert shown["has_document"]
    assert shown["vendor_id"] != vendor.vendor_id
    assert built_in in _ids(vendor)


def test_a_built_in_one_cannot_be_changed_and_the_answer_says_why(vendor: Client, built_in: int) -> None:
    path = f"/v1/backup_definitions/{built_in}"
    for answer in (
        vendor.put(path, {"backup_definition[name]": "mine"}),
        vendor.put(path + "/document", b"x"),
        vendor.post(path + "/variables", {"variable[key]": "k", "variable[name]": "K"}),
        vendor.put(path + "/variables/token", {"name": "T"}),
        vendor.call("DELETE", path),
    ):
        assert answer.problem(404) == ("backup_definition_id", "not_found")
        assert "(github) is built in: you may use it, but not change it" in answer.json["errors"][0]["message"]


def test_what_is_given_changes_and_the_rest_stays(vendor: Client) -> None:
    path = f"/v1/backup_definitions/{vendor.new_definition()}"
    before = vendor.get(path).body
    assert vendor.put(path, {"backup_definition[name]": "renamed"}).body == {**before, "name": "renamed"}
    assert vendor.put(path, {"backup_definition[published]": "True"}).body["published"] is True
    assert vendor.put(path, {"backup_definition[published]": "False"}).body["published"] is False


def test_another_vendors_cannot_be_changed_published_or_not(vendor: Client, other: Client) -> None:
    for published in (True, False):
        definition = other.new_definition(published=published)
        path = f"/v1/backup_definitions/{definition}"
        assert vendor.put(path, {"backup_definition[name]": "mine"}).problem(404)
        assert vendor.put(path + "/document", b"x").status == 404
        assert vendor.call("DELETE", path).status == 404
        form = {"variable[key]": "k", "variable[name]": "K"}
        assert vendor.post(path + "/variables", form).status == 404
        assert vendor.get(path).status == (200 if published else 404)


def test_read_only_fields_of_a_definition(vendor: Client, other: Client) -> None:
    path = f"/v1/backup_definitions/{vendor.new_definition()}"
    answer = vendor.put(path, {"backup_definition[vendor_id]": other.vendor_id})
    assert answer.problem() == ("backup_definition[vendor_id]", "read_only")
    assert vendor.put(path, {"backup_definition[vendor_id]": vendor.vendor_id}).status == 200


@pytest.mark.parametrize("no_id", ["x", "0", "1.5", "-1", "007", "9" * 19, "9" * 20, "%31x", "1%00", " 1", "1_0"])
def test_a_path_id_that_is_no_number_is_404(vendor: Client, no_id: str) -> None:
    assert vendor.get(f"/v1/backup_definitions/{no_id}").status == 404


# --- variables


def _variable(client: Client, definition: int, key: str, **more: object) -> dict[str, object]:
    form = {"variable[key]": key, "variable[name]": f"Name of {key}"}
    form |= {f"variable[{name}]": value for name, value in more.items()}
    made: dict[str, object] = client.post(f"/v1/backup_definitions/{definition}/variables", form).body
    return made


def test_variables_are_made_listed_and_read_in_the_definitions_order(vendor: Client) -> None:
    definition = vendor.new_definition()
    path = f"/v1/backup_definitions/{definition}/variables"
    assert vendor.get(path).body == []
    token = _variable(vendor, definition, "token", secret="true")
    area = _variable(vendor, definition, "area", description="Which one", optional="True", default_value="eu")
    assert area == {
        "key": "area", "name": "Name of area", "description": "Which one", "optional": True, "default_value": "eu",
        "secret": False,
    }  # fmt: skip
    assert vendor.get(path).body == [token, area]
    assert vendor.get(path + "/area").body == area
    assert vendor.get(path + "/other").problem(404) == ("key", "not_found")


def test_creating_a_key_that_exists_is_400(vendor: Client) -> None:
    definition = vendor.new_definition()
    _variable(vendor, definition, "token")
    form = {"variable[key]": "token", "variable[name]": "Again"}
    answer = vendor.post(f"/v1/backup_definitions/{definition}/variables", form)
    assert answer.problem() == ("variable[key]", "taken")


@pytest.mark.parametrize("missing", ["key", "name"])
def test_key_and_name_are_required(vendor: Client, missing: str) -> None:
    form = {"variable[key]": "k", "variable[name]": "K"}
    del form[f"variable[{missing}]"]
    path = f"/v1/backup_definitions/{vendor.new_definition()}/variables"
    assert vendor.post(path, form).problem() == (f"variable[{missing}]", "missing")


@pytest.mark.parametrize("key", ["1st", "a-b", "a b", "ü", "parent"])
def test_a_key_that_templates_cannot_name_is_400(vendor: Client, key: str) -> None:
    path = f"/v1/backup_definitions/{vendor.new_definition()}/variables"
    assert vendor.post(path, {"variable[key]": key, "variable[name]": "K"}).problem()


def test_a_variable_is_changed_with_a_top_level_name_or_a_bracketed_one(vendor: Client) -> None:
    definition = vendor.new_definition()
    _variable(vendor, definition, "area", optional="True")
    path = f"/v1/backup_definitions/{definition}/variables/area"
    changed = vendor.put(path, {"name": "Area", "variable[description]": "Which", "variable[default_value]": "us"}).body
    assert (changed["name"], changed["description"], changed["default_value"]) == ("Area", "Which", "us")
    assert changed["optional"] is True
    assert vendor.put(path, {"variable[name]": "Region"}).body == {**changed, "name": "Region"}
    assert vendor.put(path, json={"variable": {"name": "Both"}, "name": ""}).body["name"] == "Both"
    assert vendor.get(path).body["name"] == "Both"


def test_changing_a_variable_needs_a_name_and_keeps_its_key(vendor: Client) -> None:
    definition = vendor.new_definition()
    _variable(vendor, definition, "area")
    path = f"/v1/backup_definitions/{definition}/variables/area"
    assert vendor.put(path, {"variable[description]": "Which"}).problem() == ("name", "missing")
    assert vendor.put(path, {"name": "A", "variable[key]": "other"}).problem() == ("variable[key]", "read_only")
    assert vendor.put(path, {"name": "A", "variable[key]": "area"}).status == 200
    assert vendor.put(path[:-1] + "x", {"name": "A"}).status == 404


def test_the_contracts_variables_and_the_document_are_one(vendor: Client, source: HostileSource) -> None:
    definition = vendor.new_definition("# mine\n" + items_document(source))
    _variable(vendor, definition, "token", secret="1")
    document = vendor.get(f"/v1/backup_definitions/{definition}/document")
    assert document.headers["Content-Type"].startswith("application/yaml")
    assert b"# mine" in document.content
    assert b'"key": "token"' in document.content
    text = document.content.replace(b'"Name of token"', b'"The token"')
    vendor.put(f"/v1/backup_definitions/{definition}/document", text)
    assert vendor.get(f"/v1/backup_definitions/{definition}/variables/token").body["name"] == "The token"


# --- documents


def test_a_bad_document_is_400_with_every_mistake(vendor: Client) -> None:
    path = f"/v1/backup_definitions/{vendor.new_definition()}/document"
    answer = vendor.put(path, b"holdfast: 1\nname: X\nconection: {}\nendpoints: []\n")
    assert answer.status == 400
    assert len(answer.json["errors"]) > 1
    assert any("conection" in one["message"] for one in answer.json["errors"])
    assert vendor.put(path, b"\xff").problem() == (None, "unreadable")
    assert vendor.put(path, b"x" * 300_000).problem() == (None, "too_large")
    assert vendor.put(path, b"").status == 400


def test_a_definition_without_a_document_has_none_to_show(vendor: Client) -> None:
    definition = vendor.new_definition()
    assert vendor.get(f"/v1/backup_definitions/{definition}").body["has_document"] is False
    assert vendor.get(f"/v1/backup_definitions/{definition}/document").status == 404


def test_backups_without_a_document_fail_and_say_so(vendor: Client) -> None:
    definition = vendor.new_definition()
    for number in range(2):  # without anything, then with a draft that has variables only
        backup = vendor.back_up(vendor.new_instance(definition))
        assert backup["status"] == "failed"
        assert backup["failures"][0]["code"] == "no_document"
        _variable(vendor, definition, f"key{number}", optional="1")


def test_a_deleted_definition_is_gone_and_its_instances_go_on(vendor: Client, source: HostileSource) -> None:
    source.put("items", {"id": 1})
    definition = vendor.new_definition(items_document(source))
    instance = vendor.new_instance(definition)
    assert vendor.call("DELETE", f"/v1/backup_definitions/{definition}").status == 204
    assert vendor.get(f"/v1/backup_definitions/{definition}").status == 404
    assert definition not in _ids(vendor)
    assert vendor.back_up(instance)["status"] == "successful"
    form = {
        "backup_instance[backup_definition_id]": definition,
        "backup_instance[customer_id]": vendor.new_customer(),
        "backup_instance[backup_frequency]": "off",
    }
    assert vendor.post("/v1/backup_instances", form).problem() == ("backup_instance[backup_definition_id]", "not_found")
