"""What leaves the catalog: revisions, exports, restores, logs, webhooks, usage."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Message, RecordKey, Time
from holdfast.catalog.schema.parts import STATUSES, Json, local_id, metadata, one_of, public_id

revision_numbers = Table(
    "revision_numbers", metadata,
    Column("kind", Text, primary_key=True),
    Column("object_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip

outbox = Table(
    "outbox", metadata, local_id(),
    Column("kind", Text, nullable=False),
    Column("object_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),  # 0: the installation's
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

exports = Table(
    "exports", metadata, public_id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("formats", Json, nullable=False),
    Column("content_types", Text),
    Column("fingerprint", Text, nullable=False),  # of run and options: equal ones share an archive
    Column("send_confirmation", Boolean, nullable=False),
    Column("queued_at", Time, nullable=False),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("failures", Json, nullable=False),
    Column("records_processed", BigInteger, nullable=False),
    Column("records_failed", BigInteger, nullable=False),
    Column("archive_objects", Json),  # names in the vault, in order
    Column("archive_bytes", BigInteger),
    Column("url_expires_at", Time),
    Column("archive_expires_at", Time),
    one_of("status", *STATUSES),
    Index("ix_exports_instance_id_id", "instance_id", "id"),
    Index("ix_exports_instance_id_fingerprint", "instance_id", "fingerprint"),
    Index(
        "ix_exports_archive_expires_at", "archive_expires_at",
        sqlite_where=sa.text("archive_expires_at IS NOT NULL"),
        postgresql_where=sa.text("archive_expires_at IS NOT NULL"),
    ),
)  # fmt: skip

restores = Table(
    "restores", metadata, public_id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),  # whose backup it is
    Column("target_id", BigInteger, ForeignKey("instances.id"), nullable=False),  # whose source is written to
    Column("run_id", BigInteger, nullable=False),  # outlives the run, which may be pruned once it has ended
    Column("sequence", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("options", Json, nullable=False),
    Column("plan", Json),
    Column("decided", Json, nullable=False),  # the endpoints of which it is decided what to do with each record
    Column("counters", Json, nullable=False),
    Column("failures", Json, nullable=False),
    Column("queued_at", Time, nullable=False),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("cancel_requested_at", Time),
    one_of("status", *STATUSES),
    Index("ix_restores_instance_id_id", "instance_id", "id"),
    Index("ix_restores_target_id", "target_id"),
)  # fmt: skip

restore_records = Table(
    # The journal of a restore: what is to be done with each record, that it is about to be done, and what came of it.
    "restore_records", metadata,
    Column("restore_id", BigInteger, primary_key=True, autoincrement=False),
    Column("endpoint", Text, primary_key=True),
    Column("record_key", RecordKey, primary_key=True),
    Column("instance_id", BigInteger, nullable=False, index=True),
    Column("place", BigInteger, nullable=False),  # the order in which they are done, within the endpoint
    Column("parent_key", RecordKey, nullable=False),
    Column("action", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("target_id", RecordKey),  # the record's id at the target
    Column("seen", Json),  # ids of those that looked like it before it was written
    Column("message", Message),
    Column("differences", Json),
    Index("ix_restore_records_restore_id_endpoint_place", "restore_id", "endpoint", "place"),
    sqlite_with_rowid=False,
)  # fmt: skip

restore_mappings = Table(
    # What a field of a restored record has become: ids that the source assigned anew, and what else others refer to.
    "restore_mappings", metadata,
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    Column("target_id", BigInteger, primary_key=True, autoincrement=False),
    Column("endpoint", Text, primary_key=True),
    Column("field", Text, primary_key=True),  # empty: the id
    Column("old", RecordKey, primary_key=True),
    Column("new", RecordKey, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

log_entries = Table(
    "log_entries", metadata, public_id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("logged_at", Time, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("fields", Json, nullable=False),
    Index("ix_log_entries_instance_id_logged_at_id", "instance_id", "logged_at", "id"),
)  # fmt: skip

audit_entries = Table(
    "audit_entries", metadata, public_id(),
    Column("vendor_id", BigInteger, nullable=False),
    Column("happened_at", Time, nullable=False),
    Column("actor", Message, nullable=False),
    Column("action", Text, nullable=False),
    Column("object_kind", Text, nullable=False),
    Column("object_id", BigInteger),
    Column("fields", Json, nullable=False),
    Index("ix_audit_entries_vendor_id_id", "vendor_id", "id"),
)  # fmt: skip

webhooks = Table(
    "webhooks", metadata, public_id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("events", Json, nullable=False),  # their names; an empty list: all
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
    Column("deleted_at", Time),
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata, public_id(),
    Column("webhook_id", BigInteger, ForeignKey("webhooks.id"), nullable=False),
    Column("event_id", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Time),
    Column("last_answer", Message),
    Column("created_at", Time, nullable=False),
    Column("ended_at", Time),
    one_of("status", "pending", "delivered", "given_up"),
    sa.UniqueConstraint("webhook_id", "event_id"),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    Index(
        "ix_webhook_deliveries_next_attempt_at", "next_attempt_at",
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"), postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    ),
)  # fmt: skip

usage = Table(
    "usage", metadata,
    Column("instance_id", BigInteger, ForeignKey("instances.id"), primary_key=True),
    Column("day", Text, primary_key=True),  # YYYY-MM-DD, UTC
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("runs", "requests", "records_read", "bytes_read", "bytes_stored")
    ),
    sqlite_with_rowid=False,
)  # fmt: skip
