"""Checks what a customer's packs say of each other: chunks of blobs, blobs of records, records kept in other packs.

Only what counts is followed. A pack may still describe blobs, and hold versions of records, that no backup has any more
since a prune: what those point to may be gone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain as chain_iterables
from typing import Literal, NamedTuple

from holdfast.errors import Damaged, ObjectMissing
from holdfast.vault import digests, names
from holdfast.vault.check_packs import PackReport, named
from holdfast.vault.findings import REPAIR_PACK, Finding
from holdfast.vault.footers import BlobDescriptor, Footer, Reference
from holdfast.vault.manifests import Manifest
from holdfast.vault.vault import CustomerVault

_Kind = Literal["record", "blob"]


@dataclass(frozen=True)
class _Link:
    """What one version of a record points to."""

    pack_id: str
    blob: str | None
    reference: Reference | None


class _Fault(NamedTuple):
    """One record or blob that cannot be had."""

    pack_id: str
    """Of the pack that says so, not of the one where it should be."""
    what: str
    kind: _Kind
    endpoint: str
    key: str


class CustomerContents:
    """Fed with every pack once, in any order, then with the manifests. Holds a few bytes per chunk and blob, and per
    record of one backup that has a blob; nothing per other record."""

    def __init__(self, customer: CustomerVault) -> None:
        self._customer = customer
        self._chunk_lengths: dict[bytes, int] = {}
        self._blobs: dict[str, tuple[BlobDescriptor, str]] = {}
        self._packs: set[str] = set()
        self._linking: set[str] = set()
        self._proved: set[str] = set()

    def add(self, report: PackReport) -> None:
        footer = report.footer
        assert footer is not None
        self._packs.add(report.pack_id)
        self._chunk_lengths.update((digest, length) for digest, _, _, length in footer.chunk_places())
        self._blobs.update((blob.id, (blob, report.pack_id)) for blob in footer.blobs)
        if footer.references or any(columns.blobs for columns in footer.records):
            self._linking.add(report.pack_id)

    def check_chain(self, chain: Sequence[Manifest], *, data: bool) -> Iterator[Finding]:
        """Follow every version that is the last of its record in a backup: to its blob, and to its bytes.

        One lost pack can have held what a million records point to: there is one finding for each object, cause and
        backup, which counts the records.
        """
        for manifest in chain:
            if self._linking.isdisjoint(manifest.packs):
                continue
            links = self._links(manifest)
            faults: dict[tuple[str, str, _Kind], dict[str, list[str]]] = {}
            for fault in chain_iterables(self._check_blobs(links), self._check_references(links, data=data)):
                by_endpoint = faults.setdefault((fault.pack_id, fault.what, fault.kind), {})
                by_endpoint.setdefault(fault.endpoint, []).append(fault.key)
            for (pack_id, what, kind), keys in faults.items():
                yield Finding(
                    "error",
                    names.pack(self._customer.customer_id, pack_id),
                    what,
                    REPAIR_PACK,
                    self._customer.customer_id,
                    manifest.instance_id,
                    manifest.sequence,
                    named(keys, kind),
                )

    def _links(self, manifest: Manifest) -> dict[tuple[str, str], _Link]:
        """By endpoint and key: what the last version in this backup points to, where it points anywhere."""
        links: dict[tuple[str, str], _Link] = {}
        for pack_id in manifest.packs:
            if pack_id not in self._packs:
                continue  # missing or unreadable: that was said
            try:
                footer = self._customer.read_footer(pack_id)
            except (Damaged, ObjectMissing):
                continue
            _apply(links, pack_id, footer)
        return links

    def _check_blobs(self, links: Mapping[tuple[str, str], _Link]) -> Iterator[_Fault]:
        for (endpoint, key), link in links.items():
            if link.blob is None or link.blob in self._proved:
                continue
            self._proved.add(link.blob)
            found = self._blobs.get(link.blob)
            if found is None:
                yield _Fault(link.pack_id, "names blobs that no pack describes", "blob", endpoint, key)
                continue
            blob, pack_id = found
            lengths = [self._chunk_lengths.get(digest) for digest in blob.chunks]
            if None in lengths:
                yield _Fault(pack_id, "describes blobs of which chunks are missing", "blob", endpoint, key)
            elif sum(length or 0 for length in lengths) != blob.size_bytes:
                yield _Fault(pack_id, "describes blobs of another length than their chunks", "blob", endpoint, key)

    def _check_references(self, links: Mapping[tuple[str, str], _Link], *, data: bool) -> Iterator[_Fault]:
        """Pack by pack, so that frames are read once."""
        references = [(link.reference, link.pack_id) for link in links.values() if link.reference is not None]
        for reference, pack_id in sorted(references, key=lambda one: (one[0].pack, one[0].frame)):
            what = None
            if reference.pack not in self._packs:
                what = f"refers to pack {reference.pack}, which is missing or damaged"
            elif data:
                try:
                    raw = self._customer.read(reference.place)
                except (Damaged, ObjectMissing):
                    what = f"refers to records of pack {reference.pack} that cannot be read"
                else:
                    key = self._customer.digest_key
                    if digests.record_digest(key, reference.endpoint, reference.key, raw) != reference.digest:
                        what = f"refers to records of pack {reference.pack} that are others there"
            if what is not None:
                yield _Fault(pack_id, what, "record", reference.endpoint, reference.key)


def _apply(links: dict[tuple[str, str], _Link], pack_id: str, footer: Footer) -> None:
    """Let a pack's operations take the place of earlier ones."""
    for columns in footer.records:
        endpoint = columns.endpoint
        if not columns.blobs:
            if links:
                for key in columns.keys:
                    links.pop((endpoint, key), None)
            continue
        for index, key in enumerate(columns.keys):
            blob_id = columns.blobs[16 * index : 16 * index + 16]
            if any(blob_id):
                links[endpoint, key] = _Link(pack_id, blob_id.hex(), None)
            else:
                links.pop((endpoint, key), None)
    for reference in footer.references:
        links[reference.endpoint, reference.key] = _Link(pack_id, reference.blob or None, reference)
    for deletions in footer.deletions:
        for key in deletions.keys:
            links.pop((deletions.endpoint, key), None)
