"""Users of the secure broker: one for each role, two agencies, and one whom nobody has given anything."""

from typing import Any

import confluent_kafka
from confluent_kafka.admin import AdminClient
from servers.kafka import ADMIN, Kafka

from jagawana.schemas.catalogue import Role, Tier
from jagawana.services.agencies.access import Agency, user_of
from jagawana.services.bus.kafka.connection import Connection

FOREST = Agency(name="forest-police", tiers=frozenset({Tier.RESTRICTED}), group_prefix="forest-police-")
OBSERVERS = Agency(name="observers", group_prefix="observers-")
AGENCIES = [FOREST, OBSERVERS]
STRANGER = "stranger"
USERS = [*(user_of(role) for role in Role if role is not Role.AGENCY), FOREST.name, OBSERVERS.name, STRANGER]
PASSWORD = "Kunci-Canary-7F3K"


def login(cluster: Kafka, user: str = ADMIN) -> Connection:
    """A user's connection; the administrator's by default."""
    return Connection(tuple(cluster.servers), user, cluster.password if user == ADMIN else PASSWORD, cluster.ca)


def librdkafka(cluster: Kafka, user: str) -> dict[str, Any]:
    """The same for librdkafka."""
    return {
        "bootstrap.servers": ",".join(cluster.servers), "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user, "sasl.password": PASSWORD, "ssl.ca.location": str(cluster.ca),
    }  # fmt: skip


def rights(cluster: Kafka, user: str, topic: str) -> set[str]:
    """What the broker says a user may do with a topic."""
    client = AdminClient(librdkafka(cluster, user))
    (asked,) = client.describe_topics(confluent_kafka.TopicCollection([topic]), include_authorized_operations=True).values()
    try:
        return {operation.name for operation in asked.result(30).authorized_operations or ()}
    except confluent_kafka.KafkaException as e:
        assert e.args[0].code() == confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED
        return set()
