"""What an instance's backups find on a usual day."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "daily_sums",
        sa.Column("stream", columns.Id, autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("deleted", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "day", name=op.f("pk_daily_sums")),
        sqlite_with_rowid=False,
    )
