"""What a worker proves by itself: all data of the vault and of each replica, once in so many days, a little every hour,
and the structure at both ends.

The first slice of a pass finds what is missing; the last one looks again at whatever was found meanwhile.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from holdfast.catalog import packs, replications, verifications
from holdfast.catalog.verifications import Verification
from holdfast.clock import now, timedelta
from holdfast.errors import StorageError, VaultError
from holdfast.operations.findings import as_document, from_document
from holdfast.operations.locking import locked, unless_busy
from holdfast.operations.services import Services
from holdfast.operations.verify.checking import VerifyReport, of_replica, open_replica, verify, verify_replica
from holdfast.operations.verify.judging import judged
from holdfast.operations.verify.remembered import options_of, remember, still_true, tell_people
from holdfast.storage import Storage
from holdfast.vault import Vault
from holdfast.vault.check_slice import check_behind
from holdfast.vault.extent import Extent
from holdfast.vault.findings import Finding

VERIFY = "verify"
"""The lock: two workers would read the same."""
_SLICES_MIN = 30
"""A worker that was away for long makes up for it in at least so many slices."""

_log = logging.getLogger(__name__)


def verify_regularly(services: Services, moment: datetime | None = None) -> None:
    """Prove what is due by now (`moment`). Raises StorageError where the vault's store is silent: the next call goes
    on. A replica that is silent, or not there yet, is no reason to let the others wait: copying tells of that.
    """
    settings = services.settings
    with unless_busy(), locked(services, VERIFY):
        moment = moment or now()
        if settings.verify_days:
            _Subject(services, None).prove(moment, settings.verify_days)
        for replica in services.replicas if settings.verify_replica_days else ():
            if not _is_filled(services, replica):
                continue
            try:
                _Subject(services, replica).prove(moment, settings.verify_replica_days)
            except (StorageError, VaultError) as error:
                _log.warning("the replica %s was not verified: %s", replica.url, error)


def _is_filled(services: Services, replica: Storage) -> bool:
    with services.database.read() as connection:
        known = {state.url: state.completed_at for state in replications.every(connection)}
    return known.get(replica.url) is not None


@dataclass(frozen=True)
class _Subject:
    """What is proved: the vault, or a replica of it."""

    services: Services
    replica: Storage | None

    @property
    def _url(self) -> str | None:
        return None if self.replica is None else self.replica.url

    @property
    def _name(self) -> str:
        return "the vault" if self.replica is None else f"the replica {self.replica.url}"

    def prove(self, moment: datetime, days: int) -> None:
        current = self._current()
        if current is None:
            if not self._is_due(moment, days):
                return
            current = self._begin(moment)
        self._prove_slice(current, moment, days)

    def _current(self) -> Verification | None:
        with self.services.database.read() as connection:
            unended = verifications.unended(connection, self._url)
        return next((one for one in unended if one.options["by"] == "worker"), None)

    def _is_due(self, moment: datetime, days: int) -> bool:
        with self.services.database.read() as connection:
            ended = verifications.ended(connection, self._url)
        last = next((one for one in ended if one.options["by"] == "worker"), None)
        return last is None or moment - last.started_at >= timedelta(days=days)

    def _begin(self, moment: datetime) -> Verification:
        report = self._structure([])
        for finding in report.findings:
            _log.warning("verify %s: %s", self._name, finding)
        options = {**options_of(1.0, "worker", self.replica), "seed": secrets.token_hex(8)}
        with self.services.database.write() as connection:
            made = verifications.begin(connection, options, moment)
            found = [as_document(finding) for finding in report.findings]
            verifications.advance(connection, made.id, "", objects=0, size_bytes=0, findings=found)
            tell_people(connection, report.findings, self.replica, is_whole=False)
        current = self._current()
        assert current is not None, "it was begun under the lock"
        return current

    def _structure(self, known: list[Finding]) -> VerifyReport:
        extent = Extent(share=0.0)
        if self.replica is None:
            return verify(self.services, extent=extent, known=known)
        return verify_replica(self.services, self.replica, extent=extent, known=known)

    def _vault(self) -> Vault:
        if self.replica is None:
            return self.services.vault.over(self.services.storage)
        return open_replica(self.services, self.replica)

    def _prove_slice(self, current: Verification, moment: datetime, days: int) -> None:
        with self.services.database.read() as connection:
            total = packs.size_bytes(connection)
        due = total * ((moment - current.started_at) / timedelta(days=days))
        budget = min(due - current.size_bytes, total / min(_SLICES_MIN, 24 * days))
        if budget < 0:
            return
        findings = [from_document(document) for document in current.findings]
        objects, size_bytes, position, read = current.objects, current.size_bytes, current.position, 0
        for report in check_behind(self._vault(), position):
            findings += self._told(report.findings)
            position = report.object_name
            objects, size_bytes, read = objects + 1, size_bytes + report.size_bytes, read + report.size_bytes
            if read > budget or self.services.engine.stopping.is_set():
                break
        else:
            self._end(current, findings, size_bytes)
            return
        with self.services.database.write() as connection:
            verifications.advance(
                connection, current.id, position, objects=objects, size_bytes=size_bytes,
                findings=[as_document(finding) for finding in findings],
            )  # fmt: skip
            tell_people(connection, findings, self.replica, is_whole=False)

    def _told(self, found: list[Finding]) -> list[Finding]:
        seen = [judged(self.services, bare) if self.replica is None else of_replica(bare) for bare in found]
        for finding in seen:
            _log.warning("verify %s: %s", self._name, finding)
        return seen

    def _end(self, current: Verification, findings: list[Finding], size_bytes: int) -> None:
        report = self._structure(still_true(self.services, findings, self.replica))
        whole = VerifyReport(1.0, report.findings, report.objects, report.size_bytes)
        remember(self.services, current.id, whole, self.replica)
        found = len(report.findings)
        _log.info("verify: all data of %s was proved, %d bytes of packs, %d findings", self._name, size_bytes, found)
