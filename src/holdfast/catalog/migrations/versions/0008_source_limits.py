"""Limits of sources that hold over all workers."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "source_limits",
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("ledger", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("used_at", columns.Time(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", name=op.f("pk_source_limits")),
    )
