"""Exports as the contract has them: asked for, made by a worker, reached at a signed address that expires, cleaned up.

What an archive looks like `export` says, how it lies in the vault `vault.archives`.
"""

import hashlib
import io
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Connection

from holdfast import tracing
from holdfast.catalog import exports, instances, runs
from holdfast.catalog.exports import Export
from holdfast.catalog.instances import Instance
from holdfast.catalog.runs import Run
from holdfast.clock import now
from holdfast.engine import Interrupted
from holdfast.errors import HoldfastError, InputError, NotFound, StorageError
from holdfast.identity.signatures import Signer
from holdfast.operations import acting, confirmations, events, jobs
from holdfast.operations.browsing import Browser
from holdfast.operations.export import ExportReport, Format, write_export
from holdfast.operations.services import Services
from holdfast.vault.archives import Archive, ArchiveWriter, delete_archives, exports_with_archives, read_archive
from holdfast.vault.keys import derive

FORMATS: tuple[Format, ...] = ("blobs", "csv", "json")
"""In the contract's order."""
_BUFFER_BYTES = 256 * 1024
_PROGRESS_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportRequest:
    """What an export is asked to be. `run_id` wins over `day`; neither means the newest backup."""

    run_id: int | None = None
    day: date | None = None
    formats: tuple[Format, ...] = FORMATS
    content_types: tuple[str, ...] = ()
    """Only blobs of these; none: all."""
    force_full: bool = False
    send_confirmation: bool = True


def request_export(services: Services, instance: Instance, wanted: ExportRequest) -> Export:
    """A queued export, or the one there is of the same backup with the same options, its address renewed.

    Raises InputError where there is no successful backup, none on that day, or no such backup.
    """
    formats = [one for one in FORMATS if one in wanted.formats]
    content_types = ",".join(sorted({one.strip().lower() for one in wanted.content_types}))
    with services.database.write() as connection:
        run = _run(connection, instance, wanted)
        fingerprint = hashlib.sha256(f"{run.id} {' '.join(formats)} {content_types}".encode()).hexdigest()
        found = None if wanted.force_full else exports.reusable(connection, instance.id, fingerprint)
        if found is not None and found.status == "successful":
            exports.set_expiry(connection, found.id, **_expiries(services))
            if wanted.send_confirmation:
                confirmations.enqueue(services, connection, found.id)
        elif found is not None:
            if wanted.send_confirmation:
                exports.want_confirmation(connection, found.id)
        else:
            found = exports.queue(
                connection,
                instance.id,
                run.id,
                formats=formats,
                content_types=content_types or None,
                fingerprint=fingerprint,
                send_confirmation=wanted.send_confirmation,
            )
            services.engine.enqueue(connection, jobs.EXPORT, found.id)
            acting.note_of_instance(
                connection, instance.id, "export.request", "export", found.id, backup_id=run.id, formats=formats
            )
        return exports.get(connection, found.id)


def _run(connection: Connection, instance: Instance, wanted: ExportRequest) -> Run:
    if runs.newest_ended(connection, instance.id, status="successful") is None:
        raise InputError("this instance has no successful backup yet", field="backup_run_id", code="no_backup")
    if wanted.run_id is not None:
        try:
            run = runs.get(connection, wanted.run_id, instance_id=instance.id)
        except NotFound as error:
            raise InputError(str(error), field="backup_run_id", code="not_found") from error
        if run.active:
            raise InputError(f"backup {run.id} has not ended yet", field="backup_run_id", code="not_ended")
        return run
    begin, end = None, None
    if wanted.day is not None:
        begin = datetime(wanted.day.year, wanted.day.month, wanted.day.day, tzinfo=UTC)
        end = begin + timedelta(days=1) - timedelta(microseconds=1)
    found = runs.newest_ended(connection, instance.id, status="successful", since=begin, at=end)
    if found is None:
        raise InputError(
            f"no backup of this instance ended successfully on {wanted.day}", field="export_datetime", code="no_backup"
        )
    return found


def run_export(services: Services, export_id: int) -> None:
    """Make a queued export, or make it anew where a dead worker left it. Does nothing where it has ended.

    Raises Interrupted where this worker stops, and retryable errors. Everything else ends the export and stands in its
    failures.
    """
    with services.database.write() as connection:
        export = exports.start(connection, export_id)
        instance = instances.get(connection, export.instance_id, deleted=True)
    if export.status != "in_progress":
        return
    ids = {"instance": instance.id, "customer": instance.customer_id, "definition": instance.definition_id}
    with tracing.run("export", export=export.id, backup=export.run_id, **ids) as told:
        failures = _made(services, export)
        told.set(status="failed" if failures else "successful")
        if failures:
            told.failed(str(failures[0]["code"]))


def _made(services: Services, export: Export) -> list[dict[str, Any]]:
    """Make the archive and end the export; answers its failures."""
    report, archive, failures = ExportReport(), None, []
    try:
        with services.database.read() as connection:
            instance = instances.get(connection, export.instance_id)
        archive = _write(services, export, instance, report)
        failures = report.failures
    except HoldfastError as error:
        if error.retryable:
            raise
        failures = [*report.failures, _failure(error.code, str(error))]
    except Exception as error:  # noqa: BLE001 - recorded as the export's failure, and in the log
        _log.exception("export %d ended by an error that nobody foresaw", export.id)
        failures = [*report.failures, _failure("internal_error", f"{type(error).__name__}: the log has the details")]
    with services.database.write() as connection:
        exports.set_progress(
            connection,
            export.id,
            records_processed=report.records_processed,
            records_failed=report.records_failed,
        )
        ended = exports.end(
            connection,
            export.id,
            "failed" if failures else "successful",
            failures=failures,
            archive_objects=None if archive is None else [archive.attempt],
            archive_bytes=None if archive is None else archive.size_bytes,
            **({} if archive is None else _expiries(services)),
        )
        if ended:
            export = exports.get(connection, export.id)
            events.export_ended(connection, export, export.archive_bytes)
            if archive is not None and export.send_confirmation:
                confirmations.enqueue(services, connection, export.id)
    return failures


def _write(services: Services, export: Export, instance: Instance, report: ExportReport) -> Archive:
    delete_archives(services.storage, instance.customer_id, export.id)  # what an earlier attempt has left
    browser = Browser(services)
    state = browser.state(instance, backup_id=export.run_id)
    if state is None:
        raise NotFound(f"no backup {export.run_id}")
    told = time.monotonic()

    def tell(so_far: ExportReport) -> None:
        nonlocal told
        report.records_processed, report.records_failed = so_far.records_processed, so_far.records_failed
        report.failures = so_far.failures
        if services.engine.stopping.is_set():
            raise Interrupted
        if time.monotonic() - told > _PROGRESS_S:
            told = time.monotonic()
            with services.database.write() as connection:
                exports.set_progress(
                    connection,
                    export.id,
                    records_processed=so_far.records_processed,
                    records_failed=so_far.records_failed,
                )

    writer = ArchiveWriter(services.vault.customer(instance.customer_id), export.id)
    buffered = io.BufferedWriter(writer, _BUFFER_BYTES)
    done = write_export(
        browser,
        state,
        buffered,
        formats=cast(Sequence[Format], export.formats),
        content_types=(export.content_types or "").split(","),
        about={"export_id": export.id},
        progress=tell,
    )
    buffered.flush()
    tell(done)
    return writer.finish()


def _failure(code: str, message: str) -> dict[str, object]:
    return {"endpoint": None, "page": None, "record_id": None, "code": code, "message": message}


# --- addresses ------------------------------------------------------------------------------------


def renew(services: Services, export: Export) -> Export:
    """The same export with a later expiration. Raises NotFound where it has no data (any more)."""
    with services.database.write() as connection:
        found = exports.get(connection, export.id)
        if archive_of(found) is None:
            raise NotFound(f"export {export.id} has no data", field="export_id")
        exports.set_expiry(connection, export.id, **_expiries(services))
        acting.note_of_instance(connection, export.instance_id, "export.reauth", "export", export.id)
        return exports.get(connection, export.id)


def address(services: Services, export: Export) -> str | None:
    """The path and query where the archive is reached without a token until it expires; None: there is no archive."""
    if archive_of(export) is None or export.url_expires_at is None:
        return None
    expires = int(export.url_expires_at.timestamp())
    signature = _signer(services).sign(f"export {export.id} {expires}")
    return f"/v1/archives/{export.id}?expires={expires}&signature={signature}"


def opened(services: Services, export_id: int, expires: str, signature: str) -> tuple[Export, Archive, int]:
    """What a signed address leads to: export, archive, customer id.

    Raises InputError with the code `signature_invalid` or `address_expired`, NotFound where the archive is gone.
    """
    if not _signer(services).is_valid(f"export {export_id} {expires}", signature):
        raise InputError("this address was not made by this service", code="signature_invalid")
    if now().timestamp() >= int(expires):
        raise InputError(
            "this address has expired",
            code="address_expired",
            hint=f"POST /v1/backup_instances/ID/exports/{export_id}/reauth gives a new one",
        )
    with services.database.read() as connection:
        export = exports.get(connection, export_id)
        instance = instances.get(connection, export.instance_id)
    archive = archive_of(export)
    if archive is None:
        raise NotFound(f"export {export_id} has no data")
    return export, archive, instance.customer_id


def archive_of(export: Export) -> Archive | None:
    """Where the data of an ended export lies; None: there is none, not yet or no longer."""
    if not export.archive_objects or export.archive_bytes is None:
        return None
    return Archive(export.id, export.archive_objects[0], export.archive_bytes)


def read(services: Services, customer_id: int, archive: Archive, start: int, length: int) -> Iterator[bytes]:
    """A range of an archive's bytes."""
    return read_archive(services.vault.customer(customer_id), archive, start, length)


def _expiries(services: Services) -> dict[str, datetime]:
    settings, moment = services.settings, now()
    url_expires_at = moment + timedelta(hours=settings.export_url_hours)
    return {
        # Whole seconds, as the address has them.
        "url_expires_at": url_expires_at.replace(microsecond=0),
        "archive_expires_at": max(moment + timedelta(days=settings.export_days), url_expires_at),
    }


def _signer(services: Services) -> Signer:
    return Signer(derive(services.vault.installation.keys.digest, "sign/export"))


# --- upkeep ---------------------------------------------------------------------------------------


def forget_expired(services: Services) -> int:
    """Delete the archives whose time is over; answers how many."""
    with services.database.read() as connection:
        found = exports.expired(connection, now())
        customer_of = {
            export.id: instances.get(connection, export.instance_id, deleted=True).customer_id for export in found
        }
    for export in found:
        # First out of sight, then gone: nobody is led to half an archive.
        with services.database.write() as connection:
            exports.forget_archive(connection, export.id)
        try:
            delete_archives(services.storage, customer_of[export.id], export.id)
        except StorageError as error:
            if error.code != "storage_refused":
                raise
            # An append-only installation: `prune` deletes them as lost archives.
    return len(found)


def delete_orphans(services: Services) -> int:
    """Delete archives that no export of the catalog has: of attempts that died, or from before a rebuild."""
    count = 0
    for customer_id, export_id in exports_with_archives(services.storage):
        with services.database.read() as connection:
            try:
                export = exports.get(connection, export_id)
                is_wanted = export.status in ("queued", "in_progress") or archive_of(export) is not None
            except NotFound:
                is_wanted = False
        if not is_wanted:
            delete_archives(services.storage, customer_id, export_id)
            count += 1
    return count


def reconcile(services: Services) -> int:
    """Enqueue again every active export that has no live job; answers how many there were."""
    with services.database.read() as connection:
        active = exports.all_active(connection)
    states = services.engine.states(jobs.EXPORT, [export.id for export in active])
    lost = [export for export in active if export.id not in states or not states[export.id].is_live]
    for export in lost:
        _log.info("export %d had stopped before its end: it goes on", export.id)
        services.engine.forget(jobs.EXPORT, export.id)
        with services.database.write() as connection:
            services.engine.enqueue(connection, jobs.EXPORT, export.id)
    return len(lost)
