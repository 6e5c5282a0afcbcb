"""What came of bringing replicas up to date."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replications",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("started_at", columns.Time(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("completed_at", columns.Time(), nullable=True),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("findings", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_replications")),
    )
