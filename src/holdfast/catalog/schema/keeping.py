"""What is kept, let go, checked and copied; what was learned about the data; alarms."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Id, Message, RecordKey, Time
from holdfast.catalog.schema.parts import Json, metadata, one_of, public_id

retention_policies = Table(
    "retention_policies", metadata,
    Column("kind", Text, primary_key=True),  # vendor, customer or instance
    Column("object_id", BigInteger, primary_key=True, autoincrement=False),
    Column("rules", Json, nullable=False),
    Column("changed_at", Time, nullable=False),
    one_of("kind", "vendor", "customer", "instance"),
)  # fmt: skip

legal_holds = Table(
    "legal_holds", metadata, public_id(),
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
    "verifications", metadata, public_id(),
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
    Column("follows_until", Time),  # what was in the vault by then, the replica has
    Column("compared_at", Time),  # when that was last found out by looking at every customer
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
    "alarms", metadata, public_id(),
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
