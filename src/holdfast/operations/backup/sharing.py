"""Which runs share their source's limits, and where: those with one address and one credential, over all workers."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from holdfast.catalog import source_limits
from holdfast.catalog.database import Database
from holdfast.clock import now
from holdfast.definitions.document import Definition, Limits
from holdfast.operations.services import Services
from holdfast.sources.ledger import Ask, Ledger, Share
from holdfast.sources.targets import Targets

_KEPT = timedelta(days=2)
"""Longer than any quota's period that is still counted."""


def sharing(
    services: Services, definition: Definition, variables: Mapping[str, str], user: str
) -> Callable[[Ask], Share] | None:
    """What gives a run or a restore its share; `user` is its name, a slash, and its lease's token. None on SQLite: its
    one worker counts by itself."""
    if services.database.engine.dialect.name != "postgresql":
        return None
    bucket, limits = bucket_of(services, definition, variables), definition.connection.limits
    return partial(give, services.database, bucket, user, limits)


def give(database: Database, bucket: str, user: str, limits: Limits, wish: Ask) -> Share:
    """What a run gets of a bucket, by the database's clock. Raises CatalogError."""
    with database.write() as connection:
        written, moment = source_limits.open_ledger(connection, bucket)
        ledger = Ledger.of(dict(written))
        share = ledger.give(user, wish, limits, moment)
        source_limits.write(connection, bucket, ledger.document())
    return share


def bucket_of(services: Services, definition: Definition, variables: Mapping[str, str]) -> str:
    """A name for address and credential that tells nothing of them."""
    targets = Targets(definition, variables)
    digest = hashlib.blake2b(key=services.vault.installation.digest_key, digest_size=16)
    for text in (targets.base_url, *sorted(targets.secrets())):
        digest.update(len(text).to_bytes(8) + text.encode("utf-8", "replace"))
    return digest.hexdigest()


def forget_unused(services: Services) -> int:
    """Delete the ledgers of credentials that nobody has used lately."""
    with services.database.write() as connection:
        return source_limits.forget(connection, now() - _KEPT)
