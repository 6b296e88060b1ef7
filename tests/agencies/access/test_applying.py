"""Topics and access lists on real brokers: shown, made, found to be made; what cannot be changed is refused in words."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from agencies.users import AGENCIES, FOREST, OBSERVERS, PASSWORD, librdkafka, login
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ConfigResource,
    ConfigResourceType,
    NewTopic,
    ResourcePattern,
    ResourceType,
)
from kafka_bus.running import connection, wait_for
from servers.certificates import Authority
from servers.kafka import ADMIN, Kafka
from typer.testing import CliRunner

from jagawana.schemas.catalogue import CATALOGUE, Role
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.access import user_of
from jagawana.services.agencies.applying import NO_ACCESS_LIST, admin_client, apply, plan
from jagawana.services.agencies.playing import scenes_topic
from jagawana.services.bus.kafka.connection import Connection
from jagawana.services.cli import app

pytestmark = pytest.mark.services
AGENCIES_TOML = """
[[agency]]
name = "forest-police"
tiers = ["restricted"]
group_prefix = "forest-police-"
[[agency]]
name = "observers"
group_prefix = "observers-"
"""


@pytest.fixture
def cluster(kafka: Kafka) -> Kafka:
    kafka.clear()
    return kafka


def test_a_plan_is_shown_made_and_found_made(cluster: Kafka) -> None:
    with admin_client(connection(cluster)) as admin:
        before = plan(admin, [])
        assert set(before.create) == set(Topic) and before.copies == 1 and before.notes == [NO_ACCESS_LIST]
        assert not set(admin.list_topics()) & set(Topic), "a plan makes nothing"
        apply(admin, before)
        wait_for(lambda: plan(admin, []).is_done, "made, and known to be made")
        parts = {t["name"]: len(t["partitions"]) for t in admin.describe_topics(list(Topic))}
        assert parts == {topic: promise.partitions for topic, promise in CATALOGUE.items()}


def test_settings_that_were_changed_are_put_right_and_nothing_else_is_touched(cluster: Kafka) -> None:
    with admin_client(connection(cluster)) as admin:
        apply(admin, plan(admin, []))
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, Topic.ALERT_STATE, configs={"delete.retention.ms": "1000", "flush.messages": "7"})]
        )
        wait_for(lambda: bool(plan(admin, []).change), "the brokers tell one another")
        found = plan(admin, [])
        assert set(found.change[Topic.ALERT_STATE]) == {"delete.retention.ms"} and list(found.change) == [Topic.ALERT_STATE]
        apply(admin, found)
        wait_for(lambda: plan(admin, []).is_done, "the brokers tell one another")
        config = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, Topic.ALERT_STATE)], config_filter="all")
        assert config["topic"][Topic.ALERT_STATE]["flush.messages"]["value"] == "7"


@pytest.mark.parametrize(("there", "why"), [(2, "overtake"), (24, "Kafka takes none away")])
def test_another_number_of_partitions_is_refused_before_anything_is_done(cluster: Kafka, there: int, why: str) -> None:
    with admin_client(connection(cluster)) as admin:
        admin.create_topics([NewTopic("somebody.else", 1, 1), NewTopic(Topic.ALERTS, there, 1)], wait_for_metadata=True)
        found = plan(admin, [])
        assert "somebody.else: a topic that is not ours" in found.notes and not found.is_done
        with pytest.raises(
            DataError, match=rf"nothing was done: {Topic.ALERTS} has {there} partitions, not 6: .*{why}.*--leave"
        ) as refused:
            apply(admin, found)
        assert refused.value.code is ErrorCode.SETTINGS_INVALID
        assert {t for t in admin.list_topics() if not t.startswith("__")} == {"somebody.else", Topic.ALERTS}
        apply(admin, plan(admin, [], leave=[Topic.ALERTS]))
        wait_for(lambda: plan(admin, [], leave=[Topic.ALERTS]).is_done, "the rest is made")
        assert len(admin.describe_topics([Topic.ALERTS])[0]["partitions"]) == there, "left"


def test_three_brokers_keep_three_copies_and_a_topic_that_has_fewer_is_refused() -> None:
    with Kafka(nodes=3) as three, admin_client(connection(three)) as admin:
        admin.create_topics([NewTopic(Topic.SCENES, CATALOGUE[Topic.SCENES].partitions, 1)], wait_for_metadata=True)
        with pytest.raises(DataError, match=rf"nothing was done: {Topic.SCENES} has 1 copies of each record, not 3: .*--leave"):
            apply(admin, plan(admin, []))
        apply(admin, plan(admin, [], leave=[Topic.SCENES]))
        wait_for(lambda: plan(admin, [], leave=[Topic.SCENES]).is_done, "the rest is made")
        made = [topic for topic in Topic if topic is not Topic.SCENES]
        copies = {len(part["replica_nodes"]) for topic in admin.describe_topics(made) for part in topic["partitions"]}
        config = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, Topic.ALERTS)], config_filter="all")
        assert copies == {3} and config["topic"][Topic.ALERTS]["min.insync.replicas"]["value"] == "2"


@pytest.fixture
def as_administrator(secure: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The environment of whoever runs the brokers. Yields options that name the agencies."""
    monkeypatch.setenv("JAGAWANA_KAFKA_SERVERS", json.dumps(secure.servers))
    monkeypatch.setenv("JAGAWANA_KAFKA_USER", ADMIN)
    monkeypatch.setenv("JAGAWANA_KAFKA_PASSWORD", secure.password)
    monkeypatch.setenv("JAGAWANA_KAFKA_CA", str(secure.ca))
    (tmp_path / "agencies.toml").write_text(AGENCIES_TOML)
    yield ["--agencies", str(tmp_path / "agencies.toml")]


def shown(*options: str) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["kafka", "apply", *options, "--json"])
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_command_shows_it_does_it_and_then_has_nothing_to_do(secure: Kafka, as_administrator: list[str]) -> None:
    secure.clear()
    before = shown("--plan", *as_administrator)
    assert before["applied"] is False
    assert [line["which"].split(":")[0] for line in before["lines"] if line["what"] == "create"] == list(CATALOGUE)
    assert shown("--plan", *as_administrator) == before, "a plan does nothing"
    assert shown("--yes", *as_administrator)["applied"] is True
    wait_for(lambda: shown(*as_administrator)["lines"] == [], "the second run plans nothing")
    done = CliRunner().invoke(app, ["kafka", "apply", "--yes", *as_administrator])
    assert done.exit_code == 0 and "nothing" in done.stdout and secure.password not in done.output


def test_access_that_nobody_wants_is_shown_and_taken_away_when_asked(secure: Kafka) -> None:
    stray = ACL("User:somebody", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, Topic.ALERTS))
    with admin_client(login(secure)) as admin:
        assert not plan(admin, AGENCIES).revoke
        admin.create_acls([stray])
        wait_for(lambda: plan(admin, AGENCIES).revoke == [stray], "shown")
        apply(admin, plan(admin, AGENCIES))
        assert plan(admin, AGENCIES).revoke == [stray], "left"
        left = {acl.principal for acl in plan(admin, [FOREST]).revoke}
        assert left == {"User:somebody", "User:observers"}, "an agency that left the file is found by its topics"
        apply(admin, plan(admin, AGENCIES), revoke=True)
        wait_for(lambda: not plan(admin, AGENCIES).revoke, "taken away")


def test_a_plan_without_rights_is_refused_in_words(secure: Kafka) -> None:
    with pytest.raises(DataError, match="come as their administrator"), admin_client(login(secure, FOREST.name)) as admin:
        apply(admin, plan(admin, AGENCIES))


def read(cluster: Kafka, user: str, topic: str, group: str) -> bytes | str:
    """With librdkafka: a record, or the name of the refusal."""
    consumer = confluent_kafka.Consumer(librdkafka(cluster, user) | {"group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(20)
        assert message is not None
        return str(message.error().name()) if message.error() else bytes(message.value())
    finally:
        consumer.close()


def test_an_agency_reads_its_topics_in_its_groups_and_is_refused_the_rest(secure: Kafka) -> None:
    with closing(KafkaProducer(**login(secure, user_of(Role.RELAY)).client())) as relay:
        relay.send(Topic.ALERTS, key=b"k", value=b"v").get(30)
    assert read(secure, FOREST.name, Topic.ALERTS, "forest-police-1") == b"v"
    assert read(secure, FOREST.name, Topic.DEAD_LETTERS, "forest-police-1") == "TOPIC_AUTHORIZATION_FAILED"
    assert read(secure, OBSERVERS.name, Topic.ALERTS, "observers-1") == "TOPIC_AUTHORIZATION_FAILED"
    refusals = {read(secure, FOREST.name, Topic.ALERTS, group) for group in ("observers-1", "jagawana-assess")}
    assert refusals == {"GROUP_AUTHORIZATION_FAILED"}
    producer = KafkaProducer(**login(secure, FOREST.name).client(), enable_idempotence=False, max_block_ms=5000)
    with closing(producer) as agency, pytest.raises(Exception, match="Authorization"):
        agency.send(Topic.ALERTS, value=b"v").get(10)


def test_an_empty_consumer_is_what_kafka_python_makes_of_a_missing_right(secure: Kafka) -> None:
    """Said in docs/agencies.md; when this fails, say it no longer."""
    config = login(secure, OBSERVERS.name).client() | {"consumer_timeout_ms": 3000, "auto_offset_reset": "earliest", "group_id": None}
    with closing(KafkaConsumer(Topic.ALERTS, **config)) as consumer:
        assert list(consumer) == []


def came_in(connection: Connection) -> None:
    """Both ways in of the command line."""
    for way in (admin_client, scenes_topic):
        with way(connection):
            pass


def refusal(connection: Connection) -> DataError | TransientError:
    """Of both ways in, the same."""
    said = set()
    for way in (admin_client, scenes_topic):
        with pytest.raises((DataError, TransientError)) as refused, way(connection):
            pass
        assert PASSWORD not in str(refused.value) and "wrong-" not in str(refused.value)
        said.add((refused.value.code, refused.value.detail.partition(":")[0]))
        error = refused.value
    assert len(said) == 1
    return error  # type: ignore[return-value]


def test_whoever_is_not_let_in_is_told_why(secure: Kafka, tmp_path: Path) -> None:
    right = login(secure, user_of(Role.INGEST))
    came_in(right)
    port = secure.servers[0].rpartition(":")[2]
    for wrong, why in (
        (replace(right, password="wrong-password"), "SaslAuthenticationFailed"),
        (replace(right, user="nobody-we-know"), "SaslAuthenticationFailed"),
        (replace(right, ca=Authority(tmp_path).path), "self-signed certificate"),
        (replace(right, servers=(f"127.1:{port}",)), "Hostname mismatch"),
    ):
        error = refusal(wrong)
        assert error.code is ErrorCode.SETTINGS_INVALID and why in error.detail and "JAGAWANA_KAFKA_USER" in error.detail
    in_the_clear = refusal(Connection(right.servers))
    assert in_the_clear.code is ErrorCode.BUS_UNAVAILABLE and "does not answer" in in_the_clear.detail
    unread = refusal(replace(right, ca=tmp_path / "nowhere.pem"))
    assert unread.code is ErrorCode.SETTINGS_INVALID and "nowhere.pem" in unread.detail


def test_nobody_there_is_said_at_once() -> None:
    error = refusal(Connection(("127.0.0.1:1",)))
    assert error.code is ErrorCode.BUS_UNAVAILABLE and error.retryable and "is it up" in error.detail
