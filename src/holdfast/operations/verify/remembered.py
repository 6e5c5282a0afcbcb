"""Checks of the vault and its replicas that the catalog remembers: they go on where they were broken off, what they
found can be looked at, and people are told of it.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from holdfast.catalog import verifications
from holdfast.catalog.verifications import Verification
from holdfast.clock import now, timedelta
from holdfast.errors import ObjectMissing
from holdfast.operations import troubles
from holdfast.operations.findings import as_document, from_document
from holdfast.operations.services import Services
from holdfast.operations.verify.checking import Found, Progress, VerifyReport, verify, verify_replica
from holdfast.storage import Storage
from holdfast.vault import names
from holdfast.vault.extent import Extent
from holdfast.vault.findings import CheckProgress, Finding
from holdfast.vault.proof import is_genuine

_SAVED_EVERY_S = 2.0
_GOES_ON_FOR = timedelta(days=7)
"""What was proved longer ago than this is proved again."""


@dataclass(frozen=True)
class Plan:
    """What a check of the vault is to read."""

    share: float = 1.0
    rate_bytes: float | None = None
    anew: bool = False
    """Do not go on with one that was broken off."""

    def options(self, replica: Storage | None) -> dict[str, Any]:
        """What the catalog keeps. The rate may be another one when a check goes on."""
        return options_of(self.share, "command", replica)


def options_of(share: float, by: str, replica: Storage | None) -> dict[str, Any]:
    """As `Verification.options` has them: what is read, who asked for it, and of which storage if not of the vault."""
    return {"share": share, "by": by} | ({} if replica is None else {"replica": replica.url})


def verify_resumably(
    services: Services,
    plan: Plan,
    *,
    replica: Storage | None = None,
    progress: Progress | None = None,
    found: Found | None = None,
    begun: Callable[[Verification], None] | None = None,
) -> VerifyReport:
    """`verify`, or `verify_replica`, remembered. One that was asked for alike and broken off within a week goes on;
    `begun` hears which.
    """
    verification = _begin(services, plan, replica)
    if begun is not None:
        begun(verification)
    extent = Extent(plan.share, str(verification.options["seed"]), verification.position)
    known = still_true(services, [from_document(document) for document in verification.findings], replica)
    noted = list(known)
    state = CheckProgress()
    saved_at = time.monotonic()

    def follow(now_at: CheckProgress) -> None:
        nonlocal state, saved_at
        state = now_at
        if time.monotonic() - saved_at >= _SAVED_EVERY_S:
            _save(services, verification, state, noted)
            saved_at = time.monotonic()
        if progress is not None:
            progress(state)

    prove = verify if replica is None else partial(verify_replica, replica=replica)
    try:
        report = prove(
            services, extent=extent, rate_bytes=plan.rate_bytes, known=known, noted=noted, progress=follow, found=found
        )  # fmt: skip
    except BaseException:
        _save(services, verification, state, noted)
        raise
    remember(services, verification.id, report, replica)
    return report


def still_true(services: Services, findings: Sequence[Finding], replica: Storage | None = None) -> list[Finding]:
    """Those of earlier findings about packs that are damaged still: not repaired, and not let go meanwhile."""
    storage = replica or services.storage
    found = []
    for finding in findings:
        name = names.parse(finding.object_name)
        if name is None or name.kind != "pack":
            continue
        try:
            data = storage.get(name.text)
        except ObjectMissing:
            continue  # whether it is to be there, a check of the structure knows
        if not is_genuine(services.vault, name, data):
            found.append(finding)
    return found


def keep_result(services: Services, report: VerifyReport) -> None:
    """Remember a check that was made at once, such as a repair's; earlier ones that were broken off are out of date."""
    moment = now()
    with services.database.write() as connection:
        for one in verifications.unended(connection):
            if one.options["by"] == "command":
                verifications.drop(connection, one.id)
        made = verifications.begin(connection, {"share": report.share, "by": "repair", "seed": ""}, moment)
    remember(services, made.id, report, is_whole=True)


def remember(
    services: Services, verification_id: int, report: VerifyReport, replica: Storage | None = None, *,
    is_whole: bool | None = None,
) -> None:  # fmt: skip
    """Keep what a check has found, and have people told of it: it is at its end.

    `is_whole`: it knows of all damage there is. None: it does if it has read all data.
    """
    with services.database.write() as connection:
        verifications.advance(
            connection, verification_id, "", objects=report.objects, size_bytes=report.size_bytes,
            findings=[as_document(finding) for finding in report.findings],
        )  # fmt: skip
        verifications.end(connection, verification_id, now())
        tell_people(connection, report.findings, replica, is_whole=report.data if is_whole is None else is_whole)
        verifications.forget(connection)


def tell_people(
    connection: Connection, findings: Sequence[Finding], replica: Storage | None, *, is_whole: bool
) -> None:  # fmt: skip
    if replica is None:
        troubles.vault_checked(connection, findings, is_whole=is_whole)
    else:
        troubles.replica_checked(connection, replica.url, findings, is_whole=is_whole)


def _begin(services: Services, plan: Plan, replica: Storage | None) -> Verification:
    moment, options = now(), plan.options(replica)
    with services.database.write() as connection:
        if not plan.anew:
            for one in verifications.unended(connection, options.get("replica")):
                asked = {name: one.options.get(name) for name in options}
                if asked == options and moment - one.started_at < _GOES_ON_FOR:
                    return one
        return verifications.begin(connection, {**options, "seed": secrets.token_hex(8)}, moment)


def _save(services: Services, verification: Verification, state: CheckProgress, noted: Sequence[Finding]) -> None:
    """Everything up to the position is proved; what was found there stands in `noted`."""
    if state.position:
        with services.database.write() as connection:
            verifications.advance(
                connection, verification.id, state.position, objects=state.objects, size_bytes=state.size_bytes,
                findings=[as_document(finding) for finding in noted],
            )  # fmt: skip
