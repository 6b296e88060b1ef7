"""The stores that keep the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from memory.store import MemoryStore

from jagawana.services.store.database import open_sqlite
from jagawana.services.store.port import Store
from jagawana.services.store.sql import SqlStore


@pytest.fixture(params=["sqlite", "memory", pytest.param("postgresql", marks=pytest.mark.services)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
    elif request.param == "postgresql":
        yield SqlStore(request.getfixturevalue("on_postgresql"))
    else:
        engine = open_sqlite(tmp_path / "jagawana.sqlite")
        yield SqlStore(engine)
        engine.dispose()
