"""What a running backup has skipped, and the counts that make those of a receipt add up."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "skips",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("parent_key", columns.RecordKey(), nullable=False),
        sa.Column("record_id", columns.RecordKey(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_skips_run_id")),
        sa.PrimaryKeyConstraint("run_id", "stream", "parent_key", "record_id", name=op.f("pk_skips")),
        sqlite_with_rowid=False,
    )
    for name in ("lost", "absent"):
        op.add_column("endpoint_counts", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
