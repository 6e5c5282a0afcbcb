"""Lists: order, pages, the `Link` header."""

from typing import Any

import pytest

from tests.contract.client import Client


@pytest.fixture(scope="module")
def crowded(service: Any) -> Client:
    """A vendor with 45 customers."""
    vendor: Client = service.new_vendor()
    for number in range(45):
        vendor.new_customer(f"number {number}")
    return vendor


def test_twenty_a_page_ascending_by_id(crowded: Client) -> None:
    listed = crowded.get("/v1/customers").body
    assert [one["name"] for one in listed] == [f"number {number}" for number in range(20)]
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)


def test_page_and_per_page(crowded: Client) -> None:
    assert [one["name"] for one in crowded.get("/v1/customers?page=3").body] == [f"number {n}" for n in range(40, 45)]
    assert [one["name"] for one in crowded.get("/v1/customers?page=2&per_page=2").body] == ["number 2", "number 3"]
    assert len(crowded.get("/v1/customers?per_page=100").body) == 45


def test_a_page_past_the_end_is_an_empty_list(crowded: Client) -> None:
    for page in (4, 1000, 10**9):
        answer = crowded.get(f"/v1/customers?page={page}")
        assert answer.body == []
        assert set(answer.links) == {"first", "prev", "last"}
        assert len(crowded.get(answer.links["prev"]).body) == 5


def test_an_empty_list_has_one_page(vendor: Client) -> None:
    answer = vendor.get("/v1/customers")
    assert answer.body == []
    assert set(answer.links) == {"first", "last"}


@pytest.mark.parametrize("value", ["", "0", "-1", "x", "1.5", "1e3", "99999999999999999999", "%20", "٣", "+1"])
@pytest.mark.parametrize("name", ["page", "per_page"])
def test_silly_numbers_are_400_and_name_the_parameter(crowded: Client, name: str, value: str) -> None:
    assert crowded.get(f"/v1/customers?{name}={value}").problem() == (name, "invalid")


def test_a_page_has_at_most_a_hundred(crowded: Client) -> None:
    assert crowded.get("/v1/customers?per_page=101").problem() == ("per_page", "invalid")


def test_links_lead_from_one_end_to_the_other_and_back(crowded: Client) -> None:
    seen, url = [], crowded.get("/v1/customers?per_page=10").links["first"]
    while True:
        answer = crowded.get(url)
        seen += [one["name"] for one in answer.body]
        if "next" not in answer.links:
            assert url == answer.links["last"]
            break
        url = answer.links["next"]
    assert seen == [f"number {number}" for number in range(45)]
    back = []
    while True:
        answer = crowded.get(url)
        back = [one["name"] for one in answer.body] + back
        if "prev" not in answer.links:
            assert url == answer.links["first"]
            break
        url = answer.links["prev"]
    assert back == seen


def test_links_are_absolute_and_keep_the_other_parameters(crowded: Client) -> None:
    links = crowded.get("/v1/customers?per_page=10&page=2&mine=a%20b%26&mine=c").links
    assert set(links) == {"first", "prev", "next", "last"}
    for url in links.values():
        assert url.startswith(f"{crowded.url}/v1/customers?")
        assert "per_page=10" in url
        assert "mine=a+b%26" in url or "mine=a%20b%26" in url
        assert "mine=c" in url
    assert "page=3" in links["next"]


def test_links_name_the_host_that_was_asked(crowded: Client) -> None:
    answer = crowded.get("/v1/customers", headers={"Host": "backup.example:8443"})
    assert answer.links["next"].startswith("http://backup.example:8443/v1/customers?")


@pytest.mark.parametrize("host", ["evil\tname", 'a"b', "a b", "a>b"])
def test_a_host_that_is_none_is_not_repeated(crowded: Client, host: str) -> None:
    assert crowded.get("/v1/customers", headers={"Host": host}).status == 400


def test_every_list_has_pages(vendor: Client) -> None:
    definition = vendor.new_definition()
    instance = vendor.new_instance(definition)
    for path in (
        "/v1/customers",
        "/v1/backup_definitions",
        f"/v1/backup_definitions/{definition}/variables",
        f"/v1/backup_instances?backup_definition_id={definition}",
        f"/v1/customers/{vendor.get(f'/v1/backup_instances/{instance}').body['customer_id']}/backup_instances",
        f"/v1/backup_instances/{instance}/variables",
        f"/v1/backup_instances/{instance}/backups",
        f"/v1/backup_instances/{instance}/endpoints",
        f"/v1/backup_instances/{instance}/exports",
    ):
        answer = vendor.get(path)
        assert isinstance(answer.body, list)
        assert {"first", "last"} <= set(answer.links)
        assert vendor.get(path + ("&" if "?" in path else "?") + "per_page=0").problem() == ("per_page", "invalid")
