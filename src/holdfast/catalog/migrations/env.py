"""Alembic's entry point: works on the connection that `holdfast.catalog.migration` hands over."""

from alembic import context

from holdfast.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
