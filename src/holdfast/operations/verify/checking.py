"""One check from its beginning to its end: what the vault says of itself, then what the catalog knows of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from holdfast.errors import VaultError, WrongKey
from holdfast.operations.services import Services
from holdfast.operations.verify.judging import explained, judged
from holdfast.operations.verify.missing import missing_ends, missing_packs, missing_reports, missing_revisions
from holdfast.storage import Storage
from holdfast.storage.pacing import PacedStorage
from holdfast.vault import Vault
from holdfast.vault.check import check
from holdfast.vault.extent import Extent
from holdfast.vault.findings import CheckProgress, Finding


@dataclass
class VerifyReport:
    """What was looked at and what was found. Findings are data: whoever asked decides what they mean."""

    share: float
    """Of the packs' data, how much was read: 1.0 is every byte, 0.0 only structure."""
    findings: list[Finding] = field(default_factory=list)
    objects: int = 0
    size_bytes: int = 0

    @property
    def data(self) -> bool:
        """Every byte was read."""
        return self.share >= 1.0

    @property
    def is_good(self) -> bool:
        """Nothing is lost or damaged."""
        return not any(finding.severity == "error" for finding in self.findings)


Progress = Callable[[CheckProgress], None]
Found = Callable[[Finding], None]


def verify(
    services: Services,
    *,
    data: bool = True,
    extent: Extent | None = None,
    rate_bytes: float | None = None,
    known: Sequence[Finding] = (),
    noted: list[Finding] | None = None,
    progress: Progress | None = None,
    found: Found | None = None,
) -> VerifyReport:
    """Check the whole vault. `found` hears of each finding at once.

    `extent` says of which packs the data is read, in place of `data`. `rate_bytes`: how many bytes a second are read at
    most. `known` are findings about packs that the extent leaves out, since an earlier part of this check read them;
    `noted` gets those about packs as soon as they are proved, for a later part. Raises StorageError where the store is
    silent.
    """
    extent = extent or Extent(share=1.0 if data else 0.0)
    vault = services.vault.over(_paced(services.storage, rate_bytes))
    report, unexplained = VerifyReport(extent.share), list[Finding]()
    tell = _teller(report, found)
    proved = {finding.object_name for finding in known}
    for bare in check(vault, extent=extent, report=_follower(report, progress)):
        if bare.object_name in proved:
            continue
        finding = judged(services, bare)
        if noted is not None and bare.object_name.startswith("packs/"):
            noted.append(finding)
        if finding.object_name.startswith("packs/") and not finding.lost:
            unexplained.append(finding)
        else:
            tell(finding)
    for finding in known:
        if finding.lost:
            tell(finding)
        else:
            unexplained.append(finding)
    said = {finding.object_name for finding in (*report.findings, *unexplained)}
    unexplained += missing_packs(services, said)
    for finding in (
        *explained(services, unexplained),
        *missing_ends(services),
        *missing_reports(services),
        *missing_revisions(services),
    ):
        tell(finding)
    return report


def verify_replica(
    services: Services,
    replica: Storage,
    *,
    extent: Extent | None = None,
    rate_bytes: float | None = None,
    known: Sequence[Finding] = (),
    noted: list[Finding] | None = None,
    progress: Progress | None = None,
    found: Found | None = None,
) -> VerifyReport:
    """Check a replica by itself, as the vault that it is, and whether it holds what the vault holds.

    `known` and `noted` as `verify` has them. Raises VaultError where it is none, StorageError.
    """
    extent = extent or Extent()
    vault = open_replica(services, _paced(replica, rate_bytes))
    report = VerifyReport(extent.share)
    tell = _teller(report, found)
    for finding in known:
        tell(finding)
    proved = {finding.object_name for finding in known}
    for bare in check(vault, extent=extent, report=_follower(report, progress)):
        if bare.object_name in proved:
            continue
        finding = of_replica(bare)
        if noted is not None and bare.object_name.startswith("packs/"):
            noted.append(finding)
        tell(finding)
    there = {info.name for info in replica.list("")}
    behind = [
        info.name
        for info in services.storage.list("")
        if info.name not in there and not info.name.startswith("exports/")
    ]
    if behind:
        what = f"is not in the replica, and {len(behind) - 1} other objects of the vault are not either"
        tell(Finding("warning", behind[0], what, "`holdfast replicate` copies them."))
    return report


def open_replica(services: Services, replica: Storage) -> Vault:
    """Raises VaultError where it is no replica of the vault, WrongKey where it has not got the vault's newest keys."""
    try:
        vault = Vault.open(replica, services.vault.root_key, even_damaged=True)
    except WrongKey as error:
        raise WrongKey(
            f"{replica.url} has keys that the vault's root key does not open",
            hint="If the root key was rotated, the replica is behind: `holdfast replicate` brings it the new keys. "
            "Else it is a replica of another vault.",
        ) from error
    if vault.id != services.vault.id:
        raise VaultError(f"{replica.url} holds another vault", code="replica_unfit")
    return vault


def of_replica(finding: Finding) -> Finding:
    """With the advice that helps a replica."""
    if finding.severity == "notice":
        return finding
    return replace(finding, advice="`holdfast repair --replica` takes it from the vault.")


def _paced(storage: Storage, rate_bytes: float | None) -> Storage:
    return storage if rate_bytes is None else PacedStorage(storage, rate_bytes)


def _follower(report: VerifyReport, progress: Progress | None) -> Progress:
    def follow(state: CheckProgress) -> None:
        report.objects, report.size_bytes = state.objects, state.size_bytes
        if progress is not None:
            progress(state)

    return follow


def _teller(report: VerifyReport, found: Found | None) -> Found:
    def tell(finding: Finding) -> None:
        report.findings.append(finding)
        if found is not None:
            found(finding)

    return tell
