"""Alarms of runs, and the fields that an instance's records are known to have."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.Column("figures", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("raised_at", columns.Time(), nullable=False),
        sa.Column("acknowledged_at", columns.Time(), nullable=True),
        sa.Column("acknowledged_by", columns.Message(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_alarms_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_index("ix_alarms_instance_id_id", "alarms", ["instance_id", "id"], unique=False)
    op.create_index("uq_alarms_run_id_endpoint_kind", "alarms", ["run_id", "endpoint", "kind"], unique=True)
    op.create_table(
        "known_fields",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("field", sa.LargeBinary(), nullable=False),
        sa.Column("parent", sa.LargeBinary(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "field", name=op.f("pk_known_fields")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_known_fields_stream_run_record_key", "known_fields", ["stream", "run", "record_key"], unique=False
    )
    op.create_table(
        "fields_learned",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=True),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_fields_learned")),
    )
