"""Blobs that are asked for again, and large ones whose download goes on after a crash."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("endpoint_streams", sa.Column("oldest_blob_at", columns.Time(), nullable=True))
    op.create_table(
        "partial_blobs",
        sa.Column("stream", columns.Id, nullable=False),
        sa.Column("record_key", columns.RecordKey(), nullable=False),
        sa.Column("etag", columns.Message(), nullable=False),
        sa.Column("modified", columns.Message(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("chunks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream"], ["endpoint_streams.id"], name=op.f("fk_partial_blobs_stream")),
        sa.PrimaryKeyConstraint("stream", "record_key", name=op.f("pk_partial_blobs")),
        sqlite_with_rowid=False,
    )
