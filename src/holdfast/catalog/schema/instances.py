"""What is backed up: definitions and their revisions, and instances."""

import sqlalchemy as sa
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from holdfast.catalog.columns import Time
from holdfast.catalog.schema.parts import metadata, one_of, public_id

definitions = Table(
    "definitions", metadata, public_id(),
    Column("vendor_id", BigInteger, ForeignKey("vendors.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("published", Boolean, nullable=False),
    Column("revision_id", BigInteger),  # the newest of definition_revisions; null: it has no document yet
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    Index("ix_definitions_vendor_id_id", "vendor_id", "id"),
)  # fmt: skip

definition_revisions = Table(
    "definition_revisions", metadata, public_id(),
    Column("definition_id", BigInteger, ForeignKey("definitions.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", Text, nullable=False),
    Column("created_at", Time, nullable=False),
    sa.UniqueConstraint("definition_id", "number"),
)  # fmt: skip

instances = Table(
    "instances", metadata, public_id(),
    Column("customer_id", BigInteger, ForeignKey("customers.id"), nullable=False),
    Column("definition_id", BigInteger, ForeignKey("definitions.id"), nullable=False),
    Column("label", Text),
    Column("frequency", Text, nullable=False),
    Column("cron", Text),
    Column("time_zone", Text),
    Column("next_due_at", Time),
    Column("created_at", Time, nullable=False),
    Column("deleted_at", Time),
    one_of("frequency", "off", "hourly", "daily", "weekly", "cron"),
    Index("ix_instances_customer_id_id", "customer_id", "id"),
    Index("ix_instances_definition_id_id", "definition_id", "id"),
    Index(
        "uq_instances_customer_id_label", "customer_id", "label", unique=True,
        sqlite_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
        postgresql_where=sa.text("label IS NOT NULL AND deleted_at IS NULL"),
    ),
    Index(
        "ix_instances_next_due_at", "next_due_at",
        sqlite_where=sa.text("next_due_at IS NOT NULL"), postgresql_where=sa.text("next_due_at IS NOT NULL"),
    ),
)  # fmt: skip

instance_variables = Table(
    "instance_variables", metadata,
    Column("instance_id", BigInteger, ForeignKey("instances.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
