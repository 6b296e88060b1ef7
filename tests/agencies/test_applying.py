"""Topics and access lists on real brokers: shown, made, found to be made; and what each user may then do, by the brokers' own word."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AclOperation, AdminClient
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
from servers.kafka import Kafka
from servers.process import ServerMissing

from jagawana.schemas.catalogue import CATALOGUE, Role, Tier
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.access import Agency, grants, user_of
from jagawana.services.agencies.applying import NO_ACCESS_LIST, admin_client, apply, plan

pytestmark = pytest.mark.services
FOREST = Agency(name="forest-police", tiers=frozenset({Tier.RESTRICTED}), group_prefix="forest-police-")
OBSERVERS = Agency(name="observers", group_prefix="observers-")
AGENCIES = [FOREST, OBSERVERS]
USERS = [*(user_of(role) for role in Role if role is not Role.AGENCY), FOREST.name, OBSERVERS.name]
PASSWORD = "a password for tests only"


@pytest.fixture
def cluster(kafka: Kafka) -> Kafka:
    kafka.clear()
    return kafka


def test_a_plan_is_shown_made_and_found_made(cluster: Kafka) -> None:
    with admin_client(connection(cluster).client()) as admin:
        before = plan(admin, [])
        assert set(before.create) == set(Topic) and before.copies == 1 and NO_ACCESS_LIST in before.by_hand
        assert not set(admin.list_topics()) & set(Topic), "a plan makes nothing"
        apply(admin, before)
        wait_for(lambda: plan(admin, []).is_done, "made, and known to be made")
        parts = {t["name"]: len(t["partitions"]) for t in admin.describe_topics(list(Topic))}
        assert parts == {topic: promise.partitions for topic, promise in CATALOGUE.items()}


def test_settings_that_were_changed_are_put_right_and_nothing_else_is_touched(cluster: Kafka) -> None:
    with admin_client(connection(cluster).client()) as admin:
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


def test_what_holds_data_is_only_spoken_of(cluster: Kafka) -> None:
    with admin_client(connection(cluster).client()) as admin:
        admin.create_topics([NewTopic("somebody.else", 1, 1), NewTopic(Topic.ALERTS, 2, 1)], wait_for_metadata=True)
        found = plan(admin, [])
        apply(admin, found, revoke=True)
        assert f"{Topic.ALERTS}: 2 partitions, not 6" in found.by_hand and "somebody.else: a topic that is not ours" in found.by_hand
        assert plan(admin, []).by_hand == found.by_hand


def test_nobody_there_is_said() -> None:
    with pytest.raises(TransientError) as refused, admin_client({"bootstrap_servers": ["127.0.0.1:1"]}):
        pass
    assert refused.value.code is ErrorCode.BUS_UNAVAILABLE


@pytest.fixture(scope="module")
def secure(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """A secure broker with every user, and the plan applied by its administrator."""
    cluster = Kafka(secure=True)
    try:
        cluster.__enter__()
    except ServerMissing as e:
        if request.config.getoption("--servers") == "required":
            pytest.fail(str(e), pytrace=False)
        pytest.skip(str(e))
    try:
        for user in USERS:
            cluster.add_user(user, PASSWORD)
        with admin_client(cluster.client()) as admin:
            apply(admin, plan(admin, AGENCIES))
            wait_for(lambda: plan(admin, AGENCIES).is_done, "the access list is known")
        wait_for(lambda: bool(rights(cluster, FOREST.name)[Topic.ALERTS]), "the access list is in force")
        yield cluster
    finally:
        cluster.__exit__(None, None, None)


def librdkafka(cluster: Kafka, user: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": ",".join(cluster.servers), "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user, "sasl.password": PASSWORD, "ssl.ca.location": str(cluster.ca),
    }  # fmt: skip


def rights(cluster: Kafka, user: str) -> dict[str, set[str]]:
    """What the broker itself says a user may do with each topic."""
    client = AdminClient(librdkafka(cluster, user))
    asked = client.describe_topics(confluent_kafka.TopicCollection(list(Topic)), include_authorized_operations=True)
    found: dict[str, set[str]] = {}
    for topic, answer in asked.items():
        try:
            found[topic] = {operation.name for operation in answer.result(30).authorized_operations or ()}
        except confluent_kafka.KafkaException as e:
            assert e.args[0].code() == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED
            found[topic] = set()
    return found


def test_the_brokers_allow_each_user_what_the_catalogue_says_and_no_more(secure: Kafka) -> None:
    asked = [operation for operation in AclOperation if operation.name not in ("UNKNOWN", "ANY", "ALL")]
    wanted, decisions, wrong = grants(AGENCIES), 0, []
    for user in USERS:
        found = rights(secure, user)
        for topic in Topic:
            granted = {g.operation for g in wanted if g.user == user and g.resource == "TOPIC" and g.name == topic}
            expected = granted | ({"DESCRIBE"} if granted else set())
            decisions += len(asked)
            if found[topic] != expected:
                wrong.append((user, topic, found[topic], expected))
    assert not wrong and decisions >= 400


def test_an_agency_reads_its_topics_in_its_groups_and_is_refused_the_rest(secure: Kafka) -> None:
    with closing(KafkaProducer(**secure.client(user_of(Role.RELAY), PASSWORD))) as relay:
        relay.send(Topic.ALERTS, key=b"k", value=b"v").get(30)

    def read(topic: str, group: str) -> bytes | str:
        consumer = confluent_kafka.Consumer(librdkafka(secure, FOREST.name) | {"group.id": group, "auto.offset.reset": "earliest"})
        consumer.subscribe([topic])
        try:
            message = consumer.poll(20)
            assert message is not None
            return message.error().name() if message.error() else message.value()
        finally:
            consumer.close()

    assert read(Topic.ALERTS, "forest-police-1") == b"v"
    assert read(Topic.DEAD_LETTERS, "forest-police-1") == "TOPIC_AUTHORIZATION_FAILED"
    assert read(Topic.ALERTS, "observers-1") == read(Topic.ALERTS, "jagawana-assess") == "GROUP_AUTHORIZATION_FAILED"
    with (
        closing(KafkaProducer(**secure.client(FOREST.name, PASSWORD), enable_idempotence=False, max_block_ms=5000)) as agency,
        pytest.raises(Exception, match="Authorization"),
    ):
        agency.send(Topic.ALERTS, value=b"v").get(10)


def test_a_plan_without_rights_is_refused_in_words(secure: Kafka) -> None:
    with pytest.raises(DataError, match="come as their administrator"), admin_client(secure.client(FOREST.name, PASSWORD)) as admin:
        apply(admin, plan(admin, AGENCIES))


def test_access_that_nobody_wants_is_shown_and_taken_away_when_asked(secure: Kafka) -> None:
    resource = ResourcePattern(ResourceType.TOPIC, Topic.ALERTS)
    stray = ACL("User:somebody", "*", ACLOperation.READ, ACLPermissionType.ALLOW, resource)
    with admin_client(secure.client()) as admin:
        assert plan(admin, AGENCIES).is_done and not plan(admin, AGENCIES).revoke
        admin.create_acls([stray])
        wait_for(lambda: plan(admin, AGENCIES).revoke == [stray], "shown")
        apply(admin, plan(admin, AGENCIES))
        assert plan(admin, AGENCIES).revoke == [stray], "left"
        without = plan(admin, [FOREST])
        left = {acl.principal for acl in without.revoke}
        assert left == {"User:somebody", "User:observers"}, "an agency that left the file is found by its topics"
        apply(admin, plan(admin, AGENCIES), revoke=True)
        wait_for(lambda: not plan(admin, AGENCIES).revoke, "taken away")


def test_the_command_shows_and_does_it(secure: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from typer.testing import CliRunner

    from jagawana.services.cli import app

    file = tmp_path / "agencies.toml"
    file.write_text('[[agency]]\nname = "forest-police"\ntiers = ["restricted"]\ngroup_prefix = "forest-police-"\n')
    given = secure.client()
    for name, value in {
        "SERVERS": json.dumps(secure.servers), "USER": given["sasl_plain_username"], "PASSWORD": given["sasl_plain_password"],
        "CA": str(secure.ca),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"JAGAWANA_KAFKA_{name}", value)
    shown = CliRunner().invoke(app, ["kafka", "apply", "--agencies", str(file), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["applied"] is False
    assert {line["what"] for line in json.loads(shown.stdout)["lines"]} <= {"extra"}


def test_an_empty_consumer_is_what_kafka_python_makes_of_a_missing_right(secure: Kafka) -> None:
    """Said in docs/agencies.md; when this fails, say it no longer."""
    config = secure.client(OBSERVERS.name, PASSWORD) | {"consumer_timeout_ms": 3000, "auto_offset_reset": "earliest", "group_id": None}
    with closing(KafkaConsumer(Topic.ALERTS, **config)) as consumer:
        assert list(consumer) == []
