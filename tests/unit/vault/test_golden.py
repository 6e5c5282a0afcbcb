"""Golden vaults: what a released version has written stays readable, by Holdfast and by the reader in tools/."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.storage import open_storage
from holdfast.vault import BlobDescriptor, Place, RootKey, Vault, digests, forgotten, read_revisions
from holdfast.vault.blobs import read_blob
from holdfast.vault.check import check

READER = Path(__file__).parents[3] / "tools" / "read_vault.py"
GOLDEN = sorted(path for path in (Path(__file__).parent / "golden").iterdir() if (path / "vault").is_dir())


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def vault(golden: Path) -> Vault:
    root = RootKey.from_text((golden / "root-key.txt").read_text())
    return Vault.open(open_storage(str(golden / "vault")), root)


def expected(golden: Path) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = json.loads((golden / "expected.json").read_text())
    return found


def test_a_golden_vault_is_good(vault: Vault):
    assert list(check(vault)) == []


def test_every_state_of_a_golden_vault_is_what_it_was(vault: Vault, golden: Path):
    for name, wanted in expected(golden).items():
        customer_id, instance_id, sequence = map(int, name.split("/"))
        customer = vault.customer(customer_id)
        chunks: dict[bytes, Place] = {}
        blobs: dict[str, BlobDescriptor] = {}
        for pack_id in customer.pack_ids():
            footer = customer.read_footer(pack_id)
            chunks.update((digest, Place(pack_id, *place)) for digest, *place in footer.chunk_places())
            blobs.update((blob.id, blob) for blob in footer.blobs)
        state: dict[tuple[str, str], tuple[Place, bytes, str | None]] = {}
        for manifest in customer.read_manifests(instance_id):
            if manifest.sequence > sequence:
                break
            for pack_id in manifest.packs:
                footer = customer.read_footer(pack_id)
                for version in footer.versions():
                    place = Place(pack_id, version.frame, version.offset, version.length)
                    state[version.endpoint, version.key] = (place, version.digest, version.blob)
                for reference in footer.references:
                    state[reference.endpoint, reference.key] = (reference.place, reference.digest, reference.blob)
                for deletions in footer.deletions:
                    for key in deletions.keys:
                        state.pop((deletions.endpoint, key), None)  # a prune drops versions, not all deletions
        found = []
        for (endpoint, key), (place, digest, blob_id) in sorted(state.items()):
            raw = customer.read(place)
            assert digests.record_digest(customer.digest_key, endpoint, key, raw) == digest
            content = None
            if blob_id:
                blob = blobs[blob_id]
                content = b"".join(read_blob(customer, blob, [chunks[each] for each in blob.chunks]))
            found.append([endpoint, key, sha256(raw), None if content is None else sha256(content)])
        assert found == wanted


@pytest.mark.parametrize("golden", [GOLDEN[0]], ids=["format-1"], indirect=True)
def test_secrets_in_revisions_open(vault: Vault):
    newest = {(revision.kind, revision.object_id): revision for revision in read_revisions(vault)}
    instance = newest["instance", "3"]
    assert (instance.number, instance.payload["label"]) == (2, "trial")
    assert vault.customer(7).unseal(bytes.fromhex(instance.payload["token"]), b"token") == b"secret"


@pytest.mark.parametrize("golden", [GOLDEN[1]], ids=["format-1-cared"], indirect=True)
def test_what_a_prune_and_a_repair_have_let_go_of_is_named_in_a_cared_for_vault(vault: Vault, golden: Path):
    names_expected = sorted(expected(golden), key=lambda name: int(name.split("/")[2]))
    customer_id, instance_id, _ = map(int, names_expected[0].split("/"))
    customer = vault.customer(customer_id)
    found = {manifest.sequence: manifest for manifest in customer.read_manifests(instance_id)}
    assert sorted(found) == [int(name.split("/")[2]) for name in names_expected] == [5, 6, 7, 8]
    assert all(manifest.generation > 1 for manifest in found.values()), "replaced by the prune"
    assert {one.kind for one in found[5].lost} == {"record"} and not found[8].lost
    there = {(endpoint, key) for endpoint, key, *_ in expected(golden)[names_expected[0]]}
    assert there.isdisjoint((one.endpoint, one.key) for one in found[5].lost), "no state claims what is lost"
    (note,) = forgotten.read(vault.storage, customer.keys, customer_id, instance_id)
    assert [run.sequence for run in note.runs] == [1, 2, 3, 4]
    receipts = [info.name for info in vault.storage.list(f"receipts/{customer_id}/")]
    assert [int(name.rpartition("/")[2]) for name in receipts] == [5, 6, 7, 8]
    erased = [one for one in read_revisions(vault) if one.kind == "erasure"]
    assert len(erased) == 1 and vault.customers() == [customer_id]


def run_reader(golden: Path, vault: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(READER), str(vault), str(golden / "root-key.txt"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def read_extracted(out: Path, customer_id: int, instance_id: int) -> list[list[Any]]:
    """Endpoint, key, and record and blob as the reader wrote them; line ends in records are spaces there."""
    found = []
    for path in (out / str(customer_id) / str(instance_id)).iterdir():
        for line in path.read_bytes().splitlines():
            fields = json.loads(line)
            raw = line.split(b', "record": ', 1)[1][:-1]
            blob = fields["blob"]
            content = None if blob is None else sha256((out / str(customer_id) / "blobs" / blob).read_bytes())
            found.append([path.stem, fields["key"], sha256(raw), content])
    return sorted(found)


def test_the_independent_reader_extracts_every_record_of_every_state(golden: Path, tmp_path: Path):
    states = expected(golden)
    for name, wanted in states.items():
        customer_id, instance_id, sequence = map(int, name.split("/"))
        out = tmp_path / name.replace("/", "-")
        done = run_reader(golden, golden / "vault", "extract", str(out), "--run", str(sequence))
        assert (done.returncode, done.stderr) == (0, "")
        found = read_extracted(out, customer_id, instance_id)
        assert [each[:2] + each[3:] for each in found] == [each[:2] + each[3:] for each in wanted]
        other = [each for each, good in zip(found, wanted, strict=True) if each[2] != good[2]]
        assert {each[1] for each in other} <= {"1~a%7Eb"}  # the one with line ends


@pytest.mark.parametrize("golden", [GOLDEN[0]], ids=["format-1"], indirect=True)
def test_the_independent_reader_lists_every_version_and_deletion(golden: Path):
    lines = run_reader(golden, golden / "vault", "list").stdout.splitlines()
    assert "7\t3\t2\tissues\t3\tdeleted\t" in lines
    assert "7\t3\t2\tissues\t2\t28\t" in lines
    assert len([line for line in lines if line.startswith("7\t3\t1\tissues")]) == 400


def test_the_independent_reader_passes_over_the_empty_folder_of_an_erased_customer(golden: Path, tmp_path: Path):
    shutil.copytree(golden / "vault", tmp_path / "vault")
    (tmp_path / "vault" / "keys" / "123").mkdir()
    done = run_reader(golden, tmp_path / "vault", "list")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_independent_reader_refuses_a_flipped_bit_and_a_wrong_key(golden: Path, tmp_path: Path):
    for path in sorted((golden / "vault" / "packs").rglob("*/*/*"))[:3]:
        copy = tmp_path / path.name
        shutil.copytree(golden / "vault", copy)
        target = copy / path.relative_to(golden / "vault")
        data = bytearray(target.read_bytes())
        data[len(data) // 2] ^= 4
        target.write_bytes(bytes(data))
        done = run_reader(golden, copy, "extract", str(tmp_path / "out"))
        assert done.returncode == 1
        assert "is damaged" in done.stderr
    other = tmp_path / "root-key.txt"
    other.write_text(RootKey.generate().to_text())
    done = run_reader(tmp_path, golden / "vault", "list")
    assert done.returncode == 1
    assert "opens with this root key" in done.stderr


def test_the_reader_stays_short_and_independent():
    text = READER.read_text()
    assert len(text.splitlines()) < 300
    imported = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"blake3", "cryptography", "zstandard"}
