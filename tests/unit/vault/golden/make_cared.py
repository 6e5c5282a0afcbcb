"""Makes a golden vault as years of care leave it: backups pruned, what was lost let go of, a customer erased, receipts.

    python -m tests.unit.vault.golden.make_cared FOLDER

Like `make`, run once per format and committed; not run by the tests.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from holdfast.catalog import packs
from holdfast.catalog.instances import Instance
from holdfast.operations import customers, instances
from holdfast.operations.erase import erase_customer
from holdfast.operations.prune import plan, prune
from holdfast.operations.repair import repair
from holdfast.operations.retention import RetentionRules
from holdfast.operations.verify import verify
from holdfast.vault import names
from tests.support.documents import CHILDREN, ITEMS, PARENTS, document
from tests.support.hostile_source import HostileSource, StoredBlob, in_thread, make_record
from tests.support.installation import Installation, installed

BLOB = """
blob: {url: "{{ record.file }}", version: [etag]}
"""
KEPT = 4


def put(source: HostileSource, number: int, turn: int) -> None:
    name = f"file-{number}-{turn}"
    source.blobs[name] = StoredBlob(f"file {number} of turn {turn} ".encode() * 20, "text/plain", str(turn))
    source.put("items", make_record(number, turn=turn, file=f"{source.url}/blob/{name}", etag=str(turn)))


def back_up_for_a_week(installation: Installation, source: HostileSource) -> Instance:
    """Each day other records change, some go; the last two days change what the day of the later damage wrote."""
    for number in range(1, 21):
        put(source, number, 0)
    for parent in (1, 2):
        source.put("parents", {"id": parent})
        for number in range(1, 4):
            source.put(f"parents/{parent}/children", make_record(number))
    instance = installation.instance(document(source.url, ITEMS + BLOB, PARENTS, CHILDREN))
    for turn in range(1, 8):
        for number in range(turn, turn + 4):
            put(source, number, turn)
        source.put("parents/1/children", make_record(1, turn=turn))
        if turn in (3, 6):
            source.remove("items", 18 + turn // 3 - 1)
        run = installation.backup(instance, accept_deletions=True)
        assert run.status == "successful", run.failures
    return instance


def lose_what_a_day_wrote(installation: Installation, instance: Instance, sequence: int) -> None:
    services = installation.services
    with services.database.read() as connection:
        gone = [pack for pack in packs.of_instance(connection, instance.id) if pack.sequence == sequence]
    for pack in gone:
        services.storage.delete(names.pack(pack.customer_id, pack.object_id))
    repair(services)
    installation.backup(instance)
    report = repair(services, forget_lost=True)
    assert report.is_whole and report.not_had, "something was lost for good"


def prune_to(installation: Installation, kept: int) -> None:
    rules = RetentionRules(last=kept)
    planned = plan(installation.services, rules=rules)
    report = prune(installation.services, planned, actor="golden", rules=rules, orphans_kept=timedelta(0))
    assert report.is_complete and report.freed_bytes > 0


def state(installation: Installation, instance: Instance, sequence: int) -> list[list[str | None]]:
    found = installation.state(instance, sequence)
    rows = []
    for endpoint in installation.browser.endpoints(found):
        for record in installation.browser.records(found, endpoint.name, limit=1_000):
            blob = installation.browser.blob(found, record) if record.has_blob else None
            content = None if blob is None else hashlib.sha256(b"".join(blob.read())).hexdigest()
            rows.append([endpoint.name, record.key, hashlib.sha256(record.raw).hexdigest(), content])
    return sorted(rows, key=lambda row: row[:2])


def make(folder: Path) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        in_thread(HostileSource({"items": [], "parents": []}, page_size=10)) as source,
        installed(Path(name) / "home") as installation,
    ):
        services = installation.services
        instance = back_up_for_a_week(installation, source)
        gone = customers.create(services, installation.customer.vendor_id, "Gone", None)
        installation.backup(instances.create(services, gone.id, instance.definition_id, label="gone"))
        erase_customer(services, gone.id, actor="golden")
        lose_what_a_day_wrote(installation, instance, 5)
        prune_to(installation, KEPT)
        assert verify(services).findings == []
        with services.database.read() as connection:
            left = sorted({pack.sequence for pack in packs.of_instance(connection, instance.id)})
        print("packs of backups", left)
        expected = {
            f"{instance.customer_id}/{instance.id}/{sequence}": state(installation, instance, sequence)
            for sequence in range(9 - KEPT, 9)
        }
        folder.mkdir(parents=True)
        shutil.copytree(services.settings.home / "vault", folder / "vault")
        (folder / "root-key.txt").write_text(services.vault.root_key.to_text() + "\n")
    (folder / "expected.json").write_text(
        "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in expected.items()) + "\n}\n"
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
