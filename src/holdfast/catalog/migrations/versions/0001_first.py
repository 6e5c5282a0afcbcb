"""The first schema.

Generated from `holdfast.catalog.schema` and then frozen: it holds no import of it, which goes on changing.
"""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", columns.Time(), nullable=False),
        sa.Column("actor", columns.Message(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=True),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_vendor_id_id", "audit_entries", ["vendor_id", "id"], unique=False)
    op.create_table(
        "blobs",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("pack", columns.Id, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", columns.Message(), nullable=True),
        sa.Column("name", columns.Message(), nullable=True),
        sa.Column("version", columns.Message(), nullable=True),
        sa.Column("fetched_at", columns.Time(), nullable=False),
        sa.Column("chunks", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blobs")),
        sa.UniqueConstraint("object_id", name=op.f("uq_blobs_object_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_blobs_customer_id_id", "blobs", ["customer_id", "id"], unique=False)
    op.create_index("ix_blobs_instance_id_id", "blobs", ["instance_id", "id"], unique=False)
    op.create_index("ix_blobs_pack", "blobs", ["pack"], unique=False)
    op.create_table(
        "changes",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "run", "record_key", name=op.f("pk_changes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chunks",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("pack", columns.Id, nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "digest", name=op.f("pk_chunks")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_chunks_pack", "chunks", ["pack"], unique=False)
    op.create_table(
        "current",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.Column("scope", columns.Id, nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("run_from", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("compare", sa.LargeBinary(), nullable=True),
        sa.Column("shape", sa.BigInteger(), nullable=False),
        sa.Column("pack", columns.Id, nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("blob", columns.Id, nullable=True),
        sa.PrimaryKeyConstraint("stream", "record_key", name=op.f("pk_current")),
        postgresql_partition_by="HASH (stream)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.Column("run_from", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_to", sa.Integer(), nullable=False),
        sa.Column("scope", columns.Id, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("pack", columns.Id, nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("blob", columns.Id, nullable=True),
        sa.PrimaryKeyConstraint("stream", "record_key", "run_from", name=op.f("pk_history")),
        postgresql_partition_by="HASH (stream)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "packs",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("raw_bytes", sa.BigInteger(), nullable=False),
        sa.Column("contents_only", sa.Boolean(), nullable=False),
        sa.Column("condemned_at", columns.Time(), nullable=True),
        sa.Column("deleting_at", columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packs")),
        sa.UniqueConstraint("object_id", name=op.f("uq_packs_object_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_packs_customer_id"), "packs", ["customer_id"], unique=False)
    op.create_index("ix_packs_instance_id_sequence", "packs", ["instance_id", "sequence"], unique=False)
    op.create_index("ix_packs_run_id_batch", "packs", ["run_id", "batch"], unique=False)
    op.create_table(
        "revision_numbers",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_revision_numbers")),
    )
    op.create_table(
        "vendors",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("disabled_at", columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendors")),
        sa.UniqueConstraint("client_id", name=op.f("uq_vendors_client_id")),
    )
    op.create_table(
        "client_secrets",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("revoked_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendors.id"], name=op.f("fk_client_secrets_vendor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_secrets")),
    )
    op.create_index(op.f("ix_client_secrets_vendor_id"), "client_secrets", ["vendor_id"], unique=False)
    op.create_table(
        "customers",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("deleted_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendors.id"], name=op.f("fk_customers_vendor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
    )
    op.create_index("ix_customers_vendor_id_id", "customers", ["vendor_id", "id"], unique=False)
    op.create_index(
        "uq_customers_vendor_id_name",
        "customers",
        ["vendor_id", "name"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "definitions",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("deleted_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendors.id"], name=op.f("fk_definitions_vendor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definitions")),
    )
    op.create_index("ix_definitions_vendor_id_id", "definitions", ["vendor_id", "id"], unique=False)
    op.create_table(
        "webhooks",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("disabled_at", columns.Time(), nullable=True),
        sa.Column("deleted_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendors.id"], name=op.f("fk_webhooks_vendor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_vendor_id"), "webhooks", ["vendor_id"], unique=False)
    op.create_table(
        "access_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("secret_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("expires_at", columns.Time(), nullable=False),
        sa.Column("revoked_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_access_tokens_customer_id")),
        sa.ForeignKeyConstraint(["secret_id"], ["client_secrets.id"], name=op.f("fk_access_tokens_secret_id")),
        sa.ForeignKeyConstraint(["vendor_id"], ["vendors.id"], name=op.f("fk_access_tokens_vendor_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_access_tokens")),
    )
    op.create_index(op.f("ix_access_tokens_customer_id"), "access_tokens", ["customer_id"], unique=False)
    op.create_index(op.f("ix_access_tokens_expires_at"), "access_tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_access_tokens_secret_id"), "access_tokens", ["secret_id"], unique=False)
    op.create_index(op.f("ix_access_tokens_vendor_id"), "access_tokens", ["vendor_id"], unique=False)
    op.create_table(
        "definition_revisions",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["definitions.id"], name=op.f("fk_definition_revisions_definition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition_revisions")),
        sa.UniqueConstraint("definition_id", "number", name=op.f("uq_definition_revisions_definition_id_number")),
    )
    op.create_table(
        "instances",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("next_due_at", columns.Time(), nullable=True),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("deleted_at", columns.Time(), nullable=True),
        sa.CheckConstraint(
            "frequency IN ('off', 'hourly', 'daily', 'weekly', 'cron')", name=op.f("ck_instances_frequency")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_instances_customer_id")),
        sa.ForeignKeyConstraint(["definition_id"], ["definitions.id"], name=op.f("fk_instances_definition_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
    )
    op.create_index("ix_instances_customer_id_id", "instances", ["customer_id", "id"], unique=False)
    op.create_index("ix_instances_definition_id_id", "instances", ["definition_id", "id"], unique=False)
    op.create_index(
        "ix_instances_next_due_at",
        "instances",
        ["next_due_at"],
        unique=False,
        sqlite_where=sa.text("next_due_at IS NOT NULL"),
        postgresql_where=sa.text("next_due_at IS NOT NULL"),
    )
    op.create_index(
        "uq_instances_customer_id_label",
        "instances",
        ["customer_id", "label"],
        unique=True,
        sqlite_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", columns.Time(), nullable=True),
        sa.Column("last_answer", columns.Message(), nullable=True),
        sa.Column("created_at", columns.Time(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'given_up')", name=op.f("ck_webhook_deliveries_status")),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "event_id", name=op.f("uq_webhook_deliveries_webhook_id_event_id")),
    )
    op.create_index(
        "ix_webhook_deliveries_next_attempt_at",
        "webhook_deliveries",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_webhook_deliveries_webhook_id_id", "webhook_deliveries", ["webhook_id", "id"], unique=False)
    op.create_table(
        "endpoint_streams",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("next_slot", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.BigInteger(), nullable=False),
        sa.Column("state_sum", sa.LargeBinary(), nullable=False),
        sa.Column("first_run", sa.Integer(), nullable=False),
        sa.Column("last_run", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_endpoint_streams_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoint_streams")),
        sa.UniqueConstraint("instance_id", "endpoint", name=op.f("uq_endpoint_streams_instance_id_endpoint")),
    )
    op.create_table(
        "instance_variables",
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_instance_variables_instance_id")),
        sa.PrimaryKeyConstraint("instance_id", "key", name=op.f("pk_instance_variables")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leases",
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("ttl_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", columns.Time(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_leases_instance_id")),
        sa.PrimaryKeyConstraint("instance_id", name=op.f("pk_leases")),
    )
    op.create_table(
        "log_entries",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("logged_at", columns.Time(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.Column("fields", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_log_entries_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_entries")),
    )
    op.create_index(
        "ix_log_entries_instance_id_logged_at_id", "log_entries", ["instance_id", "logged_at", "id"], unique=False
    )
    op.create_table(
        "runs",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("queued_at", columns.Time(), nullable=False),
        sa.Column("started_at", columns.Time(), nullable=True),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("cancel_requested_at", columns.Time(), nullable=True),
        sa.Column("definition_revision_id", sa.BigInteger(), nullable=True),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("failures", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("counters", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'in_progress', 'successful', 'failed', 'canceled')", name=op.f("ck_runs_status")
        ),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_runs_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("instance_id", "sequence", name=op.f("uq_runs_instance_id_sequence")),
    )
    op.create_index("ix_runs_instance_id_ended_at", "runs", ["instance_id", "ended_at"], unique=False)
    op.create_index(
        "uq_runs_active",
        "runs",
        ["instance_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('queued', 'in_progress')"),
        postgresql_where=sa.text("status IN ('queued', 'in_progress')"),
    )
    op.create_table(
        "usage",
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("records_read", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("bytes_stored", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_usage_instance_id")),
        sa.PrimaryKeyConstraint("instance_id", "day", name=op.f("pk_usage")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "debts",
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope", columns.Id, nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_run", sa.Integer(), nullable=False),
        sa.Column("last_run", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('record', 'blob')", name=op.f("ck_debts_kind")),
        sa.ForeignKeyConstraint(["stream"], ["endpoint_streams.id"], name=op.f("fk_debts_stream")),
        sa.PrimaryKeyConstraint("stream", "record_key", "kind", name=op.f("pk_debts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "endpoint_counts",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("live", sa.BigInteger(), nullable=False),
        sa.Column("listed", sa.BigInteger(), nullable=False),
        sa.Column("new", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("unchanged", sa.BigInteger(), nullable=False),
        sa.Column("repeated", sa.BigInteger(), nullable=False),
        sa.Column("moved", sa.BigInteger(), nullable=False),
        sa.Column("tombstones", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("bytes_read", sa.BigInteger(), nullable=False),
        sa.Column("blobs", sa.BigInteger(), nullable=False),
        sa.Column("blob_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state_sum", sa.LargeBinary(), nullable=False),
        sa.Column("first_key", columns.RecordKey(), nullable=True),
        sa.Column("last_key", columns.RecordKey(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_endpoint_counts_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", name=op.f("pk_endpoint_counts")),
    )
    op.create_index("uq_endpoint_counts_stream_sequence", "endpoint_counts", ["stream", "sequence"], unique=True)
    op.create_table(
        "exports",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("formats", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("content_types", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("send_confirmation", sa.Boolean(), nullable=False),
        sa.Column("queued_at", columns.Time(), nullable=False),
        sa.Column("started_at", columns.Time(), nullable=True),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("failures", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("records_processed", sa.BigInteger(), nullable=False),
        sa.Column("records_failed", sa.BigInteger(), nullable=False),
        sa.Column("archive_objects", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("archive_bytes", sa.BigInteger(), nullable=True),
        sa.Column("url_expires_at", columns.Time(), nullable=True),
        sa.Column("archive_expires_at", columns.Time(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'in_progress', 'successful', 'failed', 'canceled')", name=op.f("ck_exports_status")
        ),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_exports_instance_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_exports_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exports")),
    )
    op.create_index(
        "ix_exports_archive_expires_at",
        "exports",
        ["archive_expires_at"],
        unique=False,
        sqlite_where=sa.text("archive_expires_at IS NOT NULL"),
        postgresql_where=sa.text("archive_expires_at IS NOT NULL"),
    )
    op.create_index("ix_exports_instance_id_fingerprint", "exports", ["instance_id", "fingerprint"], unique=False)
    op.create_index("ix_exports_instance_id_id", "exports", ["instance_id", "id"], unique=False)
    op.create_table(
        "scopes",
        sa.Column("id", columns.Id, autoincrement=True, nullable=False),
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("parent_key", columns.RecordKey(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("live", sa.BigInteger(), nullable=False),
        sa.Column("last_full_run", sa.Integer(), nullable=True),
        sa.Column("last_full_at", columns.Time(), nullable=True),
        sa.Column("last_complete_run", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["stream"], ["endpoint_streams.id"], name=op.f("fk_scopes_stream")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scopes")),
        sa.UniqueConstraint("stream", "parent_key", name=op.f("uq_scopes_stream_parent_key")),
    )
    op.create_table(
        "seen",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("slots", sa.LargeBinary(), nullable=False),
        sa.Column("strays", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_seen_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", "batch", name=op.f("pk_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", columns.Time(), nullable=False),
        sa.Column("destroyed", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_vendor_id"), "erasures", ["vendor_id"], unique=False)
    op.create_table(
        "forgotten_runs",
        sa.Column("instance_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("forgotten_at", columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "sequence", name=op.f("pk_forgotten_runs")),
    )
    op.create_table(
        "locks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("ttl_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_locks")),
    )
    op.create_table(
        "orphans",
        sa.Column("object_name", sa.Text(), nullable=False),
        sa.Column("seen_at", columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("object_name", name=op.f("pk_orphans")),
    )
    op.create_table(
        "pack_references",
        sa.Column("pack", columns.Id, autoincrement=False, nullable=False),
        sa.Column("target", columns.Id, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("pack", "target", name=op.f("pk_pack_references")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pack_references_target", "pack_references", ["target"], unique=False)
    op.create_table(
        "retention_policies",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("changed_at", columns.Time(), nullable=False),
        sa.CheckConstraint("kind IN ('vendor', 'customer', 'instance')", name=op.f("ck_retention_policies_kind")),
        sa.PrimaryKeyConstraint("kind", "object_id", name=op.f("pk_retention_policies")),
    )
    op.create_table(
        "verifications",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("started_at", columns.Time(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("options", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", columns.Message(), nullable=False),
        sa.Column("placed_at", columns.Time(), nullable=False),
        sa.Column("released_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_legal_holds_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index(op.f("ix_legal_holds_customer_id"), "legal_holds", ["customer_id"], unique=False)

    if op.get_context().dialect.name == "postgresql":
        for table in ("current", "history"):
            for part in range(64):
                op.execute(
                    f"CREATE TABLE {table}_{part:02} PARTITION OF {table} "
                    f"FOR VALUES WITH (MODULUS 64, REMAINDER {part})"
                )
        op.execute(
            "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries "
            "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
        )
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{change.lower()} BEFORE {change} ON audit_entries "
                "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
            )
