"""The contract's first 17 requests by Newman, Postman's own runner, against a service with data in it."""

import json
import subprocess
from pathlib import Path

from tests.contract.client import Client, Gate
from tests.contract.clients.seed_collection import REQUESTS, collection
from tests.support.hostile_source import HostileSource, StoredBlob, make_record

_NEWMAN = "newman@6"


def test_newman_runs_the_seed(vendor: Client, source: HostileSource, tmp_path: Path) -> None:
    source.blobs["one"] = StoredBlob(b"a blob", "image/png")
    source.put("items", make_record(1, file=f"{source.url}/blob/one"))
    instance = vendor.instance_of(source, '    blob: {url: "{{ record.file }}", version: file}\n')
    shown = vendor.get(f"/v1/backup_instances/{instance}").body
    backup = vendor.back_up(instance)
    export = vendor.export(instance, {"export_run[send_confirmation]": "0"})
    values = {
        "host": vendor.url,
        "token": vendor.token or "",
        "customer_id": shown["customer_id"],
        "backup_definition_id": shown["backup_definition_id"],
        "backup_instance_id": instance,
        "backup_id": backup["id"],
        "endpoint_name": "items",
        "record_id": "1",
        "export_id": export["id"],
    }
    made = tmp_path / "seed.postman_collection.json"
    made.write_text(json.dumps(collection({name: str(value) for name, value in values.items()})))
    report = tmp_path / "report.json"
    gate = Gate()  # holds the backup that the collection asks for, so that there is an active one
    source.switches.hook = gate
    try:
        done = subprocess.run(
            ["npx", "--yes", _NEWMAN, "run", str(made), "--reporters", "json,cli", "--reporter-json-export",
             str(report)],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        gate.open()
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    stats = json.loads(report.read_text())["run"]["stats"]
    assert (stats["requests"]["total"], stats["requests"]["failed"]) == (len(REQUESTS), 0)
    assert (stats["assertions"]["total"], stats["assertions"]["failed"]) == (17, 0)
