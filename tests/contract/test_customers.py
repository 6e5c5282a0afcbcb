"""Vendors and their customers."""

import pytest

from tests.contract.client import Client


def test_a_vendor_sees_itself_without_its_secret(vendor: Client) -> None:
    shown = vendor.get("/v1/vendors/me").body
    assert set(shown) == {"client_id", "client_secret", "email", "name", "vendor_id"}
    assert shown["client_id"] == vendor.client_id
    assert shown["vendor_id"] == vendor.vendor_id
    assert shown["client_secret"].startswith("********")
    assert vendor.client_secret not in str(shown)


def test_a_customer_is_made_with_200(vendor: Client) -> None:
    answer = vendor.post("/v1/customers", {"customer[name]": "acct 7", "customer[email]": "it@acct.example"})
    assert answer.status == 200
    assert answer.body["name"] == "acct 7"
    assert isinstance(answer.body["id"], int)
    assert vendor.get(f"/v1/customers/{answer.body['id']}").body == answer.body


@pytest.mark.parametrize("missing", ["customer[name]", "customer[email]"])
def test_name_and_email_are_required(vendor: Client, missing: str) -> None:
    form = {"customer[name]": "x", "customer[email]": "a@b.example"}
    del form[missing]
    assert vendor.post("/v1/customers", form).problem() == (missing, "missing")


def test_a_name_is_unique_among_a_vendors_customers(vendor: Client, other: Client) -> None:
    vendor.new_customer("same")
    again = vendor.post("/v1/customers", {"customer[name]": "same", "customer[email]": "a@b.example"})
    assert again.problem() == ("customer[name]", "taken")
    other.new_customer("same")


def test_a_customer_is_renamed_and_its_address_changes(vendor: Client) -> None:
    customer = vendor.new_customer("old")
    path = f"/v1/customers/{customer}"
    assert vendor.put(path, {"customer[name]": "new"}).body["name"] == "new"
    changed = vendor.put(path, {"customer[name]": "new", "customer[email]": "new@b.example"}).body
    assert changed["email"] == "new@b.example"
    assert vendor.get(path).body == changed


@pytest.mark.parametrize(
    "address", ["none", "a@b@c.example", "a b@c.example", "a@b..example", "a@b.example\r\nBcc: x@y.z"]
)
def test_what_is_no_address_is_400_also_later(vendor: Client, address: str) -> None:
    form = {"customer[name]": "addressed", "customer[email]": address}
    assert vendor.post("/v1/customers", form).problem() == ("customer[email]", "invalid")
    path = f"/v1/customers/{vendor.new_customer()}"
    assert vendor.put(path, form).problem() == ("customer[email]", "invalid")


def test_renaming_needs_a_name_that_is_free(vendor: Client) -> None:
    vendor.new_customer("taken")
    path = f"/v1/customers/{vendor.new_customer('other')}"
    assert vendor.put(path, {"customer[name]": "taken"}).problem() == ("customer[name]", "taken")
    assert vendor.put(path).problem() == ("customer[name]", "missing")
    assert vendor.put(path, {"customer[name]": "other"}).body["name"] == "other"


def test_the_path_takes_the_id_as_a_string_and_the_name(vendor: Client, other: Client) -> None:
    customer = vendor.new_customer("acct/7 ?#ü")
    assert vendor.get("/v1/customers/acct%2F7%20%3F%23%C3%BC").body["id"] == customer
    assert other.get("/v1/customers/acct%2F7%20%3F%23%C3%BC").problem(404) == ("customer_id", "not_found")
    for nobody in ("nobody", "0", "-1", "1.0", "9" * 30, "%FF"):
        assert vendor.get(f"/v1/customers/{nobody}").status == 404


def test_another_vendors_customer_is_as_if_it_did_not_exist(vendor: Client, other: Client) -> None:
    customer = other.new_customer()
    path = f"/v1/customers/{customer}"
    missing = vendor.get(f"/v1/customers/{customer + 1}")
    assert vendor.get(path).content == missing.content.replace(str(customer + 1).encode(), str(customer).encode())
    assert vendor.put(path, {"customer[name]": "mine"}).status == 404
    assert vendor.get(path + "/backup_instances").status == 404
    assert customer not in [one["id"] for one in vendor.get("/v1/customers").body]


def test_a_customers_instances_are_listed(vendor: Client) -> None:
    customer = vendor.new_customer()
    made = [vendor.new_instance(customer_id=customer) for _ in range(3)]
    vendor.new_instance()
    listed = vendor.get(f"/v1/customers/{customer}/backup_instances").body
    assert [one["id"] for one in listed] == made
    assert vendor.get("/v1/customers/x/backup_instances").status == 404
