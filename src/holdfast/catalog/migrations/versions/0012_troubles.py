"""Troubles: what people are told of, once."""

import sqlalchemy as sa
from alembic import op

from holdfast.catalog import columns

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "troubles",
        sa.Column("id", columns.Id, autoincrement=False, nullable=False),
        sa.Column("instance_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("message", columns.Message(), nullable=False),
        sa.Column("began_at", columns.Time(), nullable=False),
        sa.Column("ended_at", columns.Time(), nullable=True),
        sa.Column("told_at", columns.Time(), nullable=True),
        sa.Column("end_told_at", columns.Time(), nullable=True),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_troubles_instance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_troubles")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_troubles_open", "troubles", ["instance_id", "kind", "subject"], unique=True,
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    is_untold = sa.text("told_at IS NULL OR end_told_at IS NULL")
    op.create_index("ix_troubles_untold", "troubles", ["id"], sqlite_where=is_untold, postgresql_where=is_untold)
