"""Extends object locks while what they protect is kept. What a prune has let go of goes when its lock ends.

A lock is put on with the object, and extended when less than half of it is left: a kept backup is never without.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from holdfast.catalog import instances, packs, runs
from holdfast.clock import now
from holdfast.errors import ObjectMissing
from holdfast.operations.services import Services
from holdfast.storage import s3_beneath
from holdfast.storage.beneath import S3Beneath
from holdfast.vault import names

_AT_ONCE = 8


@dataclass
class LocksReport:
    looked_at: int = 0
    """Objects that were put so long ago that their lock could be running out."""
    extended: int = 0
    until: datetime | None = None
    """How long what was extended is locked now."""


def extend_locks(services: Services) -> LocksReport:
    """Extend the locks of everything that is kept, in the vault and in replicas whose URLs ask for locks."""
    report = LocksReport()
    for storage in (services.storage, *services.replicas):
        bucket = s3_beneath(storage)
        if bucket is not None and bucket.storage.lock is not None:
            _extend(services, bucket, report)
    return report


def wants_locks(services: Services) -> bool:
    """Whether there is any lock to extend."""
    buckets = [s3_beneath(storage) for storage in (services.storage, *services.replicas)]
    return any(bucket is not None and bucket.storage.lock is not None for bucket in buckets)


def _extend(services: Services, bucket: S3Beneath, report: LocksReport) -> None:
    lock = bucket.storage.lock
    assert lock is not None, "the caller looked"
    moment = now()
    until = moment + lock.period
    old = bucket.ask(lambda storage: list(storage.put_before(moment - lock.period / 2)))
    kept = list(_kept(services, old))
    report.looked_at += len(kept)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        report.extended += sum(pool.map(partial(_extend_one, bucket, until, moment + lock.period / 2), kept))
    if report.extended:
        report.until = until


def _extend_one(bucket: S3Beneath, until: datetime, soon: datetime, name: str) -> bool:
    try:
        ends = bucket.ask(lambda storage: storage.locked_until(name))
        if ends is not None and ends > soon:
            return False
        bucket.ask(lambda storage: storage.extend_lock(name, until))
    except ObjectMissing:  # pruned since it was listed
        return False
    return True


def _kept(services: Services, found: Iterable[str]) -> Iterator[str]:
    """Those that backups which are kept need: no key, nothing that a prune has let go."""
    with services.database.read() as connection:
        owned = {instance.id for instance in instances.every(connection)}
        live = {pack.object_id for pack in packs.all_live(connection)}
        ended = {(instance_id, sequence) for _, instance_id, sequence in runs.ended(connection)}
    newest = {
        (name.instance_id, name.number): name.text
        for info in services.storage.list("manifests/")
        if (name := names.parse(info.name)) is not None
    }
    for text in found:
        name = names.parse(text)
        if name is None or name.kind in ("key", "archive"):
            continue
        if name.kind == "pack" and name.object_id not in live:
            continue
        if name.kind in ("manifest", "receipt") and (name.instance_id, name.number) not in ended:
            continue
        if name.kind == "manifest" and newest.get((name.instance_id, name.number)) != text:
            continue
        if name.kind == "forgotten" and name.instance_id not in owned:
            continue
        yield text
