"""Fair shares: the turns of queued runs, by vendor and definition."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_turns",
        sa.Column("vendor_id", sa.BigInteger(), nullable=False),
        sa.Column("definition_id", sa.BigInteger(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("vendor_id", "definition_id", name=op.f("pk_queue_turns")),
        sqlite_with_rowid=False,
    )
    op.add_column("runs", sa.Column("turn", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("gave_way", sa.Integer(), nullable=False, server_default="0"))
