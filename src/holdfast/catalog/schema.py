"""Every table of the catalog. The migrations make them; a test compares the two.

Public ids (`_id`) come from `holdfast.ids`; local ones (`_local_id`) from the database, and never leave the process:
streams, scopes, packs and blobs stand in millions of rows, so their numbers are short. The big tables carry no foreign
keys: a look-up for every inserted record would cost as much as the record.
"""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Id, Message, RecordKey, Time

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Json = sa.JSON(none_as_null=True)

PARTITIONS = 64
"""Hash partitions of `current` and `history` on PostgreSQL, by stream: vacuum, locks and rebuilt indexes stay small."""


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


def _local_id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    allowed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({allowed})", name=column)


# --- who ------------------------------------------------------------------------------------------

vendors = Table(
    "vendors", metadata, _id(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("client_id", Text, nullable=False, unique=True),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
)  # fmt: skip

client_secrets = Table(
    "client_secrets", metadata, _id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),  # the masked form that may be shown
    Column("created_at", Time, nullable=False),
    Column("revoked_at", Time),
)  # fmt: skip

access_tokens = Table(
    "access_tokens", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), index=True),
    Column("secret_id", BigInteger, ForeignKey("client_secrets.id"), index=True),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    Column("revoked_at", Time),
)  # fmt: skip

customers = Table(
    "customers", metadata, _id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_customers_vendor_id_id", "vendor_id", "id"),
    Index(
        "uq_customers_vendor_id_name", "vendor_id", "name", unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"), postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)  # fmt: skip

# --- what is backed up ----------------------------------------------------------------------------

definitions = Table(
    "definitions", metadata, _id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("revision_id", BigInteger),  # the newest of definition_revisions; null: it has no document yet
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_definitions_vendor_id_id", "vendor_id", "id"),
)  # fmt: skip

definition_revisions = Table(
    "definition_revisions", metadata, _id(),
    Column("definition_id", BigInteger, ForeignKey("definitions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    sa.UniqueConstraint("definition_id", "number"),
)  # fmt: skip

instances = Table(
    "instances", metadata, _id(),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), nullable=False),
    Column("definition_id", BigInteger, ForeignKey("definitions.id"), nullable=False),
    Column("label", Text),
    Column("frequency", Text, nullable=False),
    Column("cron", Text),
    Column("time_zone", Text),
    Column("next_due_at", Time),
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    _one_of("frequency", "off", "hourly", "daily", "weekly", "cron"),
    Index("ix_instances_customer_id_id", "customer_id", "id"),
    Index("ix_instances_definition_id_id", "definition_id", "id"),
    Index(
        "uq_instances_customer_id_label", "customer_id", "label", unique=True,
        sqlite_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
    ),
    Index(
        "ix_instances_next_due_at", "next_due_at",
        sqlite_where=sa.text("next_due_at IS NOT NULL"), postgresql_where=sa.text("next_due_at IS NOT NULL"),
    ),
)  # fmt: skip

instance_variables = Table(
    "instance_variables", metadata,
    Column("instance_id", BigInteger, ForeignKey("instances.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- runs -----------------------------------------------------------------------------------------

_RUN_STATUSES = ("queued", "in_progress", "successful", "failed", "canceled")

runs = Table(
    "runs", metadata, _id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("queued_at", Time, nullable=False),
    Column("started_at", Time),
    Column("ended_at", Time),
    Column("cancel_requested_at", Time),
    Column("definition_revision_id", BigInteger),
    Column("options", Json, nullable=False),
    Column("failures", Json, nullable=False),
    Column("counters", Json, nullable=False),
    Column("manifest", LargeBinary),  # what an ending run has decided to put into the vault, until it has ended
    Column("worker", Text),
    Column("turn", BigInteger, nullable=False, server_default="0"),  # its place in the queue
    Column("gave_way", Integer, nullable=False, server_default="0"),  # so often it let others go first
    _one_of("status", *_RUN_STATUSES),
    sa.UniqueConstraint("instance_id", "sequence"),
    Index("ix_runs_instance_id_ended_at", "instance_id", "ended_at"),
    Index(
        "uq_runs_active", "instance_id", unique=True,
        sqlite_where=sa.text("status IN ('queued', 'in_progress')"),
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    ),
)  # fmt: skip

leases = Table(
    "leases", metadata,
    Column("instance_id", BigInteger, ForeignKey("instances.id"), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("ttl_us", BigInteger, nullable=False),
    Column("expires_at", Time, nullable=False),
)  # fmt: skip

troubles = Table(
    # What is wrong with an instance, of which people are told once when it begins and once when it is over.
    "troubles", metadata, _id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("began_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("told_at", Time),
    Column("end_told_at", Time),
    Index(
        "uq_troubles_open", "instance_id", "kind", "subject", unique=True,
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
    ),
    Index(
        "ix_troubles_untold", "id",
        sqlite_where=sa.text("told_at IS NULL OR end_told_at IS NULL"),
        postgresql_where=sa.text("told_at IS NULL OR end_told_at IS NULL"),
    ),
)  # fmt: skip

queue_turns = Table(
    # The last turn that was given out to a vendor's runs of a definition; (0, 0): that of the run begun last.
    "queue_turns", metadata,
    Column("vendor_id", BigInteger, primary_key=True, autoincrement=False),
    Column("definition_id", BigInteger, primary_key=True, autoincrement=False),
    Column("turn", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

source_limits = Table(
    # What the runs of one credential have been given of its limits, by a keyed digest of address and credential.
    "source_limits", metadata,
    Column("bucket", Text, primary_key=True),
    Column("ledger", Json, nullable=False),
    Column("used_at", Time, nullable=False),
)  # fmt: skip

streams = Table(
    # Not `streams`: DBOS has a table of that name, in the same SQLite file.
    "endpoint_streams", metadata, _local_id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("description", Text),
    Column("next_slot", BigInteger, nullable=False),
    Column("live", BigInteger, nullable=False),
    Column("state_sum", LargeBinary, nullable=False),
    Column("first_run", Integer, nullable=False),  # sequence; later runs leave rows in `changes`
    Column("last_run", Integer, nullable=False),  # sequence of the last run that changed a record; 0: none did
    Column("oldest_blob_at", Time),  # no blob of the current records was asked for before; null: nobody has looked
    Column("blob_declaration", Text),  # what the definition said of them; empty: it had none; null: unknown
    sa.UniqueConstraint("instance_id", "endpoint"),
)  # fmt: skip

scopes = Table(
    "scopes", metadata, _local_id(),
    Column("stream", Id, ForeignKey("endpoint_streams.id"), nullable=False),
    Column("parent_key", RecordKey, nullable=False),
    Column("fingerprint", Text),
    Column("cursor", Text),
    Column("live", BigInteger, nullable=False),
    Column("last_full_run", Integer),
    Column("last_full_at", Time),
    Column("last_complete_run", Integer),
    Column("run_id", BigInteger),  # the run that `state` and `checkpoint` belong to
    Column("state", Text),
    Column("checkpoint", Json),
    Column("memory", Json),  # kept from run to run: when it was swept, the cursor of its list of deletions
    sa.UniqueConstraint("stream", "parent_key"),
)  # fmt: skip

seen = Table(
    "seen", metadata,
    Column("run_id", BigInteger, ForeignKey("runs.id"), primary_key=True),
    Column("stream", Id, primary_key=True),
    Column("batch", Integer, primary_key=True),
    Column("slots", LargeBinary, nullable=False),
    Column("strays", Json),  # by record key: [its scope, the scope it was seen in], or null: it is one no longer
    sqlite_with_rowid=False,
)  # fmt: skip

skips = Table(
    "skips", metadata,
    Column("run_id", BigInteger, ForeignKey("runs.id"), primary_key=True),
    Column("stream", Id, primary_key=True),
    Column("parent_key", RecordKey, primary_key=True),
    Column("record_id", RecordKey, primary_key=True),
    Column("code", Text, nullable=False),
    Column("message", Message, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

endpoint_counts = Table(
    "endpoint_counts", metadata,
    Column("run_id", BigInteger, ForeignKey("runs.id"), primary_key=True),
    Column("stream", Id, primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    *(
        Column(name, BigInteger, nullable=False)
        for name in ("live", "listed", "new", "changed", "unchanged", "repeated", "moved", "tombstones", "deleted",
                     "held", "skipped", "pages", "requests", "bytes_read", "blobs", "blob_bytes")
    ),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in ("lost", "absent")),
    Column("state_sum", LargeBinary, nullable=False),
    Column("first_key", RecordKey),
    Column("last_key", RecordKey),
    Index("uq_endpoint_counts_stream_sequence", "stream", "sequence", unique=True),
)  # fmt: skip

debts = Table(
    "debts", metadata,
    Column("stream", Id, ForeignKey("endpoint_streams.id"), primary_key=True),
    Column("record_key", RecordKey, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("scope", Id),
    Column("cause", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("first_run", Integer, nullable=False),
    Column("last_run", Integer, nullable=False),
    _one_of("kind", "record", "blob"),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- records and where their bytes stand ----------------------------------------------------------


def _place() -> tuple[Column[int], ...]:
    return (
        Column("pack", Id, nullable=False),
        Column("frame", Integer, nullable=False),
        Column("start", Integer, nullable=False),
        Column("length", Integer, nullable=False),
    )


packs = Table(
    "packs", metadata, _local_id(),
    Column("object_id", Text, nullable=False, unique=True),
    Column("customer_id", BigInteger, nullable=False, index=True),  # 0: the installation's
    Column("instance_id", BigInteger, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),  # what its frames hold once decoded
    Column("contents_only", Boolean, nullable=False),  # its record versions no longer apply, its chunks and blobs do
    Column("condemned_at", Time),  # prune is emptying it: nothing new may rely on it
    Column("deleting_at", Time),  # nothing relies on it any more
    Index("ix_packs_run_id_batch", "run_id", "batch"),
    Index("ix_packs_instance_id_sequence", "instance_id", "sequence"),
    # A pack that was pruned keeps its number, so that no row can ever mean another one's bytes.
    sqlite_autoincrement=True,
)  # fmt: skip

pack_references = Table(
    # Which packs have record versions whose bytes stand in which others.
    "pack_references", metadata,
    Column("pack", Id, primary_key=True, autoincrement=False),
    Column("target", Id, primary_key=True, autoincrement=False),
    Index("ix_pack_references_target", "target"),
    sqlite_with_rowid=False,
)  # fmt: skip

current = Table(
    "current", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    Column("scope", Id),
    Column("slot", BigInteger, nullable=False),
    Column("run_from", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("compare", LargeBinary),
    Column("shape", BigInteger, nullable=False),
    *_place(),
    Column("blob", Id),
    sqlite_with_rowid=False, postgresql_partition_by="HASH (stream)",
)  # fmt: skip

history = Table(
    "history", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    Column("run_from", Integer, primary_key=True, autoincrement=False),
    Column("run_to", Integer, nullable=False),
    Column("scope", Id),
    Column("digest", LargeBinary, nullable=False),
    *_place(),
    Column("blob", Id),
    sqlite_with_rowid=False, postgresql_partition_by="HASH (stream)",
)  # fmt: skip

changes = Table(
    # One row for each record that a run after the stream's first one wrote or deleted: what two backups differ in costs
    # what has changed, and an unchanged record costs nothing here.
    "changes", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("record_key", RecordKey, primary_key=True),
    sqlite_with_rowid=False,
)  # fmt: skip

blobs = Table(
    "blobs", metadata, _local_id(),
    Column("object_id", Text, nullable=False, unique=True),
    Column("customer_id", BigInteger, nullable=False),
    Column("instance_id", BigInteger, nullable=False),  # whose records have it; chunks are shared, blobs are not
    Column("pack", Id, nullable=False),  # the one that describes it
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("content_type", Message),
    Column("name", Message),
    Column("version", Message),
    Column("fetched_at", Time, nullable=False),
    Column("chunks", LargeBinary, nullable=False),  # their digests, 16 bytes each, in order
    Index("ix_blobs_customer_id_id", "customer_id", "id"),
    Index("ix_blobs_instance_id_id", "instance_id", "id"),
    Index("ix_blobs_pack", "pack"),
    sqlite_autoincrement=True,
)  # fmt: skip

partial_blobs = Table(
    "partial_blobs", metadata,
    Column("stream", Id, ForeignKey("endpoint_streams.id"), primary_key=True),
    Column("record_key", RecordKey, primary_key=True),
    Column("etag", Message, nullable=False),
    Column("modified", Message, nullable=False),
    Column("size_bytes", BigInteger),
    Column("chunks", LargeBinary, nullable=False),  # the digests of those that are stored, from the beginning on
    sqlite_with_rowid=False,
)  # fmt: skip

chunks = Table(
    "chunks", metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    *_place(),
    Index("ix_chunks_pack", "pack"),
    sqlite_with_rowid=False,
)  # fmt: skip

# --- what goes away -------------------------------------------------------------------------------

retention_policies = Table(
    "retention_policies", metadata,
    Column("kind", Text, primary_key=True),  # vendor, customer or instance
    Column("object_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rules", Json, nullable=False),
    Column("changed_at", Time, nullable=False),
    _one_of("kind", "vendor", "customer", "instance"),
)  # fmt: skip

legal_holds = Table(
    "legal_holds", metadata, _id(),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), nullable=False, index=True),
    Column("instance_id", BigInteger),  # null: all of the customer's
    Column("run_id", BigInteger),  # null: all of the instance's
    Column("reason", Message, nullable=False),
    Column("placed_at", Time, nullable=False),
    Column("released_at", Time),
)  # fmt: skip

forgotten_runs = Table(
    # Runs that prune has dropped from the catalog and has yet to drop from the vault.
    "forgotten_runs", metadata,
    Column("instance_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("run_id", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("ended_at", Time),
    Column("forgotten_at", Time, nullable=False),
)  # fmt: skip

erasures = Table(
    "erasures", metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("vendor_id", BigInteger, nullable=False, index=True),
    Column("requested_at", Time, nullable=False),
    Column("destroyed", Json, nullable=False),  # the keys, as they were destroyed
    Column("ended_at", Time),
    Column("certificate", LargeBinary),
)  # fmt: skip

locks = Table(
    # As `leases`, for work on the vault as a whole.
    "locks", metadata,
    Column("name", Text, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("ttl_us", BigInteger, nullable=False),
    Column("expires_at", Time, nullable=False),
)  # fmt: skip

orphans = Table(
    # Packs in the vault that no row knows: left by a write that was broken off, deleted once they are old.
    "orphans", metadata,
    Column("object_name", Text, primary_key=True),
    Column("seen_at", Time, nullable=False),
)  # fmt: skip

verifications = Table(
    "verifications", metadata, _id(),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("options", Json, nullable=False),
    Column("position", Text, nullable=False),  # the last pack whose data was proved
    Column("objects", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("findings", Json, nullable=False),
)  # fmt: skip

replications = Table(
    # What came of bringing the replicas up to date: the newest of each stands here.
    "replications", metadata,
    Column("url", Text, primary_key=True),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),  # none: it is under way, or was broken off
    Column("completed_at", Time),  # when the replica last had everything
    Column("objects", BigInteger, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("findings", Json, nullable=False),
)  # fmt: skip

known_fields = Table(
    # Every field of a stream's records, at the record that had it first: what the change feed tells of new ones. By
    # keyed digest, since names of fields may be as private as what stands in them.
    "known_fields", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("field", LargeBinary, primary_key=True),
    Column("parent", LargeBinary, nullable=False),  # the field it stands in
    Column("run", Integer, nullable=False),
    Column("record_key", RecordKey, nullable=False),
    Index("ix_known_fields_stream_run_record_key", "stream", "run", "record_key"),
    sqlite_with_rowid=False,
)  # fmt: skip

fields_learned = Table(
    # Up to where, in the order of the change feed, a stream's records have been looked through for fields.
    "fields_learned", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("run", Integer, nullable=False),
    Column("record_key", RecordKey),  # null: all of this run's changes
)  # fmt: skip

daily_sums = Table(
    # How many records a stream's backups found deleted and changed on a day (UTC): what later ones are measured by.
    # Kept when the backups are pruned; what raised an alarm is not in it.
    "daily_sums", metadata,
    Column("stream", Id, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),  # days since 1970-01-01
    Column("deleted", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

alarms = Table(
    "alarms", metadata, _id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("figures", Json, nullable=False),
    Column("raised_at", Time, nullable=False),
    Column("acknowledged_at", Time),
    Column("acknowledged_by", Message),
    Index("ix_alarms_instance_id_id", "instance_id", "id"),
    Index("uq_alarms_run_id_endpoint_kind", "run_id", "endpoint", "kind", unique=True),
)  # fmt: skip

# --- what goes out --------------------------------------------------------------------------------

revision_numbers = Table(
    "revision_numbers", metadata,
    Column("kind", Text, primary_key=True),
    Column("object_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip

outbox = Table(
    "outbox", metadata, _local_id(),
    Column("kind", Text, nullable=False),
    Column("object_id", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False),  # 0: the installation's
    Column("payload", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
    sqlite_autoincrement=True,
)  # fmt: skip

exports = Table(
    "exports", metadata, _id(),
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
    _one_of("status", *_RUN_STATUSES),
    Index("ix_exports_instance_id_id", "instance_id", "id"),
    Index("ix_exports_instance_id_fingerprint", "instance_id", "fingerprint"),
    Index(
        "ix_exports_archive_expires_at", "archive_expires_at",
        sqlite_where=sa.text("archive_expires_at IS NOT NULL"),
        postgresql_where=sa.text("archive_expires_at IS NOT NULL"),
    ),
)  # fmt: skip

restores = Table(
    "restores", metadata, _id(),
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
    _one_of("status", *_RUN_STATUSES),
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
    "log_entries", metadata, _id(),
    Column("instance_id", BigInteger, ForeignKey("instances.id"), nullable=False),
    Column("logged_at", Time, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("fields", Json, nullable=False),
    Index("ix_log_entries_instance_id_logged_at_id", "instance_id", "logged_at", "id"),
)  # fmt: skip

audit_entries = Table(
    "audit_entries", metadata, _id(),
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
    "webhooks", metadata, _id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("events", Json, nullable=False),  # their names; an empty list: all
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
    Column("deleted_at", Time),
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata, _id(),
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
    _one_of("status", "pending", "delivered", "given_up"),
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
