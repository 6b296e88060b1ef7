"""Topics and access lists at the brokers made what the catalogue says. Shown first; nothing that holds data is ever deleted."""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import KafkaError, SecurityDisabledError

from jagawana.schemas.catalogue import CATALOGUE
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.access import OURS, Agency, Grant, grants
from jagawana.services.bus.kafka.connection import Connection, knock

MOST_COPIES = 3
NO_ACCESS_LIST = "the brokers keep no access list: everybody may do everything"


@dataclass(frozen=True)
class Plan:
    """What differs at the brokers.

    Args:
        copies: of each record, as many brokers as there are, at most three.
        create: topics that are missing.
        change: settings to set, by topic.
        grant: lines of the access list that are missing.
        revoke: lines about our topics or users that nobody wants; taken away when asked for.
        impossible: what cannot be changed without losing or moving data, in words; nothing is done while there is any.
        notes: what else whoever applies it should know, in words.
    """

    copies: int
    create: Sequence[Topic]
    change: Mapping[Topic, Mapping[str, str]]
    grant: Sequence[Grant]
    revoke: Sequence[ACL]
    impossible: Sequence[str]
    notes: Sequence[str]

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do, but perhaps to revoke."""
        return not (self.create or self.change or self.grant or self.impossible)

    def lines(self) -> Iterator[tuple[str, str]]:
        """For people: what, and which."""
        yield from (("create", f"{t}: {CATALOGUE[t].partitions} partitions, {self.copies} copies") for t in self.create)
        yield from (("change", f"{t}: {name}={value}") for t, config in self.change.items() for name, value in config.items())
        yield from (("grant", str(grant)) for grant in self.grant)
        yield from (("extra", _in_words(acl)) for acl in self.revoke)
        yield from (("impossible", line) for line in self.impossible)
        yield from (("note", line) for line in self.notes)


@contextmanager
def admin_client(connection: Connection) -> Iterator[KafkaAdminClient]:
    """An administrator's client.

    Raises:
        TransientError: BUS_UNAVAILABLE when the brokers do not answer.
        DataError: SETTINGS_INVALID when they refuse the login, or what is asked inside.
    """
    asyncio.run(knock(connection))
    try:
        admin = KafkaAdminClient(**connection.client(), bootstrap_timeout_ms=20_000)
    except KafkaError as e:
        where = ", ".join(connection.servers)
        raise TransientError(ErrorCode.BUS_UNAVAILABLE, f"Kafka at {where} went away: {e}; try again when it is up") from e
    try:
        yield admin
    except KafkaError as e:
        raise _refused(str(e) or type(e).__name__) from e
    finally:
        admin.close()


def plan(admin: KafkaAdminClient, agencies: Sequence[Agency], *, leave: Collection[Topic] = ()) -> Plan:
    """What differs between the brokers and the catalogue.

    Args:
        leave: topics that are what they are meant to be, whatever the catalogue says.
    """
    copies = min(MOST_COPIES, len(admin.describe_cluster()["brokers"]))
    there = {t["name"]: t["partitions"] for t in admin.describe_topics() if not t["name"].startswith("__")}
    known = [topic for topic in CATALOGUE if topic in there and topic not in leave]
    missing, unwanted, notes = _access(admin, agencies)
    return Plan(
        copies=copies,
        create=[topic for topic in CATALOGUE if topic not in there and topic not in leave],
        change=_changes(admin, known, copies),
        grant=missing,
        revoke=unwanted,
        impossible=[why for topic in known for why in _impossible(topic, there[topic], copies)],
        notes=[*(f"{name}: a topic that is not ours" for name in sorted(there) if name not in CATALOGUE), *notes],
    )


def apply(admin: KafkaAdminClient, plan: Plan, *, revoke: bool = False) -> None:
    """Do it; a second time there is nothing to do.

    Raises:
        DataError: SETTINGS_INVALID: nothing is done, as something is impossible; or with what the brokers said.
    """
    if plan.impossible:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"nothing was done: {'; '.join(plan.impossible)}")
    if plan.create:
        made = [(CATALOGUE[topic], topic) for topic in plan.create]
        admin.create_topics(
            [NewTopic(topic, p.partitions, plan.copies, topic_configs=p.config(plan.copies)) for p, topic in made], wait_for_metadata=True
        )
    if plan.change:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict(config)) for topic, config in plan.change.items()]
        said = admin.alter_configs(wanted)
        _all_well({topic: answer for answers in said.values() for topic, answer in answers.items() if answer != "OK"})
    if plan.grant:
        failed = admin.create_acls([_acl_of(grant) for grant in plan.grant])["failed"]
        _all_well({f"grant {n}": error.__name__ for n, error in enumerate(failed)})
    if revoke and plan.revoke:
        replies = admin.delete_acls([_filter_of(acl) for acl in plan.revoke])
        _all_well({_in_words(acl): error.__name__ for acl, (_, _, error) in zip(plan.revoke, replies, strict=True) if error.errno})


def _changes(admin: KafkaAdminClient, topics: Sequence[Topic], copies: int) -> dict[Topic, dict[str, str]]:
    if not topics:
        return {}
    found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics], config_filter="all")
    is_set = {name: config for answers in found.values() for name, config in answers.items()}
    changes = {}
    for topic in topics:
        wanted = CATALOGUE[topic].config(copies)
        differing = {name: value for name, value in wanted.items() if str(is_set[topic][name]["value"]) != value}
        if differing:
            changes[topic] = differing
    return changes


def _impossible(topic: Topic, partitions: Sequence[Mapping[str, Any]], copies: int) -> Iterator[str]:
    """Partitions and copies that are not the catalogue's."""
    wanted, ways = CATALOGUE[topic].partitions, f"leave it as it is (--leave {topic}), or make it anew while nobody writes or reads"
    if len(partitions) > wanted:
        yield f"{topic} has {len(partitions)} partitions, not {wanted}: Kafka takes none away; {ways}"
    if len(partitions) < wanted:
        split = "later records of a key would be in another partition than its earlier ones, and overtake them"
        yield f"{topic} has {len(partitions)} partitions, not {wanted}: if some were added, {split}; {ways}"
    fewest = min(len(p["replica_nodes"]) for p in partitions)
    if fewest < copies:
        move = f"move it with kafka-reassign-partitions, which copies all of it, or leave it as it is (--leave {topic})"
        yield f"{topic} has {fewest} copies of each record, not {copies}: {move}"


def _access(admin: KafkaAdminClient, agencies: Sequence[Agency]) -> tuple[list[Grant], list[ACL], list[str]]:
    """What is missing, what is there and not wanted, and what to say."""
    try:
        there, _ = admin.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, _anything()))
    except SecurityDisabledError:
        return [], [], [NO_ACCESS_LIST]
    wanted = grants(agencies)
    as_acls = {_acl_of(grant): grant for grant in wanted}
    missing = sorted(grant for acl, grant in as_acls.items() if acl not in there)
    users = {f"User:{grant.user}" for grant in wanted}
    return missing, [acl for acl in there if acl not in as_acls and _is_about_us(acl, users)], []


def _is_about_us(acl: ACL, users: set[str]) -> bool:
    resource, prefix = acl.resource_pattern, f"User:{OURS}"
    ours = resource.resource_type is ResourceType.TOPIC and (resource.resource_name in CATALOGUE or resource.resource_name == "*")
    return ours or acl.principal in users or acl.principal.startswith(prefix)


def _anything() -> ResourcePatternFilter:
    return ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)


def _acl_of(grant: Grant) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(ResourceType[grant.resource], grant.name, pattern)
    return ACL(f"User:{grant.user}", "*", ACLOperation[grant.operation], ACLPermissionType.ALLOW, resource)


def _filter_of(acl: ACL) -> ACLFilter:
    resource = acl.resource_pattern
    pattern = ResourcePatternFilter(resource.resource_type, resource.resource_name, resource.pattern_type)
    return ACLFilter(acl.principal, acl.host, acl.operation, acl.permission_type, pattern)


def _in_words(acl: ACL) -> str:
    resource = acl.resource_pattern
    what = f"{resource.resource_type.name.lower()} {resource.resource_name}"
    return f"{acl.principal} {acl.permission_type.name} {acl.operation.name} {what} ({resource.pattern_type.name})"


def _all_well(refused: Mapping[str, str]) -> None:
    """Many calls of the client do not raise: they say in their answer what went wrong."""
    if refused:
        raise _refused("; ".join(f"{what}: {why}" for what, why in refused.items()))


def _refused(why: str) -> DataError:
    return DataError(
        ErrorCode.SETTINGS_INVALID, f"the brokers refused: {why[:600]}; come as their administrator, and look at the plan again"
    )
