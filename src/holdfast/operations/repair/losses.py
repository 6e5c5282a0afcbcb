"""Lets the backups of an instance no longer claim what nobody can have any more: in their manifests first, each of
which names what it lost, then in the catalog."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from holdfast.catalog import blobs, counts, debts, leases, runs, scopes, standing, streams
from holdfast.catalog.runs import Run
from holdfast.catalog.standing import Version
from holdfast.operations.prune.work import Work
from holdfast.vault import Manifest, digests
from holdfast.vault.manifests import LostContent


def forget_losses(work: Work, versions: Sequence[Version], without_blob: Sequence[Version]) -> None:
    """Can be broken off anywhere and repeated."""
    with work.services.database.read() as connection:
        ended = [run for run in runs.all_of_instance(connection, work.instance.id) if run.ended_at is not None]
        numbers = {version.blob for version in (*versions, *without_blob) if version.blob is not None}
        digest_of = {blob.id: blob.digest for blob in blobs.get_many(connection, numbers).values()}
    gone = {(version.stream, version.record_key, version.run_from) for version in versions}
    blobless = [one for one in without_blob if (one.stream, one.record_key, one.run_from) not in gone]
    by_sequence = {manifest.sequence: manifest for manifest in work.customer.read_manifests(work.instance.id)}
    for run in ended:
        mine, bare = _at(versions, run), _at(blobless, run)
        manifest = by_sequence.get(run.sequence)
        if manifest is not None and (mine or bare):
            less = _without(manifest, mine, bare, digest_of)
            if less != manifest:
                work.prove()
                work.customer.put_manifest(msgspec.structs.replace(less, generation=manifest.generation + 1))
    with work.services.database.write() as connection:
        leases.fence(connection, work.instance.id, work.lease.token)
        for run in ended:
            _correct_counts(connection, run, _at(versions, run), _at(blobless, run), digest_of)
        _correct_streams(connection, versions, blobless, digest_of)
        for version in versions:
            standing.drop(connection, version)
            debts.settle(connection, version.stream, "record", [version.record_key])
        for version in blobless:
            standing.drop_blob(connection, version)
        for version in (*versions, *blobless):
            if version.run_to is None:
                debts.settle(connection, version.stream, "blob", [version.record_key])


def _at(versions: Sequence[Version], run: Run) -> list[Version]:
    """Those that belong to the state after a run."""
    return [
        version
        for version in versions
        if version.run_from <= run.sequence and (version.run_to is None or run.sequence < version.run_to)
    ]


def _element(version: Version, digest_of: dict[int, bytes]) -> bytes:
    return version.digest if version.blob is None else digests.with_blob(version.digest, digest_of[version.blob])


def _sum_without(
    total: bytes, mine: Sequence[Version], bare: Sequence[Version], digest_of: dict[int, bytes]
) -> bytes:  # fmt: skip
    """The state sum without some records, and with others that have no blob any more."""
    total = digests.subtract(total, [_element(version, digest_of) for version in (*mine, *bare)])
    return digests.add(total, [version.digest for version in bare])


def _without(
    manifest: Manifest, mine: Sequence[Version], bare: Sequence[Version], digest_of: dict[int, bytes]
) -> Manifest:
    known = set(manifest.lost)
    mine = [one for one in mine if LostContent(endpoint=one.endpoint, key=one.record_key) not in known]
    bare = [one for one in bare if LostContent(endpoint=one.endpoint, key=one.record_key, kind="blob") not in known]
    endpoints = tuple(
        msgspec.structs.replace(
            state,
            live=state.live - sum(one.endpoint == state.endpoint for one in mine),
            state_sum=_sum_without(
                state.state_sum,
                [one for one in mine if one.endpoint == state.endpoint],
                [one for one in bare if one.endpoint == state.endpoint],
                digest_of,
            ),
        )
        for state in manifest.endpoints
    )
    lost = [LostContent(endpoint=one.endpoint, key=one.record_key) for one in mine]
    lost += [LostContent(endpoint=one.endpoint, key=one.record_key, kind="blob") for one in bare]
    return msgspec.structs.replace(manifest, endpoints=endpoints, lost=(*manifest.lost, *lost))


def _correct_counts(
    connection: Connection, run: Run, mine: Sequence[Version], bare: Sequence[Version], digest_of: dict[int, bytes]
) -> None:
    if not mine and not bare:
        return
    for counted in counts.of_run(connection, run.id).values():
        here = [one for one in mine if one.stream == counted.stream]
        bare_here = [one for one in bare if one.stream == counted.stream]
        if here or bare_here:
            standing.set_counts(
                connection, run.id, counted.stream, live=counted.live - len(here),
                state_sum=_sum_without(counted.state_sum, here, bare_here, digest_of),
            )  # fmt: skip


def _correct_streams(
    connection: Connection, versions: Sequence[Version], bare: Sequence[Version], digest_of: dict[int, bytes]
) -> None:
    """Of newest versions, which the streams and scopes count."""
    newest = [version for version in versions if version.run_to is None]
    bare_newest = [version for version in bare if version.run_to is None]
    for number in {version.stream for version in (*newest, *bare_newest)}:
        stream = streams.get(connection, number)
        mine = [version for version in newest if version.stream == number]
        bare_mine = [version for version in bare_newest if version.stream == number]
        streams.advance(
            connection, number, live=stream.live - len(mine),
            state_sum=_sum_without(stream.state_sum, mine, bare_mine, digest_of),
        )  # fmt: skip
    gone = Counter(version.scope for version in newest if version.scope is not None)
    scopes.add_live(connection, {scope: -number for scope, number in gone.items()})
