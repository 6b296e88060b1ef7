"""An archive played to a real broker: its scenes in order, with the gaps between their acquisitions divided, and never as current."""

import json
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka_bus.running import make_topics
from scenes import Scene, write_archive
from servers.kafka import Kafka
from typer.testing import CliRunner

from jagawana.schemas.envelope import decode_as
from jagawana.schemas.scene import SceneAcquired
from jagawana.schemas.topics import Topic
from jagawana.services.agencies import playing
from jagawana.services.cli import app

pytestmark = pytest.mark.services


@pytest.fixture
def cluster(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka.clear()
    monkeypatch.setenv("JAGAWANA_KAFKA_SERVERS", json.dumps(kafka.servers))
    return kafka


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Five scenes, a day apart, from the fifth of January 2026."""
    write_archive(tmp_path / "archive", [Scene(day, size=64) for day in range(5)])
    return tmp_path / "archive"


def on_topic(kafka: Kafka) -> list[Any]:
    with closing(KafkaConsumer(Topic.SCENES, auto_offset_reset="earliest", group_id=None, **kafka.client())) as consumer:
        found: list[Any] = []
        while batch := consumer.poll(timeout_ms=1000):
            found += [r for records in batch.values() for r in records]
    return found


def test_days_are_chosen_gaps_divided_and_the_tense_is_what_was_asked_for(cluster: Kafka, archive: Path) -> None:
    make_topics(cluster, Topic.SCENES)
    days = sorted(json.loads(file.read_text())["properties"]["datetime"][:10] for file in (archive / "items").glob("*.json"))
    options = ["--speed", "86400", "--from", days[1], "--to", days[3], "--tense", "archival", "--json"]
    done = CliRunner().invoke(app, ["kafka", "play", str(archive), *options])
    assert done.exit_code == 0 and json.loads(done.stdout) == {"sent": 3}, done.output
    records = on_topic(cluster)
    messages = [decode_as(SceneAcquired, record.value) for record in records]
    assert [f"{m.item.acquired_at:%Y-%m-%d}" for m in messages] == days[1:4] and {m.tense for m in messages} == {"archival"}
    gaps = [(b.timestamp - a.timestamp) / 1000 for a, b in pairwise(records)]
    assert all(0.95 <= gap < 4.0 for gap in gaps), "a day in a second"
    assert [record.key.decode() for record in records] == [m.key for m in messages]
    assert dict(records[0].headers)["ce_type"] == b"org.jagawana.scene-acquired.v1" and "sig" not in dict(records[0].headers)


def test_what_is_played_is_never_current(archive: Path) -> None:
    done = CliRunner().invoke(app, ["kafka", "play", str(archive), "--speed", "1", "--tense", "current"])
    assert done.exit_code == 2 and "current" in done.output and "archival" in done.output


def test_without_the_topic_it_says_how_to_make_it(cluster: Kafka, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing, "TOPIC_WITHIN_MS", 2000)
    done = CliRunner().invoke(app, ["kafka", "play", str(archive), "--speed", "1e9"])
    assert done.exit_code == 1 and "jagawana kafka apply" in str(done.exception)
