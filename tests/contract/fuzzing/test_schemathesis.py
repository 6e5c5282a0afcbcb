"""schemathesis, with thousands of examples: against the contract's shape, and against the document that is served."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.client import Client, Service
from tests.contract.fuzzing import shape
from tests.support.hostile_source import HostileSource, StoredBlob, make_record

_SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))


@pytest.fixture
def furnished(vendor: Client, source: HostileSource) -> Client:
    """A vendor with something in every list, so that good ids can be found."""
    source.blobs["one"] = StoredBlob(b"a blob")
    source.put("items", make_record(1, file=f"{source.url}/blob/one"))
    instance = vendor.instance_of(source, '    blob: {url: "{{ record.file }}", version: file}\n')
    vendor.back_up(instance)
    vendor.export(instance, {"export_run[send_confirmation]": "0"})
    return vendor


def _run(client: Client, folder: Path, *arguments: str) -> int:
    """Runs it; answers how many examples there were. A fixed seed, so that a failure comes again."""
    done = subprocess.run(
        [_SCHEMATHESIS, *arguments, "--url", client.url, "-H", f"Authorization: Bearer {client.token}", "--seed", "1",
         "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"],
        capture_output=True, text=True, timeout=900, check=False, env={**os.environ, "NO_COLOR": "1"}, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    found = re.search(r"(\d+) generated", done.stdout)
    assert found is not None, done.stdout[-2_000:]
    return int(found[1])


def test_the_contracts_shape_holds(service: Service, furnished: Client, tmp_path: Path) -> None:
    document = tmp_path / "v1.json"
    document.write_text(json.dumps(shape.document()))
    checks = "not_a_server_error,response_schema_conformance,content_type_conformance"
    examples = _run(
        furnished, tmp_path, "run", str(document), "--checks", checks, "--max-examples", "25", "--mode", "all"
    )
    assert examples >= 2_000


def test_the_served_document_is_true(service: Service, furnished: Client, tmp_path: Path) -> None:
    config = Path(__file__).with_name("served.toml")
    examples = _run(furnished, tmp_path, "--config-file", str(config), "run", f"{furnished.url}/openapi.json")
    assert examples >= 2_000


def test_the_shape_has_all_operations() -> None:
    assert len(shape.OPERATIONS) == 41
