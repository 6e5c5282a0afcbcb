"""Who owns what is stored: vendors with their clients and tokens, and customers."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text

from holdfast.catalog.columns import Time
from holdfast.catalog.schema.parts import metadata, public_id

vendors = Table(
    "vendors", metadata, public_id(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("client_id", Text, nullable=False, unique=True),
    Column("created_at", Time, nullable=False),
    Column("disabled_at", Time),
)  # fmt: skip

client_secrets = Table(
    "client_secrets", metadata, public_id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("hint", Text, nullable=False),  # the masked form that may be shown
    Column("created_at", Time, nullable=False),
    Column("revoked_at", Time),
)  # fmt: skip

access_tokens = Table(
    "access_tokens", metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False, index=True),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), index=True),
    Column("secret_id", BigInteger, ForeignKey("client_secrets.id"), index=True),
    Column("created_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False, index=True),
    Column("revoked_at", Time),
)  # fmt: skip

customers = Table(
    "customers", metadata, public_id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_customers_vendor_id_id", "vendor_id", "id"),
    Index(
        "uq_customers_vendor_id_name", "vendor_id", "name", unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"), postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)  # fmt: skip
