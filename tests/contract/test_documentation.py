"""docs/api.md: its tour works as it is printed, and its tables are the route table."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from holdfast.api.routes import ROUTERS
from holdfast.operations.events import EVENTS
from tests.contract.client import Client

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/api.md").read_text()
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PROGRAM = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ROUTE = re.compile(r"\| `(GET|POST|PUT|DELETE) (/[^`?]*)` \|")


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[str]:
    """The application that the tour backs up, as it is printed: its address."""
    (program,) = _PROGRAM.findall(TEXT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    (tmp_path / "notebook.py").write_text(program.replace("8788", port))
    process = subprocess.Popen([sys.executable, str(tmp_path / "notebook.py")], stderr=subprocess.DEVNULL)
    try:
        for _ in range(3_000):
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(port))):
                break
            threading.Event().wait(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def test_the_tour_works_as_it_is_printed(vendor: Client, notebook: str, tmp_path: Path) -> None:
    settings, *steps = _BLOCK.findall(TEXT)
    assert "HOST=" in settings
    script = "\n".join(["set -euxo pipefail", *steps])
    environment = {
        "PATH": os.environ["PATH"],
        "HOST": vendor.url,
        "CLIENT_ID": vendor.client_id,
        "CLIENT_SECRET": vendor.client_secret,
        "ADDRESS": notebook,
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "attachment").read_bytes() == b"attached"
    names = zipfile.ZipFile(tmp_path / "export.zip").namelist()
    assert {"json/items.jsonl", "csv/items.csv", "manifest.json"} == set(names)
    assert "backup 1 was successful: 30 records" in done.stdout


def test_the_tables_are_the_route_table() -> None:
    documented = _ROUTE.findall(TEXT)
    served = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods - {"HEAD"}
    }
    assert len(documented) == len(set(documented))
    assert set(documented) == served


def test_the_contract_has_41_operations() -> None:
    contract = TEXT.partition("## Operations of the contract")[2].partition("## Additions")[0]
    assert len(_ROUTE.findall(contract)) == 41


def test_the_events_are_documented() -> None:
    assert set(re.findall(r"^\| `(\w+\.\w+)` \|", TEXT, re.MULTILINE)) == set(EVENTS)


def test_the_served_documentation_says_the_same(vendor: Client) -> None:
    document = vendor.get("/openapi.json").body
    described = {(method.upper(), path) for path, one in document["paths"].items() for method in one}
    assert described == set(_ROUTE.findall(TEXT))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            assert operation["tags"], (method, path)
            assert "422" not in operation["responses"], (method, path)
    assert "HTTPValidationError" not in json.dumps(document)
    names = [operation["operationId"] for one in document["paths"].values() for operation in one.values()]
    assert len(names) == len(set(names))


def test_a_second_document_has_forms_for_bodies(vendor: Client) -> None:
    plain, forms = vendor.get("/openapi.json").body, vendor.get("/openapi-forms.json").body
    assert forms["paths"].keys() == plain["paths"].keys()
    for path, operations in plain["paths"].items():
        for method, operation in operations.items():
            other = forms["paths"][path][method]
            if "requestBody" not in operation or path.endswith("/document"):
                assert other == operation, (method, path)
                continue
            [(media_type, content)] = other["requestBody"]["content"].items()
            assert media_type == "application/x-www-form-urlencoded", (method, path)
            assert other["requestBody"]["required"] == operation["requestBody"]["required"]
            assert content["schema"]["properties"], (method, path)
    customer = forms["paths"]["/v1/customers"]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    assert customer["schema"]["required"] == ["customer[name]", "customer[email]"]
