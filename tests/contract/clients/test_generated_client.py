"""A client library that a public generator makes of the served OpenAPI document does the whole flow."""

import os
import subprocess
import sys
from pathlib import Path

from tests.contract.client import Client
from tests.support.hostile_source import HostileSource, StoredBlob, make_record

_GENERATOR = "openapi-python-client==0.29.1"
_UV = str(Path(sys.executable).with_name("uv"))


def test_a_generated_client_does_the_whole_flow(vendor: Client, source: HostileSource, tmp_path: Path) -> None:
    source.blobs["one"] = StoredBlob(b"a blob", "image/png")
    for number in range(30):
        source.put("items", make_record(number, file=f"{source.url}/blob/one" if number == 1 else ""))
    generated = subprocess.run(
        [_UV, "tool", "run", _GENERATOR, "generate", "--url", f"{vendor.url}/openapi.json", "--meta", "none",
         "--output-path", str(tmp_path / "holdfast_client")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert generated.returncode == 0, generated.stdout + generated.stderr
    flow = Path(__file__).with_name("generated_flow.py")
    done = subprocess.run(
        [_UV, "run", "--no-project", "--with", "httpx,attrs,python-dateutil", "python", str(flow), vendor.url,
         vendor.client_id, vendor.client_secret, source.url],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip().endswith("done")
