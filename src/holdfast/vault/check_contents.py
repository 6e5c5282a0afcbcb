"""Checks what a customer's packs say of each other: chunks of blobs, blobs of records, records kept in other packs.

Only what counts is followed. A pack may still describe blobs, and hold versions of records, that no backup has any more
since a prune: what those point to may be gone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from holdfast.errors import Damaged, ObjectMissing
from holdfast.vault import digests, names
from holdfast.vault.check_packs import ADVICE_DAMAGED, PackReport, named
from holdfast.vault.findings import Finding
from holdfast.vault.footers import BlobDescriptor, Footer, Reference
from holdfast.vault.manifests import Manifest
from holdfast.vault.vault import CustomerVault


@dataclass(frozen=True)
class _Link:
    """What one version of a record points to."""

    pack_id: str
    blob: str | None
    reference: Reference | None


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
        """Follow every version that is the last of its record in a backup: to its blob, and to its bytes."""
        for manifest in chain:
            if self._linking.isdisjoint(manifest.packs):
                continue
            links = self._links(manifest)
            for (endpoint, key), link in links.items():
                if link.blob is not None:
                    yield from self._check_blob(link, endpoint, key)
            references = [link for link in links.values() if link.reference is not None]
            yield from self._check_references(references, data=data)

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

    def _check_blob(self, link: _Link, endpoint: str, key: str) -> Iterator[Finding]:
        assert link.blob is not None
        if link.blob in self._proved:
            return
        self._proved.add(link.blob)
        found = self._blobs.get(link.blob)
        if found is None:
            yield self._error(link.pack_id, f"names blob {link.blob}, which no pack describes", endpoint, key)
            return
        blob, pack_id = found
        lengths = [self._chunk_lengths.get(digest) for digest in blob.chunks]
        known = [length for length in lengths if length is not None]
        if len(known) < len(lengths) or sum(known) != blob.size_bytes:
            missing = len(lengths) - len(known)
            what = (
                f"{missing} of its {len(lengths)} chunks are missing" if missing else "its chunks have another length"
            )
            yield self._error(
                pack_id, f"describes blob {blob.id} ({blob.name or 'without name'}): {what}", endpoint, key
            )

    def _check_references(self, links: list[_Link], *, data: bool) -> Iterator[Finding]:
        """Pack by pack, so that frames are read once."""
        for link in sorted(
            links, key=lambda one: (one.reference.pack, one.reference.frame) if one.reference else ("", 0)
        ):
            reference = link.reference
            assert reference is not None
            if reference.pack not in self._packs:
                what = f"refers to pack {reference.pack}, which is missing or damaged"
                yield self._error(link.pack_id, what, reference.endpoint, reference.key)
            elif data:
                try:
                    raw = self._customer.read(reference.place)
                except (Damaged, ObjectMissing) as error:
                    what = f"has a record in another pack that cannot be read ({error})"
                    yield self._error(link.pack_id, what, reference.endpoint, reference.key)
                    continue
                found = digests.record_digest(self._customer.digest_key, reference.endpoint, reference.key, raw)
                if found != reference.digest:
                    what = f"has a record in pack {reference.pack} that is another one there"
                    yield self._error(link.pack_id, what, reference.endpoint, reference.key)

    def _error(self, pack_id: str, what: str, endpoint: str, key: str) -> Finding:
        customer_id = self._customer.customer_id
        object_name = names.pack(customer_id, pack_id)
        return Finding("error", object_name, what, ADVICE_DAMAGED, customer_id, lost=named({endpoint: [key]}))


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
