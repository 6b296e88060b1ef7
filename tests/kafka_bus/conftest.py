"""An empty cluster with one topic, and a database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_bus.running import make_topics
from servers.kafka import Kafka

from jagawana.schemas.topics import Topic
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.sql import SqlStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


@pytest.fixture
def cluster(kafka: Kafka) -> Kafka:
    kafka.clear()
    make_topics(kafka, Topic.COVERAGE, partitions=2)
    return kafka
