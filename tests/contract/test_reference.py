"""The page at `/docs`: it has every operation, loads nothing, and a browser may show it."""

import re
from base64 import b64encode
from hashlib import sha256

import requests

from tests.contract.client import Service


def _get(service: Service, path: str) -> requests.Response:
    answer = requests.get(service.url + path, timeout=10)
    assert answer.status_code == 200
    return answer


def test_it_has_every_operation_and_schema(service: Service) -> None:
    page = _get(service, "/docs").text
    document = _get(service, "/openapi.json").json()
    operations = [one for methods in document["paths"].values() for one in methods.values()]
    assert operations
    assert set(re.findall(r'<details id="(\w+)">', page)) == {one["operationId"] for one in operations}
    assert set(re.findall(r'id="schema-(\w+)"', page)) == set(document["components"]["schemas"])
    assert "customer[email]" in page, "the fields of bodies are there too"


def test_every_link_leads_somewhere_on_it(service: Service) -> None:
    page = _get(service, "/docs").text
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links
    assert links <= set(re.findall(r'id="([^"]+)"', page))


def test_it_loads_nothing_and_its_policy_allows_its_style(service: Service) -> None:
    answer = _get(service, "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<link|src=|@import|url\(", answer.text)
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
