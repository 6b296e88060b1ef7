"""Liveness on a cluster with rights: a reader that was once refused its group never reads again, and says that all is well."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
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
from kafka_bus.messages import room
from kafka_bus.running import QUICKLY, Loop, make_topics, wait_for
from servers.kafka import Kafka

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.topics import Topic
from jagawana.services.bus.handling import EventHandling
from jagawana.services.bus.kafka import watching
from jagawana.services.bus.kafka.connection import Connection
from jagawana.services.bus.kafka.progress import GIVE_UP_CODE, Progress
from jagawana.services.bus.kafka.reader import Reader
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services
USER, PASSWORD = "room", "kunci-7F3K"
READ_GROUP = ACL(f"User:{USER}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.GROUP, "jagawana-room"))
READ_TOPIC = ACL(f"User:{USER}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, Topic.COVERAGE))


@pytest.fixture(scope="module")
def secure() -> Iterator[Kafka]:
    with Kafka(secure=True) as cluster:
        cluster.add_user(USER, PASSWORD)
        make_topics(cluster, Topic.COVERAGE)
        allow(cluster, READ_TOPIC, READ_GROUP)
        yield cluster


def allow(cluster: Kafka, *rights: ACL) -> None:
    with closing(cluster.admin()) as admin:
        assert not admin.create_acls(list(rights))["failed"]


def forbid_the_group(cluster: Kafka) -> None:
    pattern = ResourcePatternFilter(ResourceType.GROUP, "jagawana-room", ACLResourcePatternType.LITERAL)
    with closing(cluster.admin()) as admin:
        admin.delete_acls([ACLFilter(f"User:{USER}", "*", ACLOperation.READ, ACLPermissionType.ALLOW, pattern)])


def login(cluster: Kafka, password: str = PASSWORD) -> Connection:
    return Connection(tuple(cluster.servers), USER, password, cluster.ca)


@contextmanager
def watched(cluster: Kafka, store: SqlStore, ends: list[int], silence_seconds: float) -> Iterator[tuple[Loop, Reader]]:
    """A reader and its watch; instead of ending the process, the exit code is written down."""
    loop = Loop()

    async def made() -> Reader:
        handling = EventHandling(store, QUICKLY, attempts=3)
        return Reader(room([]), handling, login(cluster), Progress(), session_seconds=6)

    reader = loop.run(made())
    loop.run(reader.start())
    watch = loop.begin(watching.Watch(reader, silence_seconds=silence_seconds).keep())
    try:
        yield loop, reader
    finally:
        watch.cancel()
        loop.run(reader.stop())
        loop.close()


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    def written_down(code: int, _why: str) -> None:
        codes.append(code)
        raise asyncio.CancelledError

    monkeypatch.setattr(watching, "exit_at_once", written_down)
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.5)
    return codes


def test_readers_with_nothing_to_do_live_with_and_without_a_partition(secure: Kafka, store: SqlStore, ends: list[int]) -> None:
    with ExitStack() as stack:
        readers = [stack.enter_context(watched(secure, store, ends, 4.0))[1] for _ in range(2)]
        time.sleep(10.0)
        assert sorted(len(r.subscriber.consumer.assignment()) for r in readers) == [0, 1] and ends == []  # type: ignore[union-attr]


def test_a_reader_that_lost_its_group_ends_though_its_client_says_it_is_well(secure: Kafka, store: SqlStore, ends: list[int]) -> None:
    with watched(secure, store, ends, 6.0) as (_, reader):
        time.sleep(2.0)
        forbid_the_group(secure)
        try:
            wait_for(lambda: ends == [GIVE_UP_CODE], "the end", seconds=60)
            assert reader.subscriber.running, "what a health check would have asked"
        finally:
            allow(secure, READ_GROUP)


def test_a_wrong_password_says_so(secure: Kafka, store: SqlStore) -> None:
    refused(store, login(secure, "wrong"), "SaslAuthenticationFailed", ErrorCode.SETTINGS_INVALID)


def test_a_certificate_of_another_authority_says_so(secure: Kafka, store: SqlStore, tmp_path: Path) -> None:
    from servers.certificates import Authority

    stranger = Connection(tuple(secure.servers), USER, PASSWORD, Authority(tmp_path).path)
    refused(store, stranger, "CERTIFICATE_VERIFY_FAILED", ErrorCode.SETTINGS_INVALID)


def test_another_host_s_certificate_says_so(secure: Kafka, store: SqlStore) -> None:
    port = secure.servers[0].rpartition(":")[2]
    refused(store, Connection((f"127.1:{port}",), USER, PASSWORD, secure.ca), "mismatch", ErrorCode.SETTINGS_INVALID)


def test_speaking_in_the_clear_says_so(secure: Kafka, store: SqlStore) -> None:
    refused(store, Connection(tuple(secure.servers)), "does not answer", ErrorCode.BUS_UNAVAILABLE)


def test_nobody_there_says_so_and_may_be_waited_for(store: SqlStore) -> None:
    refused(store, Connection(("127.0.0.1:1",)), "127.0.0.1:1", ErrorCode.BUS_UNAVAILABLE)


def test_an_expired_certificate_says_so(store: SqlStore) -> None:
    valid = timedelta(seconds=30)  # a broker refuses to start with one that has expired
    ends = time.monotonic() + valid.total_seconds() + 10.0
    with Kafka(secure=True, certificate_valid=valid) as cluster:
        cluster.add_user(USER, PASSWORD)
        time.sleep(max(0.0, ends - time.monotonic()))
        refused(store, login(cluster), "certificate has expired", ErrorCode.SETTINGS_INVALID)


def refused(store: SqlStore, connection: Connection, says: str, code: ErrorCode) -> None:
    loop = Loop()

    async def start() -> None:
        reader = Reader(room([]), EventHandling(store, QUICKLY, attempts=1), connection, Progress())
        try:
            await reader.start()
        finally:
            await reader.stop()

    with pytest.raises((DataError, TransientError)) as caught:
        loop.run(start())
    loop.close()
    assert caught.value.code is code and says in caught.value.detail and PASSWORD not in caught.value.detail, caught.value.detail
