"""What a damaged or missing pack has cost: the versions, chunks and blobs that can be read nowhere any more."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from holdfast.catalog import blobs, emptying, packs, standing
from holdfast.catalog.blobs import cut
from holdfast.catalog.packs import PackRow
from holdfast.catalog.standing import Version
from holdfast.errors import Damaged, ObjectMissing
from holdfast.operations.services import Services
from holdfast.vault import CustomerVault, Place, digests
from holdfast.vault.findings import KEYS_NAMED_MAX, Lost

_CHUNKS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Damage:
    pack: PackRow
    versions: tuple[Version, ...]
    """Whose content stands nowhere else either."""
    chunks: tuple[bytes, ...] = ()
    """Digests of those that stood here and cannot be read."""
    without_blob: tuple[Version, ...] = ()
    """Whose blobs have chunks that stand nowhere."""
    held: tuple[Lost, ...] = field(default=())

    @property
    def current(self) -> list[Version]:
        """Newest versions, which the source may have still."""
        return [version for version in (*self.versions, *self.without_blob) if version.run_to is None]

    @property
    def former(self) -> list[Version]:
        return [version for version in (*self.versions, *self.without_blob) if version.run_to is not None]


def examine(services: Services, customer: CustomerVault, pack: PackRow) -> Damage:
    """Read everything that the catalog knows to stand in a pack. `customer` must not have read it before."""
    with services.database.read() as connection:
        versions = standing.versions_in(connection, pack.id)
        chunks = emptying.chunks_in(connection, customer.customer_id, pack.id, limit=_CHUNKS_AT_ONCE)
    lost = [
        version
        for version in _unreadable(customer, pack, versions)
        if not _stands_elsewhere(services, customer, pack, version)
    ]
    lost_chunks = _unreadable_chunks(customer, pack, chunks)
    without_blob = _without_blob(services, customer.customer_id, set(lost_chunks), pack)
    return Damage(pack, tuple(lost), tuple(lost_chunks), tuple(without_blob))


def named(versions: Sequence[Version], blobless: Sequence[Version] = ()) -> tuple[Lost, ...]:
    """For people: by endpoint, counted, some by key."""
    found = []
    for kind, some in (("record", versions), ("blob", blobless)):
        by_endpoint: dict[str, set[str]] = {}
        for version in some:
            by_endpoint.setdefault(version.endpoint, set()).add(version.record_key)
        for endpoint, keys in sorted(by_endpoint.items()):
            shown = tuple(sorted(keys)[:KEYS_NAMED_MAX])
            found.append(Lost(endpoint, len(keys), shown, "blob" if kind == "blob" else "record"))
    return tuple(found)


def read_version(customer: CustomerVault, pack_id: str, version: Version) -> bytes | None:
    """A version's bytes from one place; None where they are not there."""
    try:
        raw = customer.read(Place(pack_id, version.frame, version.start, version.length))
    except (Damaged, ObjectMissing):
        return None
    digest = digests.record_digest(customer.digest_key, version.endpoint, version.record_key, raw)
    return raw if digest == version.digest else None


def find_elsewhere(
    services: Services, customer: CustomerVault, version: Version, pack_id: str
) -> bytes | None:  # fmt: skip
    """The same content of the same record from another pack."""
    with services.database.read() as connection:
        places = standing.places_of(connection, version.stream, version.record_key, version.digest)
    for other, frame, start, length in places:
        if other != pack_id:
            raw = read_version(customer, other, version._replace(frame=frame, start=start, length=length))
            if raw is not None:
                return raw
    return None


def _unreadable(customer: CustomerVault, pack: PackRow, versions: Sequence[Version]) -> list[Version]:
    lost: list[Version] = []
    for frame, group in groupby(versions, key=lambda version: version.frame):
        some = list(group)
        try:
            customer.read_frame(pack.object_id, frame)
        except (Damaged, ObjectMissing):
            lost += some
            continue
        lost += [version for version in some if read_version(customer, pack.object_id, version) is None]
    return lost


def _stands_elsewhere(services: Services, customer: CustomerVault, pack: PackRow, version: Version) -> bool:
    return find_elsewhere(services, customer, version, pack.object_id) is not None


def _unreadable_chunks(
    customer: CustomerVault, pack: PackRow, chunks: Sequence[tuple[bytes, blobs.ChunkPlace]]
) -> list[bytes]:
    lost: list[bytes] = []
    for digest, place in sorted(chunks, key=lambda one: (one[1].frame, one[1].start)):
        try:
            raw = customer.packs.read_frames_once(pack.object_id, [place.frame])[place.frame]
        except (Damaged, ObjectMissing):
            lost.append(digest)
            continue
        if digests.content_digest(customer.chunk_key, raw[place.start : place.start + place.length]) != digest:
            lost.append(digest)
    return lost


def _without_blob(services: Services, customer_id: int, lost: set[bytes], pack: PackRow) -> list[Version]:
    """Versions with blobs of which chunks are among the lost ones, or have no place since an earlier repair."""
    with services.database.read() as connection:
        placeless = blobs.without_place(connection, customer_id) | lost
        if not placeless:
            return []
        numbers = [
            number
            for some in blobs.chunks_of_customer(connection, customer_id)
            for number, chunks in some
            if not placeless.isdisjoint(cut(chunks))
        ]
        mine = {one.id for one in packs.of_instance(connection, pack.instance_id)}
        found = standing.versions_with(connection, numbers)
    return [version for version in found if version.pack in mine]
