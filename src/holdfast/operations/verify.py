"""Proves the vault: every object against its digests, all that manifests name, and that the catalog agrees."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from holdfast.catalog import runs
from holdfast.operations.services import Services
from holdfast.vault import names
from holdfast.vault.check import check
from holdfast.vault.findings import CheckProgress, Finding


@dataclass
class VerifyReport:
    """What was looked at and what was found. Findings are data: whoever asked decides what they mean."""

    data: bool
    """Every byte was read; else only structure."""
    findings: list[Finding] = field(default_factory=list)
    objects: int = 0
    size_bytes: int = 0

    @property
    def is_good(self) -> bool:
        """Nothing is lost or damaged."""
        return not any(finding.severity == "error" for finding in self.findings)


def verify(
    services: Services,
    *,
    data: bool = True,
    progress: Callable[[CheckProgress], None] | None = None,
    found: Callable[[Finding], None] | None = None,
) -> VerifyReport:
    """Check the whole vault. `found` hears of each finding at once. Raises StorageError where the store is silent."""
    report = VerifyReport(data)

    def follow(state: CheckProgress) -> None:
        report.objects, report.size_bytes = state.objects, state.size_bytes
        if progress is not None:
            progress(state)

    for finding in check(services.vault, data=data, report=follow):
        report.findings.append(finding)
        if found is not None:
            found(finding)
    for finding in _missing_manifests(services):
        report.findings.append(finding)
        if found is not None:
            found(finding)
    return report


def _missing_manifests(services: Services) -> Iterator[Finding]:
    """Backups that ended, as the catalog knows, and the vault has nothing of: a vault alone cannot miss its last."""
    stored = {
        (name.instance_id, name.number)
        for info in services.vault.storage.list("manifests/")
        if (name := names.parse(info.name)) is not None
    }
    with services.database.read() as connection:
        ended = runs.ended(connection)
    for customer_id, instance_id, sequence in ended:
        if (instance_id, sequence) not in stored:
            yield Finding(
                "error",
                names.manifest(customer_id, instance_id, sequence, 1),
                "is missing: the catalog knows this backup, the vault does not",
                "Put the object back from a replica. The catalog still shows the backup's records.",
                customer_id,
                instance_id,
                sequence,
            )
