"""Checks that the catalog remembers: they go on where they were broken off, and what they found can be looked at."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.catalog import verifications
from holdfast.catalog.verifications import Verification
from holdfast.clock import now, timedelta
from holdfast.errors import ObjectMissing
from holdfast.operations.findings import as_document, from_document
from holdfast.operations.services import Services
from holdfast.operations.verify.checking import Found, Progress, VerifyReport, verify
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

    @property
    def options(self) -> dict[str, Any]:
        """What the catalog keeps. The rate may be another one when a check goes on."""
        return {"share": self.share, "by": "command"}


def verify_resumably(
    services: Services,
    plan: Plan,
    *,
    progress: Progress | None = None,
    found: Found | None = None,
    begun: Callable[[Verification], None] | None = None,
) -> VerifyReport:
    """`verify`, remembered. One that was asked for alike and broken off within a week goes on; `begun` hears which."""
    verification = _begin(services, plan)
    if begun is not None:
        begun(verification)
    extent = Extent(plan.share, str(verification.options["seed"]), verification.position)
    known = still_true(services, [from_document(document) for document in verification.findings])
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

    try:
        report = verify(
            services, extent=extent, rate_bytes=plan.rate_bytes, known=known, noted=noted, progress=follow, found=found
        )  # fmt: skip
    except BaseException:
        _save(services, verification, state, noted)
        raise
    remember(services, verification.id, report)
    return report


def still_true(services: Services, findings: Sequence[Finding]) -> list[Finding]:
    """Those of earlier findings about packs that are damaged still: not repaired, and not let go meanwhile."""
    found = []
    for finding in findings:
        name = names.parse(finding.object_name)
        if name is None or name.kind != "pack":
            continue
        try:
            data = services.storage.get(name.text)
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
    remember(services, made.id, report)


def remember(services: Services, verification_id: int, report: VerifyReport) -> None:
    """Keep what a check has found: it is at its end."""
    with services.database.write() as connection:
        verifications.advance(
            connection, verification_id, "", objects=report.objects, size_bytes=report.size_bytes,
            findings=[as_document(finding) for finding in report.findings],
        )  # fmt: skip
        verifications.end(connection, verification_id, now())
        verifications.forget(connection)


def _begin(services: Services, plan: Plan) -> Verification:
    moment = now()
    with services.database.write() as connection:
        if not plan.anew:
            for one in verifications.unended(connection):
                asked = {name: one.options.get(name) for name in plan.options}
                if asked == plan.options and moment - one.started_at < _GOES_ON_FOR:
                    return one
        options = {**plan.options, "seed": secrets.token_hex(8)}
        return verifications.begin(connection, options, moment)


def _save(services: Services, verification: Verification, state: CheckProgress, noted: Sequence[Finding]) -> None:
    """Everything up to the position is proved; what was found there stands in `noted`."""
    if state.position:
        with services.database.write() as connection:
            verifications.advance(
                connection, verification.id, state.position, objects=state.objects, size_bytes=state.size_bytes,
                findings=[as_document(finding) for finding in noted],
            )  # fmt: skip
