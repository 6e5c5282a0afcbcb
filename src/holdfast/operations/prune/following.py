"""Lets the vault follow the catalog: manifests of kept runs name what the catalog says, and the others go.

Compares what is there with what should be, so that it goes on wherever an earlier one was broken off. Nothing is
deleted before every manifest that takes another's place, and the note of what was forgotten, are durable.
"""

from collections.abc import Sequence

import msgspec

from holdfast.catalog import forgotten_runs, packs, runs
from holdfast.clock import format_time, now
from holdfast.errors import CatalogError, Conflict, Damaged, ObjectMissing
from holdfast.operations.prune.windows import windows
from holdfast.operations.prune.work import Work
from holdfast.storage import remove
from holdfast.vault import Manifest, forgotten, manifests, names, receipts
from holdfast.vault.forgotten import Forgotten, ForgottenRun

_REBUILD = "Make the catalog again from the vault: `holdfast rebuild`."


_Generations = dict[int, list[names.ObjectName]]
"""The manifests that the vault has of an instance, by run; of each the lower generations first."""


def check_catalog(work: Work) -> None:
    """Raises Conflict (code `catalog_behind`) where the vault has backups that the catalog has never heard of: one that
    was put back to an earlier state would let them go."""
    known = _known_sequences(work)
    for sequence in _there(work):
        if sequence not in known:
            raise Conflict(
                f"the vault has backup {sequence} of instance {work.instance.id}, which the catalog does not know",
                hint=_REBUILD,
                code="catalog_behind",
            )


def follow(work: Work) -> set[str]:
    """Bring the vault's manifests in line with the catalog. Answers the packs that they name now.

    Raises Damaged where the manifest of a kept run is lost: `repair` first.
    """
    there = _there(work)
    wanted = _replacements(work, there)
    for manifest in wanted:
        work.prove()
        work.customer.put_manifest(manifest)
        work.report.manifests_replaced += 1
    _note_forgotten(work, there)
    _delete_others(work)
    with work.transaction() as connection:
        forgotten_runs.settle(connection, work.instance.id)
    customer, instance_id = work.customer, work.instance.id
    # Those of forgotten runs that a lock keeps name packs too: they do not count.
    left, _ = forgotten.chain(
        customer.storage, customer.keys, customer.customer_id, instance_id, customer.read_manifests(instance_id)
    )
    return {pack for manifest in left for pack in (*manifest.packs, *manifest.contents)}


def _replacements(work: Work, there: _Generations) -> list[Manifest]:
    """The manifests that have to take another's place, ascending."""
    with work.services.database.read() as connection:
        rows = packs.of_instance(connection, work.instance.id)
        ended = [run for run in runs.all_of_instance(connection, work.instance.id) if run.ended_at is not None]
    by_name = {pack.object_id: pack for pack in rows}
    found: list[Manifest] = []
    for window in windows(ended):
        here = [pack for pack in window.of(rows) if pack.condemned_at is None]
        applied = tuple(pack.object_id for pack in here if not pack.contents_only)
        contents = tuple(pack.object_id for pack in here if pack.contents_only)
        generations = there.get(window.last, [])
        manifest = _read(work, generations, window.last)
        parent = window.after or None
        is_newest = manifest.generation == generations[-1].generation
        said = (manifest.packs, manifest.contents, manifest.parent_sequence)
        if is_newest and said == (applied, contents, parent):
            continue
        dropped = set(manifest.packs).union(manifest.contents).difference(applied, contents)
        for pack in dropped:
            known = by_name.get(pack)
            if known is None or (known.condemned_at is None and not known.contents_only):
                raise CatalogError(
                    f"backup {window.last} of instance {work.instance.id} names pack {pack}, of which the catalog says "
                    "nothing",
                    hint=_REBUILD,
                    code="catalog_behind",
                )
        found.append(
            msgspec.structs.replace(
                manifest,
                # A newer one that does not open was torn while it was written: it is written again.
                generation=manifest.generation + 1 if is_newest else generations[-1].generation or 1,
                packs=applied,
                contents=contents,
                parent_sequence=parent,
            )
        )
    return found


def _read(work: Work, generations: Sequence[names.ObjectName], sequence: int) -> Manifest:
    """The highest generation that opens."""
    for name in reversed(generations):
        try:
            return manifests.decode(work.customer.keys, name.text, work.services.storage.get(name.text))
        except Damaged:
            continue
    lost = names.manifest(work.customer.customer_id, work.instance.id, sequence, 1)
    raise Damaged(f"{lost} is lost", object_name=lost, hint="`holdfast repair` first.")


def _note_forgotten(work: Work, there: _Generations) -> None:
    with work.services.database.read() as connection:
        pending = forgotten_runs.of_instance(connection, work.instance.id)
    customer = work.customer
    earlier = list(forgotten.read(customer.storage, customer.keys, customer.customer_id, work.instance.id))
    noted = {run.sequence for one in earlier for run in one.runs}
    unnoted = [run for run in pending if run.sequence not in noted and run.sequence in there]
    if not unnoted:
        return
    work.prove()
    runs_noted = tuple(
        ForgottenRun(
            sequence=run.sequence,
            run_id=run.run_id,
            status=run.status,
            ended_at=None if run.ended_at is None else format_time(run.ended_at),
            receipt_sha256=_receipt_digest(work, run.sequence),
        )
        for run in unnoted
    )
    note = Forgotten(
        customer_id=customer.customer_id,
        instance_id=work.instance.id,
        number=max((one.number for one in earlier), default=0) + 1,
        forgotten_at=format_time(now()),
        runs=runs_noted,
    )
    forgotten.put(customer.storage, customer.keys, note)


def _receipt_digest(work: Work, sequence: int) -> str | None:
    customer = work.customer
    try:
        return receipts.read(
            customer.storage, customer.keys, customer.customer_id, work.instance.id, sequence
        ).sha256  # fmt: skip
    except (ObjectMissing, Damaged):
        return None


def _delete_others(work: Work) -> None:
    """Manifests of forgotten runs and lower generations, and receipts of forgotten runs."""
    with work.services.database.read() as connection:
        kept = {run.sequence for run in runs.all_of_instance(connection, work.instance.id)}
    gone: list[str] = []
    for sequence, generations in _there(work).items():
        if sequence not in kept:
            gone.append(names.receipt(work.customer.customer_id, work.instance.id, sequence))
        gone += [name.text for name in (generations[:-1] if sequence in kept else generations)]
    for name in gone:
        work.prove()
        work.report.note(remove(work.services.storage, name))


def _there(work: Work) -> _Generations:
    found: _Generations = {}
    for info in work.services.storage.list(names.manifests_prefix(work.customer.customer_id, work.instance.id)):
        name = names.parse(info.name)
        if name is not None and name.number is not None:
            found.setdefault(name.number, []).append(name)
    return found


def _known_sequences(work: Work) -> set[int]:
    with work.services.database.read() as connection:
        known = {run.sequence for run in runs.all_of_instance(connection, work.instance.id)}
        known.update(run.sequence for run in forgotten_runs.of_instance(connection, work.instance.id))
    return known | _noted(work)


def _noted(work: Work) -> set[int]:
    customer = work.customer
    notes = forgotten.read(customer.storage, customer.keys, customer.customer_id, work.instance.id)
    return {run.sequence for note in notes for run in note.runs}
