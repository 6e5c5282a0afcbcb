"""Makes a golden vault: one of every kind of thing that this format can hold, and what a reader must get out of it.

    python tests/unit/vault/golden/make.py FOLDER

Run once per format; what it wrote is committed and stays readable for ever. Not run by the tests.
"""

import hashlib
import json
import random
import sys
from pathlib import Path

from holdfast.storage import open_storage
from holdfast.vault import (
    BlobDescriptor,
    CustomerVault,
    EndpointState,
    Manifest,
    Owed,
    Pack,
    PackWriter,
    Place,
    RootKey,
    Vault,
    digests,
    put_revision,
)

ROOT = RootKey(bytes(range(100, 132)))
OWED = Owed(
    endpoint="issues",
    key="9",
    kind="blob",
    parent="",
    cause="source_refused",
    message="404",
    attempts=1,
    first_sequence=3,
)


def sha256(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


class Run:
    """One run of an instance, written as a worker writes it; keeps the state that a reader must find."""

    def __init__(self, customer: CustomerVault, instance_id: int, sequence: int, state: dict[tuple[str, str], dict]):
        self.customer, self.instance_id, self.sequence, self.state = customer, instance_id, sequence, state
        self.packs: list[Pack] = []

    def writer(self) -> PackWriter:
        run_id = self.instance_id * 100 + self.sequence
        return self.customer.pack_writer(self.instance_id, run_id, self.sequence, len(self.packs) + 1)

    def put(self, writer: PackWriter) -> Pack:
        pack = writer.finish()
        assert pack is not None
        self.customer.put_pack(pack)
        self.packs.append(pack)
        return pack

    def records(
        self, writer: PackWriter, endpoint: str, records: dict[str, str], **columns
    ) -> list[tuple[int, int, int]]:
        keys, raws = list(records), [raw.encode() for raw in records.values()]
        found = digests.record_digests(self.customer.digest_key, endpoint, keys, raws)
        for key, raw in records.items():
            self.state[endpoint, key] = {"record": raw, "blob": None}
        return writer.add_records(endpoint, keys, raws, found, **columns)

    def end(self, status: str = "successful", generation: int = 1) -> None:
        endpoints = []
        for name in sorted({endpoint for endpoint, _ in self.state}):
            live = {key: value for (endpoint, key), value in self.state.items() if endpoint == name}
            elements = []
            for key, value in live.items():
                digest = digests.record_digest(self.customer.digest_key, name, key, value["record"].encode())
                if value["blob"] is not None:
                    content = digests.content_digest(self.customer.blob_key, value["blob"].encode())
                    digest = digests.with_blob(digest, content)
                elements.append(digest)
            total = digests.add(digests.EMPTY_SUM, elements)
            endpoints.append(EndpointState(endpoint=name, outcome="complete", live=len(live), state_sum=total))
        self.customer.put_manifest(
            Manifest(
                instance_id=self.instance_id,
                customer_id=self.customer.customer_id,
                run_id=self.instance_id * 100 + self.sequence,
                sequence=self.sequence,
                generation=generation,
                status=status,  # type: ignore[arg-type]
                started_at="2026-11-24T12:00:00Z",
                ended_at="2026-11-24T12:01:00Z",
                parent_sequence=self.sequence - 1 or None,
                packs=tuple(pack.id for pack in self.packs),
                endpoints=tuple(endpoints),
                failures=({"cause": "page_unreadable", "page": 7},) if status == "failed" else (),
                debts=(OWED,) if status == "failed" else (),
            )
        )


def make(folder: Path) -> None:
    vault = Vault.create(open_storage(str(folder / "vault")), ROOT)
    expected: dict[str, list] = {}

    def keep(run: Run) -> None:
        name = f"{run.customer.customer_id}/{run.instance_id}/{run.sequence}"
        expected[name] = [
            [*key, sha256(value["record"]), sha256(value["blob"])] for key, value in sorted(run.state.items())
        ]

    put_revision(vault.installation, "vendor", 1, 1, {"name": "Acme"})
    customer = vault.create_customer(7)
    put_revision(customer, "instance", 3, 1, {"label": "old"})
    put_revision(customer, "instance", 3, 2, {"label": "trial", "token": customer.seal(b"secret", b"token").hex()})

    # Run 1: enough records for a dictionary, a composite key, parents, odd tokens, white space and a compare digest.
    draw = random.Random(1)
    state: dict[tuple[str, str], dict] = {}
    first = Run(customer, 3, 1, state)
    writer = first.writer()
    words = [f"word{i}" for i in range(50)]
    issues = {str(i): f'{{"id": {i}, "text": "{" ".join(draw.choices(words, k=12) * 12)}"}}' for i in range(1, 401)}
    places = first.records(writer, "issues", issues, compares=[bytes([1]) * 16, *[None] * 399])
    odd = {
        "1~a%7Eb": '{\n "n": 1e400,\r\n "big": 123456789012345678901234567890, "s": "\\ud800"}',
        "1~ü": '{"ü":"\u2028"}',
    }
    first.records(writer, "comments", odd, parents=["1", "1"])
    pack = first.put(writer)
    first.end()
    keep(first)

    # Run 2: changes, deletions, a blob of two chunks of which one came earlier, a record that stays where it is.
    second = Run(customer, 3, 2, state)
    chunks = ["first half " * 20, "second half " * 20]
    chunk_digests = [digests.content_digest(customer.chunk_key, chunk.encode()) for chunk in chunks]
    writer = second.writer()
    second.records(writer, "issues", {"2": '{"id": 2, "text": "changed"}', "401": '{"id":401}'})
    writer.add_deletions("issues", ["3"])
    writer.add_deletions("comments", ["1~ü"])
    del state["issues", "3"], state["comments", "1~ü"]
    writer.add_chunk(chunk_digests[0], chunks[0].encode())
    second.put(writer)
    writer = second.writer()
    content = "".join(chunks)
    blob = BlobDescriptor(
        "00" + "ab" * 15, len(content), digests.content_digest(customer.blob_key, content.encode()),
        tuple(chunk_digests), "text/plain", "a.txt", '"etag"', "files.example.com",
    )  # fmt: skip
    writer.add_chunk(chunk_digests[1], chunks[1].encode())
    writer.add_blob(blob)
    digest = digests.record_digest(customer.digest_key, "issues", "1", issues["1"].encode())
    writer.add_reference("issues", "1", digest, bytes([1]) * 16, Place(pack.id, *places[0]), blob.id)
    state["issues", "1"]["blob"] = content
    second.put(writer)
    second.end()
    keep(second)

    # Run 3 failed, and its manifest was replaced; a changed record keeps its blob.
    third = Run(customer, 3, 3, state)
    third.end("failed")
    writer = third.writer()
    third.records(writer, "issues", {"1": '{"id": 1, "text": "also changed"}', "5": "{}"}, blobs=[blob.id, None])
    state["issues", "1"]["blob"] = content
    third.put(writer)
    third.end("failed", generation=2)
    keep(third)

    # Another instance of the customer shares a chunk; another customer shares nothing.
    other_state: dict[tuple[str, str], dict] = {}
    other = Run(customer, 4, 1, other_state)
    writer = other.writer()
    shared = BlobDescriptor(
        "cd" * 16, 220, digests.content_digest(customer.blob_key, chunks[0].encode()), (chunk_digests[0],)
    )
    other.records(writer, "files", {"x": '{"name":"x"}'}, blobs=[shared.id])
    other_state["files", "x"]["blob"] = chunks[0]
    writer.add_blob(shared)
    other.put(writer)
    other.end()
    keep(other)
    stranger = Run(vault.create_customer(8), 5, 1, {})
    writer = stranger.writer()
    stranger.records(writer, "issues", {"1": issues["1"]})
    stranger.put(writer)
    stranger.end()
    keep(stranger)

    # A pack of a run that is still under way: nobody may read it into a state.
    running = Run(customer, 3, 4, {})
    writer = running.writer()
    running.records(writer, "issues", {"1": '{"id": 1, "text": "not yet"}'})
    running.put(writer)

    (folder / "root-key.txt").write_text(ROOT.to_text() + "\n")
    (folder / "expected.json").write_text(
        "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in expected.items()) + "\n}\n"
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
