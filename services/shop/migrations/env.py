"""Alembic environment: runs the revisions on the connection, and in the transaction, that the shop gives it."""

from alembic import context

from voxcart_services.shop.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
