"""Manifests: what a run that has ended left in the vault. JSON documents, sealed under their own names."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from holdfast.errors import Damaged, VaultError
from holdfast.storage import Storage
from holdfast.vault import envelope, names
from holdfast.vault.digests import EMPTY_SUM
from holdfast.vault.keys import CustomerKeys
from holdfast.vault.putting import put_document

_PURPOSE = "manifest"
FORMAT = 1
"""A greater one has members without which it cannot be read rightly."""

Outcome = Literal["complete", "partial", "carried", "skipped"]


class ListState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One list of an endpoint in a run, of those that have a cursor or that the source counts."""

    parent: str = ""
    """The parent's record key; empty for an endpoint without one."""
    full: bool = False
    complete: bool = False
    """Read to its end and agreed with what the source counts; only then the cursor has moved."""
    cursor_from: str | None = None
    cursor_to: str | None = None
    counted: tuple[int, int] | None = None
    """The least and the greatest of the source's own counts, taken before and after."""
    found: int | None = None
    """What must lie between them: records listed, or after a delta those that are stored."""


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint at the end of a run. The counts but `live` say what this run did."""

    endpoint: str
    outcome: Outcome
    live: int
    listed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    moved: int = 0
    tombstones: int = 0
    deleted: int = 0
    held: int = 0
    skipped: int = 0
    pages: int = 0
    requests: int = 0
    bytes_read: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    lost: int = 0
    absent: int = 0
    lists_read: int = 0
    """Lists (one for each parent) that the run has begun to read."""
    lists: tuple[ListState, ...] = ()
    """The first of them that have something to say, by parent."""
    state_sum: bytes = EMPTY_SUM
    """`digests.add` over the digests of all live records; a state rebuilt from the packs must give the same."""


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """A record or blob that could not be had. The next run tries it again, also after a rebuild."""

    endpoint: str
    key: str
    kind: Literal["record", "blob"]
    parent: str
    cause: str
    message: str
    attempts: int
    first_sequence: int


class LostContent(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the state had, or whose blob it had, and that nobody can read any more."""

    endpoint: str
    key: str
    kind: Literal["record", "blob"] = "record"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has ended, whichever way. The state after it: that after its parent, and then its packs in order."""

    instance_id: int
    customer_id: int
    run_id: int
    sequence: int
    status: Literal["successful", "failed", "canceled"]
    started_at: str
    ended_at: str
    queued_at: str | None = None
    generation: int = 1
    """A manifest that replaces an earlier one of the same run has a higher one."""
    format: int = FORMAT
    definition_revision_id: int | None = None
    parent_sequence: int | None = None
    """The run whose state this one began from; None: it began from nothing."""
    packs: tuple[str, ...] = ()
    """The packs that lead from the parent's state to this one, in the order in which they apply."""
    contents: tuple[str, ...] = ()
    """Packs that no longer apply, and whose chunks and descriptions of blobs are still needed."""
    endpoints: tuple[EndpointState, ...] = ()
    failures: tuple[dict[str, Any], ...] = ()
    debts: tuple[Owed, ...] = ()
    skips: tuple[dict[str, Any], ...] = ()
    """What the definition declares as permanently not to be had, by endpoint, parent or record, and cause."""
    options: dict[str, Any] = {}
    lost: tuple[LostContent, ...] = ()
    """What the state had when the run ended and a repair could not get back: counts and sums are without it."""


def encode(keys: CustomerKeys, manifest: Manifest) -> tuple[str, bytes]:
    """The name and the bytes of a manifest's object. No two calls give the same bytes."""
    name = _name(manifest)
    return name, envelope.seal_document(keys, _PURPOSE, name, msgspec.json.encode(manifest))


def decode(keys: CustomerKeys, name: str, data: bytes) -> Manifest:
    """Raises Damaged, VaultError (code `vault_format_newer`)."""
    document = envelope.unseal_document(keys, _PURPOSE, name, data)
    try:
        manifest = msgspec.json.decode(document, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{name} cannot be read as a manifest: {error}", object_name=name) from error
    if manifest.format > FORMAT:
        raise VaultError(
            f"{name} has format {manifest.format}, which this version of Holdfast does not read",
            hint="Use the version that wrote it, or a newer one.",
            code="vault_format_newer",
        )
    if _name(manifest) != name:
        raise Damaged(f"{name} holds another run's manifest", object_name=name)
    return manifest


def put(storage: Storage, keys: CustomerKeys, manifest: Manifest) -> None:
    """Store a manifest. One that is there already and says the same is a success; another raises ObjectExists."""
    name, data = encode(keys, manifest)
    put_document(storage, name, data, lambda there: decode(keys, name, there) == manifest)


def read(
    storage: Storage, keys: CustomerKeys, customer_id: int, instance_id: int,
    damaged: Callable[[int, Damaged], None] | None = None,
) -> list[Manifest]:  # fmt: skip
    """Of every run the highest generation that opens, ascending. Raises Damaged where none of a run does; `damaged` is
    told the run's sequence instead.

    One that does not open while a lower one is there was torn while it was written: what the lower one needs is only
    deleted after itself.
    """
    generations: dict[int, list[names.ObjectName]] = {}
    for info in storage.list(names.manifests_prefix(customer_id, instance_id)):
        name = names.parse(info.name)
        if name is not None and name.number is not None:
            generations.setdefault(name.number, []).append(name)
    found = []
    for sequence in sorted(generations):
        try:
            found.append(_newest(storage, keys, generations[sequence]))
        except Damaged as error:
            if damaged is None:
                raise
            damaged(sequence, error)
    return found


def _newest(storage: Storage, keys: CustomerKeys, generations: list[names.ObjectName]) -> Manifest:
    damaged: Damaged | None = None
    for name in reversed(generations):
        try:
            return decode(keys, name.text, storage.get(name.text))
        except Damaged as error:
            damaged = damaged or error
    assert damaged is not None, "a run that was listed has a manifest"
    raise damaged


def chain(manifests: Iterable[Manifest]) -> tuple[list[Manifest], int | None]:
    """The manifests that count of an instance, ascending: the newest and its parents. And the sequence of the first
    parent that is missing, below which nothing can be told for certain; None: the chain is whole.

    Those that are no parent of a later one were dropped by a prune that has yet to delete them.
    """
    by_sequence = {manifest.sequence: manifest for manifest in manifests}
    found: list[Manifest] = []
    wanted = max(by_sequence, default=None)
    while wanted is not None and wanted in by_sequence:
        found.append(by_sequence[wanted])
        wanted = found[-1].parent_sequence
    return found[::-1], wanted


def _name(manifest: Manifest) -> str:
    return names.manifest(manifest.customer_id, manifest.instance_id, manifest.sequence, manifest.generation)
