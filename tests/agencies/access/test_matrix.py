"""Who may do what, tried on a real broker: every user, topic, group and operation. What is not in the tables below must be refused."""

from collections.abc import Mapping
from contextlib import closing

import pytest
from agencies.access.trying import Tries
from agencies.users import FOREST, OBSERVERS, STRANGER, USERS, rights
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka_bus.running import wait_for
from results import record
from servers.kafka import Kafka

from jagawana.schemas.topics import Topic

pytestmark = pytest.mark.services
MAY_READ: Mapping[str, set[Topic]] = {
    "jagawana-detect": {Topic.SCENES},
    "jagawana-assess": {Topic.OBSERVATIONS},
    "jagawana-operator": set(Topic),
    FOREST.name: {Topic.ALERTS, Topic.ALERT_STATE, Topic.COVERAGE, Topic.HEARTBEAT},
    OBSERVERS.name: {Topic.COVERAGE, Topic.HEARTBEAT},
}
MAY_WRITE: Mapping[str, set[Topic]] = {"jagawana-relay": set(Topic), "jagawana-ingest": {Topic.SCENES}}
GROUP_OF = {
    "jagawana-detect": "jagawana-detect",
    "jagawana-assess": "jagawana-assess",
    "jagawana-operator": "jagawana-operator-1",
    FOREST.name: "forest-police-1",
    OBSERVERS.name: "observers-map",
}
GROUPS = [*GROUP_OF.values(), "jagawana-detect-2", "forest-police", "stranger-1"]
Cell = tuple[str, str, str]


def tried(cluster: Kafka, user: str) -> dict[Cell, bool]:
    """For each (what, operation): whether the broker let the user do it."""
    tries, topics = Tries(cluster, user), [str(topic) for topic in Topic]
    readable = min(MAY_READ.get(user, {Topic.COVERAGE}))
    answers = {"read": tries.read(topics), "write": tries.write(topics)} | tries.of_topics(topics)
    found = {(user, operation, topic): allowed for operation, of_each in answers.items() for topic, allowed in of_each.items()}
    groups = tries.of_groups(GROUPS, str(readable))
    found |= {(user, f"{operation} group", group): allowed for operation, of_each in groups.items() for group, allowed in of_each.items()}
    return found | {(user, operation, "cluster"): allowed for operation, allowed in tries.of_cluster().items()}


def wanted() -> set[Cell]:
    """All that is allowed. Who may read or write may see that it is there."""
    reads = {(user, "read", str(topic)) for user, topics in MAY_READ.items() for topic in topics}
    writes = {(user, "write", str(topic)) for user, topics in MAY_WRITE.items() for topic in topics}
    sees = {(user, "describe", topic) for user, _, topic in reads | writes}
    groups = {(user, f"{operation} group", group) for user, group in GROUP_OF.items() for operation in ("use", "describe")}
    return reads | writes | sees | groups


def test_the_broker_lets_each_user_do_what_the_tables_say_and_nothing_else(secure: Kafka) -> None:
    found = {cell: allowed for user in USERS for cell, allowed in tried(secure, user).items()}
    allowed = {cell for cell, was_allowed in found.items() if was_allowed}
    assert allowed - wanted() == set(), "too much"
    assert wanted() - allowed == set(), "too little"
    assert not any(user == STRANGER for user, _, _ in allowed)
    assert len(found) == len(USERS) * (8 * len(Topic) + 3 * len(GROUPS) + 6) and len(USERS) == 9
    record("kafka-access", {"decisions": len(found), "allowed": len(allowed), "wrong": 0})


def test_a_right_that_was_given_by_hand_is_found(secure: Kafka) -> None:
    given = ACL(f"User:{STRANGER}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, Topic.ALERTS))
    anything = ResourcePatternFilter(ResourceType.TOPIC, Topic.ALERTS, ACLResourcePatternType.LITERAL)
    with closing(secure.admin()) as admin:
        assert not admin.create_acls([given])["failed"]
        wait_for(lambda: bool(rights(secure, STRANGER, Topic.ALERTS)), "it is in force")
        found = {cell for cell, allowed in tried(secure, STRANGER).items() if allowed}
        admin.delete_acls([ACLFilter(given.principal, "*", ACLOperation.READ, ACLPermissionType.ALLOW, anything)])
        wait_for(lambda: not rights(secure, STRANGER, Topic.ALERTS), "it is taken away")
    assert found == {(STRANGER, "read", Topic.ALERTS), (STRANGER, "describe", Topic.ALERTS)}
