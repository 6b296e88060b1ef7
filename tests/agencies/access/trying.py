"""Operations tried on a broker as one user: each is carried out, or refused for want of a right. What is not there is no refusal."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

from agencies.users import librdkafka, login
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import DeleteRecordsRequest
from aiokafka.protocol.fetch import FetchRequest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, KafkaAdminClient, ResourcePatternFilter
from kafka.admin import ResourceType as Resource
from kafka.errors import ClusterAuthorizationFailedError
from servers.kafka import Kafka

REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}  # fmt: skip
NOT_THERE = {KafkaError.GROUP_ID_NOT_FOUND, KafkaError.TOPIC_AUTHORIZATION_FAILED}
"""Of a group that may be used: it has no members yet, or the topic whose offset is written is another's."""
EVERYTHING = ACLFilter(
    None, None, ACLOperation.ANY, ACLPermissionType.ANY, ResourcePatternFilter(Resource.ANY, None, ACLResourcePatternType.ANY)
)
SECONDS = 20.0
Answers = dict[str, bool]


class Tries:
    """What one user may do: for each name, whether it was allowed."""

    def __init__(self, cluster: Kafka, user: str) -> None:
        self.login, self.connection, self.user = librdkafka(cluster, user), login(cluster, user), user
        self.admin = AdminClient(self.login)

    def read(self, topics: list[str]) -> Answers:
        answer = self._asked(FetchRequest(100, 0, 1 << 20, 0, [(topic, [(0, 0, 1024)]) for topic in topics], rack_id=""))
        return _by_code({topic: partition[1] for topic, (partition,) in answer.topics})

    def _delete_records(self, topics: list[str]) -> Answers:
        answer = self._asked(DeleteRecordsRequest([(topic, [(0, 0)]) for topic in topics], 1000))
        return _by_code({topic: partition[2] for topic, (partition, *_), *_ in answer.topics})

    def _asked(self, request: Any) -> Any:
        """Asked outright: clients would ask first whether there are topics, and then say nothing of those they do not see."""

        async def ask() -> Any:
            client = AIOKafkaClient(**self.connection.client())
            await client.bootstrap()
            try:
                return await client.send(client.get_random_node(), request)
            finally:
                await client.close()

        return asyncio.run(ask())

    def write(self, topics: list[str]) -> Answers:
        codes: dict[str, int] = {}
        producer = Producer(self.login)

        def on_delivery(error: KafkaError | None, message: Any) -> None:
            codes[message.topic()] = error.code() if error else KafkaError.NO_ERROR

        for topic in topics:
            producer.produce(topic, b"v", b"k", partition=0, on_delivery=on_delivery)
        assert producer.flush(SECONDS) == 0
        return _by_code(codes)

    def of_topics(self, topics: list[str]) -> dict[str, Answers]:
        """Everything that an administrator could do with a topic."""
        configs = [ConfigResource(ResourceType.TOPIC, t) for t in topics]
        changes = [ConfigResource(ResourceType.TOPIC, t, incremental_configs=[_set("retention.ms", "60000")]) for t in topics]
        asked = {
            "describe": self.admin.describe_topics(TopicCollection(topics)),
            "describe its settings": self.admin.describe_configs(configs),
            "change its settings": self.admin.incremental_alter_configs(changes, validate_only=True),
            "add partitions": self.admin.create_partitions([NewPartitions(t, 64) for t in topics], validate_only=True),
            "delete": self.admin.delete_topics(topics),
        }
        found = {name: dict(zip(topics, map(_is_allowed, futures.values()), strict=True)) for name, futures in asked.items()}
        return found | {"delete records": self._delete_records(topics)}

    def of_groups(self, groups: list[str], topic: str) -> dict[str, Answers]:
        return {
            "describe": {g: _is_allowed(f, NOT_THERE) for g, f in self.admin.describe_consumer_groups(groups).items()},
            "use": {group: self._use(group, topic) for group in groups},
            "delete": {g: _is_allowed(f, NOT_THERE) for g, f in self.admin.delete_consumer_groups(groups).items()},
        }

    def of_cluster(self) -> Answers:
        acl = AclBinding(
            ResourceType.TOPIC, "x", ResourcePatternType.LITERAL, f"User:{self.user}", "*", AclOperation.READ, AclPermissionType.ALLOW
        )
        user = UserScramCredentialUpsertion(self.user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"another")
        broker = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[_set("log.cleaner.threads", "1")])
        return {
            "make a topic": _is_allowed(_only(self.admin.create_topics([NewTopic(f"{self.user}-own", 1, 1)], validate_only=True))),
            "give rights": _is_allowed(_only(self.admin.create_acls([acl]))),
            "see rights": self._see_rights(),
            "change a password": _is_allowed(_only(self.admin.alter_user_scram_credentials([user]))),
            "change a broker": _is_allowed(_only(self.admin.incremental_alter_configs([broker], validate_only=True))),
            "begin a transaction": self._transact(),
        }

    def _use(self, group: str, topic: str) -> bool:
        """Write how far a group has come: the same right as joining it."""
        offset = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 0)])
        return _is_allowed(_only(self.admin.alter_consumer_group_offsets([offset])), NOT_THERE)

    def _see_rights(self) -> bool:
        """With the client of `jagawana kafka apply`: librdkafka takes the refusal for an empty list."""
        with closing(KafkaAdminClient(**self.connection.client())) as admin:
            try:
                admin.describe_acls(EVERYTHING)
            except ClusterAuthorizationFailedError:
                return False
        return True

    def _transact(self) -> bool:
        return _was_allowed(lambda: Producer(self.login | {"transactional.id": self.user}).init_transactions(SECONDS))


def _by_code(codes: dict[str, int]) -> Answers:
    assert set(codes.values()) <= {KafkaError.NO_ERROR, KafkaError.TOPIC_AUTHORIZATION_FAILED}, codes
    return {topic: code == KafkaError.NO_ERROR for topic, code in codes.items()}


def _set(name: str, value: str) -> ConfigEntry:
    return ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)


def _only(futures: dict[Any, Any]) -> Any:
    (future,) = futures.values()
    return future


def _is_allowed(future: Any, not_there: Iterable[int] = ()) -> bool:
    return _was_allowed(lambda: future.result(SECONDS), not_there)


def _was_allowed(tried: Callable[[], object], not_there: Iterable[int] = ()) -> bool:
    try:
        tried()
    except KafkaException as e:
        if e.args[0].code() in not_there:
            return True
        assert e.args[0].code() in REFUSED, e
        return False
    return True
