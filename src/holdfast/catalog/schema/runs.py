"""Backups under way and ended: their leases, turns and limits, what they list, see, skip, count and owe."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Id, Message, RecordKey, Time
from holdfast.catalog.schema.parts import STATUSES, Json, local_id, metadata, one_of, public_id

runs = Table(
    "runs", metadata, public_id(),
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
    one_of("status", *STATUSES),
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
    "troubles", metadata, public_id(),
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

installation_troubles = Table(
    # The same of what belongs to no instance: what the vault or a replica has lost, a replica that is behind.
    "installation_troubles", metadata, public_id(),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("message", Message, nullable=False),
    Column("began_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("told_at", Time),
    Column("end_told_at", Time),
    Index(
        "uq_installation_troubles_open", "kind", "subject", unique=True,
        sqlite_where=sa.text("ended_at IS NULL"), postgresql_where=sa.text("ended_at IS NULL"),
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
    "endpoint_streams", metadata, local_id(),
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
    "scopes", metadata, local_id(),
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
    one_of("kind", "record", "blob"),
    sqlite_with_rowid=False,
)  # fmt: skip
