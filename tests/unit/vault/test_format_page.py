"""The worked example of docs/vault-format.md is a vault, byte for byte, and the page names every part of the format."""

import re
from pathlib import Path

import msgspec

from holdfast.storage.memory import MemoryStorage
from holdfast.vault import EndpointState, Manifest, Owed, Place, Revision, RootKey, Vault, footers
from holdfast.vault.check import check
from holdfast.vault.manifests import ListState, LostContent

PAGE = (Path(__file__).parents[3] / "docs" / "vault-format.md").read_text()


def example() -> tuple[MemoryStorage, RootKey]:
    """The objects that the page shows: a line begins with the name, the last block before the next has the bytes."""
    text = PAGE[PAGE.index("## A worked example") :]
    storage = MemoryStorage()
    parts = re.split(r"^`([a-z0-9./-]+)`, (\d+) bytes", text, flags=re.MULTILINE)
    for name, size, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        block = re.findall(r"^```\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL)[-1]
        if name == "vault.json":
            data = block.encode()
        else:
            data = bytes.fromhex("".join(line[6:] for line in block.splitlines()))
        assert len(data) == int(size)
        storage.put(name, data)
    root_key = re.search(r"Root key: `(.*?)`", text)
    assert root_key is not None
    return storage, RootKey.from_text(root_key[1])


def test_the_worked_example_is_a_vault():
    storage, root = example()
    vault = Vault.open(storage, root)
    findings = {(finding.severity, finding.object_name) for finding in check(vault)}
    assert findings == {("warning", "keys/0/1"), ("warning", "keys/7/1")}  # the page leaves out the second copies
    customer = vault.customer(7)
    (manifest,) = customer.read_manifests(3)
    assert manifest.endpoints[0].live == 2
    footer = customer.read_footer(manifest.packs[0])
    raws = [customer.read(Place(manifest.packs[0], each.frame, each.offset, each.length)) for each in footer.versions()]
    assert raws == [
        b'{"id": 1, "title": "Where is the key?", "state": "open"}',
        b'{"id": 2, "title": "It is in the safe.", "state": "closed"}',
    ]


def test_the_page_shows_the_secrets_and_keys_of_its_example():
    storage, root = example()
    vault = Vault.open(storage, root)
    customer = vault.customer(7)
    for secret in (
        root.id,
        customer.keys.digest,
        customer.keys.data[0],
        customer.digest_key,
        vault.installation.keys.digest,
    ):
        assert secret.hex() in PAGE


def test_the_page_names_every_field():
    structs = (
        Owed,
        footers.Footer, footers.RecordColumns, footers.Reference, footers.Deletions, footers.ChunkColumns,
        footers.BlobDescriptor, Manifest, EndpointState, ListState, LostContent, Revision,
    )  # fmt: skip
    missing = {
        f"{struct.__name__}.{field.name}"
        for struct in structs
        for field in msgspec.structs.fields(struct)
        if f"`{field.name}`" not in PAGE
    }
    assert missing == set()
