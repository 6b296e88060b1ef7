"""Read by Alembic: the connection is given by whoever migrates (services/store/schema.py)."""

from alembic import context
from sqlmodel import SQLModel

from jagawana.services.store.schema import is_ours

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata, include_object=is_ours)
with context.begin_transaction():
    context.run_migrations()
