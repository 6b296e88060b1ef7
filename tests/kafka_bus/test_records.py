"""Records that FastStream would drop before any handler sees them. Each cure is taken away once, and the record is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from kafka_bus.messages import Header, letters, payload, produce, room
from kafka_bus.running import passed, reading, wait_for
from servers.kafka import Kafka

from jagawana.services.bus.kafka import reader as reader_module
from jagawana.services.store.sql import SqlStore

pytestmark = pytest.mark.services


async def as_it_comes(record: Any, original: Callable[[Any], Any]) -> Any:
    return await original(record)


ODD_HEADERS: list[list[Header]] = [[("a", b"\xff\xfe")], [("a", None)], [("", b"")], [("a", b"1"), ("a", bytes(range(256)))]]
FASTSTREAM_S_OWN = [("content-type", b"application/json")]


def test_no_header_makes_a_record_disappear(cluster: Kafka, store: SqlStore) -> None:
    seen: list[str] = []
    produce(cluster, *((payload(n), headers) for n, headers in enumerate(ODD_HEADERS)), (payload(9), []))
    with reading(cluster, store, route := room(seen)):
        wait_for(lambda: passed(store, route) == 5, "five records")
    assert seen == ["scene-0", "scene-1", "scene-2", "scene-3", "scene-9"] and letters(store) == []


def test_without_our_parser_records_with_odd_headers_are_lost(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "any_headers", as_it_comes)
    seen: list[str] = []
    produce(cluster, (payload(0), ODD_HEADERS[0]), (payload(1), ODD_HEADERS[1]), (payload(9), []))
    with reading(cluster, store, route := room(seen)):
        wait_for(lambda: passed(store, route) == 3, "it passes over them")
    assert seen == ["scene-9"] and letters(store) == [], "lost, and nobody is told"


def test_bytes_that_claim_to_be_json_reach_the_dead_letters(cluster: Kafka, store: SqlStore) -> None:
    produce(cluster, (b"{", FASTSTREAM_S_OWN), (b"", FASTSTREAM_S_OWN), (b"1", []), (None, []), (payload(9), FASTSTREAM_S_OWN))
    seen: list[str] = []
    with reading(cluster, store, route := room(seen)):
        wait_for(lambda: passed(store, route) == 5, "five records")
    assert seen == ["scene-9"] and letters(store) == ["MESSAGE_UNREADABLE"] * 3, "an empty one and a tombstone are one event"


def test_without_our_decoder_they_are_lost(cluster: Kafka, store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "bytes_as_they_are", as_it_comes)
    produce(cluster, (b"{", FASTSTREAM_S_OWN), (payload(9), []))
    seen: list[str] = []
    with reading(cluster, store, route := room(seen)):
        wait_for(lambda: passed(store, route) == 2, "it passes over it")
    assert seen == ["scene-9"] and letters(store) == []


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_whatever_codec_a_producer_chooses_is_read(cluster: Kafka, store: SqlStore, codec: str) -> None:
    produce(cluster, (payload(1), []), codec=codec)
    seen: list[str] = []
    with reading(cluster, store, route := room(seen)):
        wait_for(lambda: passed(store, route) == 1, codec)
    assert seen == ["scene-1"]
