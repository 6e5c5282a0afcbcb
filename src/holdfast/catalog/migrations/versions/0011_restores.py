"""Restores: their journal, and what ids have become."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = sa.JSON(none_as_null=True)
    op.create_table(
        "restores",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("options", json, nullable=False),
        sa.Column("plan", json, nullable=True),
        sa.Column("decided", json, nullable=False),
        sa.Column("counters", json, nullable=False),
        sa.Column("failures", json, nullable=False),
        sa.Column("queued_at", columns.Time(), nullable=False),
        sa.Column("started_at", columns.Time(), nullable=True),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("cancel_requested_at", columns.Time(), nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'in_progress', 'successful', 'failed', 'canceled')", name=op.f("ck_restores_status")
        ),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_restores_instance_id")),
        sa.ForeignKeyConstraint(["target_id"], ["instances.id"], name=op.f("fk_restores_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )
    op.create_index("ix_restores_instance_id_id", "restores", ["instance_id", "id"], unique=False)
    op.create_index("ix_restores_target_id", "restores", ["target_id"], unique=False)
    op.create_table(
        "restore_records",
        sa.Column("restore_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("parent_key", columns.RecordKey(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("target_id", columns.RecordKey(), nullable=True),
        sa.Column("seen", json, nullable=True),
        sa.Column("message", columns.Message(), nullable=True),
        sa.Column("differences", json, nullable=True),
        sa.PrimaryKeyConstraint("restore_id", "endpoint", "record_key", name=op.f("pk_restore_records")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_restore_records_instance_id", "restore_records", ["instance_id"], unique=False)
    op.create_index(
        "ix_restore_records_restore_id_endpoint_place", "restore_records", ["restore_id", "endpoint", "place"],
        unique=False,
    )  # fmt: skip
    op.create_table(
        "restore_mappings",
        sa.Column("instance_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("target_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("old", columns.RecordKey(), nullable=False),
        sa.Column("new", columns.RecordKey(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instance_id", "target_id", "endpoint", "field", "old", name=op.f("pk_restore_mappings")
        ),
        sqlite_with_rowid=False,
    )
