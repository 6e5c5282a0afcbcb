"""What a worker proves by itself: all data once in so many days, a little every hour, and the structure at both ends.

The first slice of a pass finds what is missing; the last one looks again at whatever was found meanwhile.
"""

import logging
import secrets
from datetime import datetime

from holdfast.catalog import packs, verifications
from holdfast.catalog.verifications import Verification
from holdfast.clock import now, timedelta
from holdfast.operations.findings import as_document, from_document
from holdfast.operations.locking import locked, unless_busy
from holdfast.operations.services import Services
from holdfast.operations.verify.checking import VerifyReport, verify
from holdfast.operations.verify.judging import judged
from holdfast.operations.verify.remembered import remember, still_true
from holdfast.vault.check_slice import check_behind
from holdfast.vault.extent import Extent
from holdfast.vault.findings import Finding

VERIFY = "verify"
"""The lock: two workers would read the same."""
_OPTIONS = {"share": 1.0, "by": "worker"}
_SLICES_MIN = 30
"""A worker that was away for long makes up for it in at least so many slices."""

_log = logging.getLogger(__name__)


def verify_regularly(services: Services, moment: datetime | None = None) -> None:
    """Prove what is due by now (`moment`). Raises StorageError where the store is silent: the next call goes on."""
    days = services.settings.verify_days
    with unless_busy(), locked(services, VERIFY):
        moment = moment or now()
        current = _current(services)
        if current is None:
            if not _is_due(services, moment, days):
                return
            current = _begin(services, moment)
        _prove_slice(services, current, moment, days)


def _current(services: Services) -> Verification | None:
    with services.database.read() as connection:
        return next((one for one in verifications.unended(connection) if one.options["by"] == "worker"), None)


def _is_due(services: Services, moment: datetime, days: int) -> bool:
    with services.database.read() as connection:
        ended = verifications.ended(connection)
    last = next((one for one in ended if one.options["by"] == "worker"), None)
    return last is None or moment - last.started_at >= timedelta(days=days)


def _begin(services: Services, moment: datetime) -> Verification:
    report = verify(services, data=False)
    for finding in report.findings:
        _log.warning("verify: %s", finding)
    with services.database.write() as connection:
        made = verifications.begin(connection, {**_OPTIONS, "seed": secrets.token_hex(8)}, moment)
        found = [as_document(finding) for finding in report.findings]
        verifications.advance(connection, made.id, "", objects=0, size_bytes=0, findings=found)
    current = _current(services)
    assert current is not None, "it was begun under the lock"
    return current


def _prove_slice(services: Services, current: Verification, moment: datetime, days: int) -> None:
    with services.database.read() as connection:
        total = packs.size_bytes(connection)
    due = total * ((moment - current.started_at) / timedelta(days=days))
    budget = min(due - current.size_bytes, total / min(_SLICES_MIN, 24 * days))
    if budget < 0:
        return
    findings = [from_document(document) for document in current.findings]
    objects, size_bytes, position, read = current.objects, current.size_bytes, current.position, 0
    for report in check_behind(services.vault.over(services.storage), position):
        findings += _told(services, report.findings)
        position = report.object_name
        objects, size_bytes, read = objects + 1, size_bytes + report.size_bytes, read + report.size_bytes
        if read > budget or services.engine.stopping.is_set():
            break
    else:
        _end(services, current, findings, size_bytes)
        return
    with services.database.write() as connection:
        verifications.advance(
            connection, current.id, position, objects=objects, size_bytes=size_bytes,
            findings=[as_document(finding) for finding in findings],
        )  # fmt: skip


def _told(services: Services, found: list[Finding]) -> list[Finding]:
    judged_ones = [judged(services, bare) for bare in found]
    for finding in judged_ones:
        _log.warning("verify: %s", finding)
    return judged_ones


def _end(services: Services, current: Verification, findings: list[Finding], size_bytes: int) -> None:
    known = still_true(services, findings)
    report = verify(services, extent=Extent(share=0.0), known=known)
    remember(services, current.id, VerifyReport(1.0, report.findings, report.objects, report.size_bytes))
    _log.info("verify: all data was proved, %d bytes of packs, %d findings", size_bytes, len(report.findings))
