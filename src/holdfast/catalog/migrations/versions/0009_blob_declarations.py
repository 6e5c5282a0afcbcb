"""What the definition said about an endpoint's blobs when they were last fetched."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("endpoint_streams", sa.Column("blob_declaration", sa.Text(), nullable=True))
