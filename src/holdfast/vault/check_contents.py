"""Checks what a customer's packs say of each other: chunks of blobs, blobs of records, records kept in other packs."""

from collections.abc import Iterator

from holdfast.errors import Damaged, ObjectMissing
from holdfast.vault import digests
from holdfast.vault.check_packs import ADVICE_DAMAGED, PackReport, named
from holdfast.vault.findings import Finding
from holdfast.vault.footers import BlobDescriptor, Reference
from holdfast.vault.vault import CustomerVault

_REFERENCES_AT_ONCE = 2_000


class CustomerContents:
    """Fed with every pack once, in any order. Holds a few bytes per chunk and blob, nothing per record."""

    def __init__(self, customer: CustomerVault) -> None:
        self._customer = customer
        self._chunk_lengths: dict[bytes, int] = {}
        self._blobs: dict[str, tuple[BlobDescriptor, PackReport]] = {}
        self._wanted_blobs: dict[str, tuple[PackReport, str, str]] = {}
        self._references: list[tuple[Reference, PackReport]] = []
        self._packs: set[str] = set()
        self._wanted_packs: dict[str, tuple[PackReport, Reference]] = {}

    def add(self, report: PackReport, *, data: bool) -> Iterator[Finding]:
        footer = report.footer
        assert footer is not None
        light = PackReport(report.pack_id, report.object_name, report.size_bytes)  # without its footer
        self._packs.add(report.pack_id)
        self._chunk_lengths.update((digest, length) for digest, _, _, length in footer.chunk_places())
        self._blobs.update((blob.id, (blob, light)) for blob in footer.blobs)
        for columns in footer.records:
            if columns.blobs:
                for index, key in enumerate(columns.keys):
                    blob_id = columns.blobs[16 * index : 16 * index + 16]
                    if any(blob_id):
                        self._wanted_blobs.setdefault(blob_id.hex(), (light, columns.endpoint, key))
        for reference in footer.references:
            if reference.blob:
                self._wanted_blobs.setdefault(reference.blob, (light, reference.endpoint, reference.key))
            self._wanted_packs.setdefault(reference.pack, (light, reference))
            if data:
                self._references.append((reference, light))
        if len(self._references) >= _REFERENCES_AT_ONCE:
            yield from self._check_references()

    def finish(self, *, data: bool) -> Iterator[Finding]:
        """What can only be said once all packs were seen."""
        if data:
            yield from self._check_references()
        else:
            for pack_id, (report, reference) in self._wanted_packs.items():
                if pack_id not in self._packs:
                    yield self._error(report, f"refers to pack {pack_id}, which is missing or damaged", reference)
        for blob_id, (report, endpoint, key) in self._wanted_blobs.items():
            if blob_id not in self._blobs:
                yield Finding(
                    "error",
                    report.object_name,
                    f"names blob {blob_id}, which no pack describes",
                    ADVICE_DAMAGED,
                    self._customer.customer_id,
                    lost=named({endpoint: [key]}),
                )
        for blob, report in self._blobs.values():
            lengths = [self._chunk_lengths.get(digest) for digest in blob.chunks]
            known = [length for length in lengths if length is not None]
            if len(known) < len(lengths) or sum(known) != blob.size_bytes:
                missing = len(lengths) - len(known)
                what = (
                    f"{missing} of its {len(lengths)} chunks are missing"
                    if missing
                    else "its chunks have another length"
                )
                yield self._error(report, f"describes blob {blob.id} ({blob.name or 'without name'}): {what}")

    def _check_references(self) -> Iterator[Finding]:
        """Read the records that lie in other packs than their version; pack by pack, so that frames are read once."""
        pending = sorted(self._references, key=lambda each: (each[0].pack, each[0].frame))
        self._references = []
        for reference, report in pending:
            try:
                raw = self._customer.read(reference.place)
            except (Damaged, ObjectMissing) as error:
                yield self._error(report, f"has a record in another pack that cannot be read ({error})", reference)
                continue
            found = digests.record_digest(self._customer.digest_key, reference.endpoint, reference.key, raw)
            if found != reference.digest:
                yield self._error(report, f"has a record in pack {reference.pack} that is another one there", reference)

    def _error(self, report: PackReport, what: str, reference: Reference | None = None) -> Finding:
        lost = named({reference.endpoint: [reference.key]}) if reference is not None else ()
        return Finding("error", report.object_name, what, ADVICE_DAMAGED, self._customer.customer_id, lost=lost)
