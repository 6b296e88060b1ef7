"""The store on PostgreSQL."""

import pytest
from sqlalchemy import Engine

from jagawana.services.store.sql import SqlStore


@pytest.fixture
def store(on_postgresql: Engine) -> SqlStore:
    return SqlStore(on_postgresql)
