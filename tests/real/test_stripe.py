"""Stripe as emulate imitates it."""

from typing import Any

import pytest

from tests.real.library import adapted, assert_success, stored
from tests.support.installation import Installation
from tests.support.real_sources import Api, Emulate

pytestmark = pytest.mark.real
LISTS = {
    "customers": "/v1/customers",
    "products": "/v1/products",
    "prices": "/v1/prices",
    "charges": "/v1/charges",
    "payment_intents": "/v1/payment_intents",
    "checkout_sessions": "/v1/checkout/sessions",
}


def at_source(api: Api, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    query: dict[str, Any] = {"limit": 7}
    while True:
        page = api.get(path, **query)
        found.update((one["id"], one) for one in page["data"])
        if not page["has_more"]:
            return found
        query["starting_after"] = page["data"][-1]["id"]


def test_every_record_first_changed_and_deleted(installation: Installation, emulate: Emulate) -> None:
    api = emulate.api("stripe", "Bearer sk_test_x")
    customers = [api.form("/v1/customers", name=f"n{i}", email=f"s{i}@x.test")["id"] for i in range(230)]
    products = [api.form("/v1/products", name=f"p{i}")["id"] for i in range(12)]
    for product in products:
        api.form("/v1/prices", product=product, unit_amount=500, currency="usd")
    for customer in customers[:9]:
        intent = api.form("/v1/payment_intents", amount=700, currency="eur", customer=customer)
        api.form(f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_visa")
    api.form("/v1/checkout/sessions", mode="payment", success_url="http://localhost/ok")

    def assert_same() -> None:
        for endpoint, path in LISTS.items():
            assert stored(installation, instance, endpoint) == at_source(api, path), endpoint

    document = adapted("stripe", only=LISTS)
    instance = installation.instance(document, token="sk_test_x", base_url=emulate.url("stripe"))
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert all(stored(installation, instance, endpoint) for endpoint in LISTS)

    api.ask("DELETE", f"/v1/customers/{customers[3]}")
    api.form(f"/v1/customers/{customers[4]}", name="renamed")
    api.form("/v1/customers", name="new")
    run = installation.backup(instance)
    assert_success(run)
    assert_same()
    assert run.counters["deleted"] == 1
    after_delta = {endpoint: stored(installation, instance, endpoint) for endpoint in LISTS}
    run = installation.backup(instance, full=True)
    assert (run.counters["packs"], run.status) == (0, "successful")
    assert {endpoint: stored(installation, instance, endpoint) for endpoint in LISTS} == after_delta
