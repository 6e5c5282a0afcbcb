"""Takes what can be read of a damaged pack into a new one, as a prune does, and lets the damaged one go.

Content that a later backup has read again takes the place of the same content before it: earlier backups are whole
again, too.
"""

from holdfast.catalog import blobs, emptying, packs, streams
from holdfast.catalog.emptying import StandingRow
from holdfast.catalog.packs import PackRow
from holdfast.catalog.standing import Version
from holdfast.clock import format_time, now
from holdfast.errors import Damaged
from holdfast.operations.prune.deleting import delete_emptied
from holdfast.operations.prune.emptying import empty_condemned
from holdfast.operations.prune.following import check_catalog, follow
from holdfast.operations.prune.forgetting import drop_leftovers
from holdfast.operations.prune.windows import Window
from holdfast.operations.prune.work import Work
from holdfast.operations.repair.damage import find_elsewhere, read_version
from holdfast.operations.services import Services
from holdfast.vault import BlobDescriptor, CustomerVault, Footer, Place
from holdfast.vault.footers import Deletions, Reference
from holdfast.vault.names import pack as pack_name


class FromElsewhere:
    """Reads records of damaged packs from wherever the same content stands, and footers from the catalog."""

    def __init__(self, services: Services, customer: CustomerVault, *, rewrites_footers: bool = False) -> None:
        """`rewrites_footers`: the catalog knows better than every footer, since it forgot what was lost."""
        self._services = services
        self._customer = customer
        self.rewrites_footers = rewrites_footers

    def read(self, endpoint: str, stream: int, row: StandingRow, place: Place) -> bytes:
        version = Version(
            stream, endpoint, row.record_key, row.scope, row.run_from, None, row.digest, row.pack, row.frame,
            row.start, row.length, row.blob,
        )  # fmt: skip
        raw = read_version(self._customer, place.pack, version)
        if raw is None:
            raw = find_elsewhere(self._services, self._customer, version, place.pack)
        if raw is None:
            name = pack_name(self._customer.customer_id, place.pack)
            raise Damaged(f"{name} does not hold {endpoint} {row.record_key} any more", object_name=name)
        return raw

    def footer(self, pack: PackRow, window: Window) -> Footer:
        with self._services.database.read() as connection:
            found = streams.of_instance(connection, pack.instance_id)
            references: list[Reference] = []
            deletions: list[Deletions] = []
            for stream in found:
                rows = emptying.written_in(connection, stream.id, window.after, window.last)
                references += self._references(stream.endpoint, [row for row in rows if row.pack != pack.id])
                ended = emptying.ended_in(connection, stream.id, window.after, window.last)
                deletions.append(Deletions(stream.endpoint, ended))
            numbers = emptying.described_in(connection, pack.id).values()
            described = blobs.get_many(connection, numbers)
            object_ids = packs.object_ids(connection, [int(one.pack) for one in references])
            blob_ids = blobs.get_many(connection, [int(one.blob) for one in references if one.blob])
        return Footer(
            instance_id=pack.instance_id,
            run_id=pack.run_id,
            sequence=pack.sequence,
            batch=pack.batch,
            created_at=format_time(now()),
            references=[
                Reference(
                    one.endpoint, one.key, one.digest, object_ids[int(one.pack)], one.frame, one.offset, one.length,
                    compare=one.compare, blob=blob_ids[int(one.blob)].object_id if one.blob else "",
                )
                for one in references
            ],
            deletions=deletions,
            blobs=[_descriptor(one) for one in described.values()],
        )  # fmt: skip

    def _references(self, endpoint: str, rows: list[StandingRow]) -> list[Reference]:
        """With the catalog's numbers of packs and blobs in place of their names."""
        return [
            Reference(
                endpoint, row.record_key, row.digest, str(row.pack), row.frame, row.start, row.length,
                compare=row.compare or b"", blob="" if row.blob is None else str(row.blob),
            )
            for row in rows
        ]  # fmt: skip


def salvage(work: Work, numbers: list[int]) -> None:
    """Empty these packs of the instance and delete them. Raises Postponed, Damaged where something cannot be had."""
    check_catalog(work)
    drop_leftovers(work)
    with work.transaction() as connection:
        packs.condemn(connection, numbers, now())
    empty_condemned(work)
    delete_emptied(work, follow(work))


def _descriptor(blob: blobs.Blob) -> BlobDescriptor:
    return BlobDescriptor(
        id=blob.object_id, size_bytes=blob.size_bytes, digest=blob.digest, chunks=tuple(blobs.cut(blob.chunks)),
        content_type=blob.content_type, name=blob.name, version=blob.version,
    )  # fmt: skip
