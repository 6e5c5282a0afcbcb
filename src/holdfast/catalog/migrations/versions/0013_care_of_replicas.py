"""Troubles of the installation, which belong to no instance; up to when a replica is known to follow the vault."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installation_troubles",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.Column("began_at", columns.Time(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("told_at", columns.Time(), nullable=True),
        sa.Column("end_told_at", columns.Time(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation_troubles")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_installation_troubles_open", "installation_troubles", ["kind", "subject"], unique=True,
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.add_column("replications", sa.Column("follows_until", columns.Time(), nullable=True))
    op.add_column("replications", sa.Column("compared_at", columns.Time(), nullable=True))
