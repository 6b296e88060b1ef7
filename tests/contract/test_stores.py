"""What every store promises to the rooms and the bus: in a database and in memory alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import shapely
from alert_examples import content, record
from memory_store import MemoryStore

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import AlertState, ZoneKind
from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.schemas.observation import AlertTense, CoverageObserved
from jagawana.schemas.topics import Topic
from jagawana.services.failpoints import watched
from jagawana.services.store import log
from jagawana.services.store import zones as sql_zones
from jagawana.services.store.database import open_sqlite
from jagawana.services.store.deliveries import LEASE
from jagawana.services.store.log import Event
from jagawana.services.store.port import Store
from jagawana.services.store.sql import SqlStore, SqlTransaction
from jagawana.services.store.tables import AlertRow, ObservationRow, SceneRow

AT = datetime(2026, 6, 1, tzinfo=UTC)
TILE = "49MDU57"
RECORD = record()
ALERT = str(RECORD.content.alert_id)


@pytest.fixture(params=["sql", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    engine = open_sqlite(tmp_path / "jagawana.sqlite")
    yield SqlStore(engine)
    engine.dispose()


class Undone(Exception):
    """Raised to roll back."""


def sent(store: Store, *names: str, topic: Topic = Topic.COVERAGE) -> list[str]:
    with store.transaction() as tx:
        return [tx.log.publish(topic, coverage(name), source="/test", at=AT) for name in names]


def coverage(name: str) -> CoverageObserved:
    return CoverageObserved(tile=TILE, scene_id=name, acquired_at=AT, footprint_share=1.0, clear_share=0.5, cloud_share=0.5)


def next_of(store: Store, room: str = "room", topic: Topic = Topic.COVERAGE) -> Event | None:
    with store.transaction() as tx:
        return tx.log.next_event(room, topic)


def seen(**changes: Any) -> ObservationRow:
    fields: dict[str, Any] = {
        "observation_id": "o-1", "tile": TILE, "fingerprint": "s2", "acquisition_key": "a-1", "revision": "1", "scene_id": "s-1",
        "platform": "sentinel-2a", "acquired_at": AT, "model_id": "s2", "model_sha256": "ab" * 32, "calibrated": True, "resolution_m": 10,
        "blob": "01" * 32, "quicklook": "02" * 32, "quicklook_bounds": "0,0,1,1", "footprint_share": 1.0, "clear_share": 1.0,
        "cloud_share": 0.0, "tense": "current", "recorded_at": AT,
    }  # fmt: skip
    return ObservationRow(**(fields | changes))


def letters_of(store: Store) -> list[tuple[str, str, str]]:
    if isinstance(store, MemoryStore):
        return [(x.room, x.event.event_id, x.code) for x in store.tables.letters.values()]
    with store.transaction() as tx:
        assert isinstance(tx, SqlTransaction)
        return [(d.room, d.event_id, d.code) for d in log.dead_letters(tx.session)]


def remembered(store: Store, *rows: ObservationRow | SceneRow) -> None:
    with store.transaction() as tx:
        tx.observations.remember(rows)


def current(store: Store, tile: str = TILE) -> list[ObservationRow]:
    with store.transaction() as tx:
        return tx.observations.current(tile)


def an_alert(**changes: Any) -> AlertRow:
    fields: dict[str, Any] = {
        "alert_id": ALERT, "tile": TILE, "cell": f"{TILE}00", "state": "provisional", "content": "{}", "content_sha256": "",
        "record_number": 1, "published": "",
    }  # fmt: skip
    return AlertRow(**(fields | changes))


def activated(store: Store, *zones: Zone) -> str:
    with store.transaction() as tx:
        for zone in zones:
            if isinstance(tx, SqlTransaction):
                sql_zones.activate(tx.session, zone.layer, zone.layer_version, [zone], at=AT)
            else:
                tx.zones.activate(zone.layer, zone.layer_version, [zone])  # type: ignore[attr-defined]
    with store.transaction() as tx:
        return tx.zones.version()


def _admitted(store: Store, key: str, *names: str, hour: int = 0, room: str = "room") -> list[bool]:
    at = AT + timedelta(hours=hour)
    with store.transaction() as tx:
        return [tx.log.admit(room, key, Event(0, "t", "k", name, b""), most=2, since=at - timedelta(days=1), at=at) for name in names]


def test_so_many_events_of_a_key_are_admitted_in_a_while_and_each_once(store: Store) -> None:
    assert _admitted(store, "a", "1", "2", "3") == [True, True, False]
    assert _admitted(store, "a", "1", "2", "3") == [True, True, False], "what was admitted stays so, what was not is not counted"
    assert _admitted(store, "b", "3") == [True] and _admitted(store, "a", "3", room="another") == [True]
    assert _admitted(store, "a", "3", hour=24) == [False] and _admitted(store, "a", "3", "4", "5", hour=25) == [True, True, False]


def test_an_admission_that_is_rolled_back_does_not_count(store: Store) -> None:
    with pytest.raises(Undone), store.transaction() as tx:
        for name in ("1", "2"):
            assert tx.log.admit("room", "a", Event(0, "t", "k", name, b""), most=2, since=AT, at=AT)
        raise Undone
    assert _admitted(store, "a", "3", "4") == [True, True]


# Transactions


def test_a_transaction_keeps_everything_or_nothing(store: Store) -> None:
    with pytest.raises(Undone), store.transaction() as tx:
        tx.log.publish(Topic.COVERAGE, coverage("s"), source="/test", at=AT)
        tx.observations.remember([seen()])
        tx.alerts.advance(tx.alerts.tile_state(TILE), zones_version="z", rules_version="r")
        tx.alerts.believe(an_alert())
        tx.alerts.tell(RECORD, b"{}")
        tx.deliveries.owe(RECORD, ["post"], at=AT)
        raise Undone
    assert next_of(store) is None and current(store) == []
    with store.transaction() as tx:
        assert tx.alerts.tile_states() == [] and tx.alerts.of_tile(TILE) == {} and tx.deliveries.told(ALERT) == []
        assert tx.deliveries.take_next(token="t", now=AT) is None


def test_a_transaction_passes_its_four_failpoints(store: Store) -> None:
    passed: list[str] = []
    with watched(passed.append), store.transaction() as tx:
        tx.zones.version()
    with pytest.raises(Undone), watched(passed.append), store.transaction():
        raise Undone
    assert passed == ["store.beginning", "store.begun", "store.committing", "store.committed", "store.beginning", "store.begun"]


@pytest.mark.parametrize(("point", "kept"), [("store.begun", False), ("store.committing", False), ("store.committed", True)])
def test_what_dies_before_the_commit_is_not_kept_and_after_it_is(store: Store, point: str, kept: bool) -> None:
    def fails(name: str) -> None:
        if name == point:
            raise Undone

    with pytest.raises(Undone), watched(fails):
        sent(store, "s")
    assert (next_of(store) is not None) is kept


# The log


def test_each_room_passes_a_topic_in_order(store: Store) -> None:
    ids = sent(store, "a", "b")
    sent(store, "other", topic=Topic.SCENES)
    first = next_of(store)
    assert first is not None and first.event_id == ids[0] and first.topic == Topic.COVERAGE
    with store.transaction() as tx:
        tx.log.finish("room", first, outcome="done", at=AT)
    second = next_of(store)
    assert second is not None and second.event_id == ids[1] and second.position > first.position
    another = next_of(store, "another room")
    assert another is not None and another.event_id == ids[0]
    with store.transaction() as tx:
        assert tx.log.was_handled("room", ids[0]) and not tx.log.was_handled("room", ids[1]) and not tx.log.was_handled("x", ids[0])


def test_bytes_that_are_no_message_have_an_event_id_of_their_own(store: Store) -> None:
    with store.transaction() as tx:
        ids = {tx.log.append(Topic.COVERAGE, "?", payload, AT) for payload in (b"\xff", b"[]", b'{"id": 7}')}
    event = next_of(store)
    assert len(ids) == 3 and event is not None and event.payload == b"\xff"


def test_passing_an_older_event_late_does_not_go_back(store: Store) -> None:
    sent(store, "a", "b")
    first = next_of(store)
    assert first is not None
    for _ in range(2):
        event = next_of(store)
        assert event is not None
        with store.transaction() as tx:
            tx.log.finish("room", event, outcome="done", at=AT)
    with store.transaction() as tx:
        tx.log.finish("room", first, outcome="done", at=AT)
    assert next_of(store) is None


def test_starts_are_counted_until_the_event_is_passed(store: Store) -> None:
    sent(store, "a")
    event = next_of(store)
    assert event is not None

    def begin() -> int:
        with store.transaction() as tx:
            return tx.log.begin_attempt("room", event)

    assert [begin(), begin()] == [1, 2]
    with store.transaction() as tx:
        assert tx.log.begin_attempt("another", event) == 1
        tx.log.finish("room", event, outcome="done", at=AT)
    assert begin() == 1


def test_a_start_that_ended_is_not_counted(store: Store) -> None:
    sent(store, "a")
    event = next_of(store)
    assert event is not None
    with store.transaction() as tx:
        tx.log.end_attempt("room", event)
        assert [tx.log.begin_attempt("room", event) for _ in range(3)] == [1, 2, 3]
        tx.log.end_attempt("room", event)
        assert tx.log.begin_attempt("room", event) == 3
        for _ in range(5):
            tx.log.end_attempt("room", event)
        assert tx.log.begin_attempt("room", event) == 1


def test_an_event_that_comes_again_under_another_position_is_the_same_killer(store: Store) -> None:
    first = Event(5, Topic.COVERAGE, TILE, "killer", b"{}", partition=2)
    with store.transaction() as tx:
        assert tx.log.begin_attempt("room", first) == 1
        assert tx.log.begin_attempt("room", replace(first, position=9)) == 2
        assert tx.log.begin_attempt("room", replace(first, event_id="another")) == 1


def test_a_batch_is_read_in_order_and_passed_as_a_whole(store: Store) -> None:
    ids = sent(store, "a", "b", "c")
    sent(store, "other", topic=Topic.SCENES)

    def ahead(limit: int = 10) -> list[Event]:
        with store.transaction() as tx:
            return tx.log.next_events("relay", Topic.COVERAGE, limit)

    batch = ahead(2)
    assert [e.event_id for e in batch] == ids[:2] and [e.key for e in ahead()] == [TILE] * 3
    for position in (batch[1].position, batch[0].position):
        with store.transaction() as tx:
            tx.log.pass_through("relay", Topic.COVERAGE, position)
        assert [e.event_id for e in ahead()] == ids[2:], "it never goes back"


def test_each_partition_has_an_offset_of_its_own_and_the_log_another(store: Store) -> None:
    (event_id,) = sent(store, "a")
    with store.transaction() as tx:
        for partition, position in ((0, 7), (1, 3), (0, 4)):
            event = Event(position, Topic.COVERAGE, TILE, f"{partition}-{position}", b"{}", partition)
            tx.log.finish("room", event, outcome="done", at=AT)
    with store.transaction() as tx:
        assert [tx.log.next_offset("room", Topic.COVERAGE, n) for n in (0, 1, 2)] == [8, 4, None]
        assert tx.log.next_offset("another", Topic.COVERAGE, 0) is None and tx.log.next_offset("room", Topic.SCENES, 0) is None
    event = next_of(store)
    assert event is not None and event.event_id == event_id, "positions of Kafka are not those of the log"


def test_burying_passes_the_event_and_the_first_outcome_stays(store: Store) -> None:
    (event_id,) = sent(store, "a")
    event = next_of(store)
    assert event is not None
    with store.transaction() as tx:
        tx.log.bury("room", event, DataError(ErrorCode.CRS_MISMATCH, "elsewhere"), at=AT)
        tx.log.finish("room", event, outcome="done", at=AT)
    assert next_of(store) is None
    with store.transaction() as tx:
        assert tx.log.was_handled("room", event_id)


def test_what_another_worker_has_dealt_with_is_not_buried(store: Store) -> None:
    (event_id,) = sent(store, "a")
    event = next_of(store)
    assert event is not None
    for error in (None, DataError(ErrorCode.CRS_MISMATCH, "elsewhere"), DataError(ErrorCode.DECODER_DIED, "died")):
        with store.transaction() as tx:
            if error is None:
                tx.log.finish("room", event, outcome="done", at=AT)
            else:
                tx.log.bury("room", event, error, at=AT)
                tx.log.bury("another room", event, error, at=AT)
    assert letters_of(store) == [("another room", event_id, "CRS_MISMATCH")]


# Observations


def test_what_is_remembered_first_stays_and_an_older_revision_does_not_count(store: Store) -> None:
    remembered(store, seen(), SceneRow(scene_id="s-1", item_sha256="x", acquired_at=AT, item="{}", recorded_at=AT))
    remembered(store, seen(blob="03" * 32), SceneRow(scene_id="s-1", item_sha256="x", acquired_at=AT, item="{}", recorded_at=AT))
    remembered(store, seen(observation_id="o-2", revision="2"), seen(observation_id="o-0", revision="0"))
    assert [(r.observation_id, r.blob) for r in current(store)] == [("o-2", "01" * 32)]
    remembered(store, seen(observation_id="o-3", revision="2"))
    assert [r.observation_id for r in current(store)] == ["o-3"], "of equal revisions the higher id, whatever came first"


def test_a_product_that_is_only_tried_out_hides_no_real_one(store: Store) -> None:
    remembered(store, seen(observation_id="o-1"), seen(observation_id="o-2", revision="2", tense="test"))
    assert [r.observation_id for r in current(store)] == ["o-1"]
    remembered(store, seen(observation_id="o-2", revision="2", tense="archival"))
    assert [r.observation_id for r in current(store)] == ["o-2"], "now it is real"


def test_observations_come_by_fingerprint_and_time_whatever_the_order_of_arrival(store: Store) -> None:
    rows = [
        seen(observation_id=f"{f}-{d}", fingerprint=f, acquisition_key=f"a-{d}", acquired_at=AT + timedelta(days=d))
        for f, d in [("s2", 3), ("rgbn", 2), ("s2", 1), ("rgbn", 5), ("s2", 2)]
    ]
    remembered(store, *rows, seen(observation_id="elsewhere", tile="49MDU58"))
    assert [r.observation_id for r in current(store)] == ["rgbn-2", "rgbn-5", "s2-1", "s2-2", "s2-3"]
    assert all(r.acquired_at.tzinfo is not None for r in current(store))


@pytest.mark.parametrize(("then", "now", "kept"), [("test", "current", "current"), ("current", "test", "current")])
def test_a_tense_only_becomes_more_real(store: Store, then: str, now: str, kept: str) -> None:
    remembered(store, seen(tense=then))
    remembered(store, seen(tense=now))
    (row,) = current(store)
    assert AlertTense(row.tense) is AlertTense(kept)


# Zones


def test_zones_are_found_by_place_and_the_version_tells_their_content(store: Store) -> None:
    with store.transaction() as tx:
        none = tx.zones.version()
    park = Zone("park-1", ZoneKind.CONSERVATION, "Park", shapely.box(110.5, -1.3, 110.7, -1.0), "parks", "1", "test")
    far = Zone("iup-1", ZoneKind.CONCESSION, "PT Jauh", shapely.box(112.0, -1.3, 112.1, -1.2), "concessions", "1", "test")
    both = activated(store, park, far)
    assert both != none
    with store.transaction() as tx:
        (found,) = tx.zones.active((110.6, -1.2, 110.65, -1.1))
        assert (found.zone_id, found.layer_version) == ("park-1", "1") and found.geometry.equals(park.geometry)
        assert tx.zones.kinds_loaded() == {ZoneKind.CONSERVATION, ZoneKind.CONCESSION}
    moved = Zone("park-1", ZoneKind.CONSERVATION, "Park", shapely.box(100, -1.3, 100.7, -1.0), "parks", "2", "test")
    assert activated(store, moved) not in (both, none)
    with store.transaction() as tx:
        assert tx.zones.active((110.6, -1.2, 110.65, -1.1)) == []
    assert activated(store, park) == both, "back to the old layer is back to the old word"


# Alerts


def test_of_two_that_read_the_same_fence_only_the_first_advances_it(store: Store) -> None:
    with store.transaction() as tx:
        read = tx.alerts.tile_state(TILE)
        assert (read.version, tx.alerts.tile_states()) == (0, [])
    with store.transaction() as tx:
        tx.alerts.advance(read, zones_version="z", rules_version="r")
    with pytest.raises(TransientError) as caught, store.transaction() as tx:
        tx.alerts.advance(read, zones_version="other", rules_version="r")
    assert caught.value.code is ErrorCode.TILE_MOVED_ON
    with store.transaction() as tx:
        (state,) = tx.alerts.tile_states()
        assert (state.tile, state.version, state.zones_version, state.rules_version) == (TILE, 1, "z", "r")
        tx.alerts.advance(state, zones_version="y", rules_version="r")
    with store.transaction() as tx:
        assert tx.alerts.tile_state(TILE).version == 2


def test_alerts_are_kept_changed_and_forgotten(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.believe(an_alert())
        tx.alerts.believe(an_alert(alert_id="other", tile="49MDU58"))
    with store.transaction() as tx:
        row = tx.alerts.of_tile(TILE)[ALERT]
        row.state, row.record_number = AlertState.CONFIRMED, 2
        tx.alerts.believe(row)
    with store.transaction() as tx:
        (row,) = tx.alerts.of_tile(TILE).values()
        assert (row.state, row.record_number) == ("confirmed", 2)
        tx.alerts.forget(row)
    with store.transaction() as tx:
        assert tx.alerts.of_tile(TILE) == {} and set(tx.alerts.of_tile("49MDU58")) == {"other"}


def test_a_record_is_read_as_it_was_told_and_told_once(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.tell(RECORD, encode(RECORD, source="/test", at=AT))
    with store.transaction() as tx:
        assert tx.alerts.record(ALERT, RECORD.record_number) == RECORD
    with pytest.raises(Exception, match=r"UNIQUE|before"), store.transaction() as tx:
        tx.alerts.tell(RECORD, encode(RECORD, source="/test", at=AT))


# Deliveries


def owed(store: Store, *recipients: str, number: int = 1, at: datetime = AT) -> None:
    with store.transaction() as tx:
        tx.deliveries.owe(record(content(), number=number), recipients, at=at)


def taken(store: Store, token: str, now: datetime) -> tuple[str, int, int] | None:
    with store.transaction() as tx:
        row = tx.deliveries.take_next(token=token, now=now)
        return row and (row.recipient_id, row.record_number, row.attempts)


def test_what_is_due_longest_is_leased_first_and_by_one_only(store: Store) -> None:
    owed(store, "b", "a", at=AT)
    owed(store, "c", number=2, at=AT - timedelta(minutes=1))
    owed(store, "later", number=3, at=AT + timedelta(minutes=1))
    assert [taken(store, t, AT) for t in "xyzw"] == [("c", 2, 1), ("a", 1, 1), ("b", 1, 1), None]
    assert [taken(store, t, AT + LEASE) for t in "abcd"] == [("c", 2, 2), ("a", 1, 2), ("b", 1, 2), ("later", 3, 1)], "leases run out"
    with store.transaction() as tx:
        assert tx.deliveries.told(ALERT) == ["a", "b", "c", "later"]


def test_only_the_holder_of_the_lease_settles(store: Store) -> None:
    owed(store, "a")
    with store.transaction() as tx:
        slow = tx.deliveries.take_next(token="slow", now=AT)
    with store.transaction() as tx:
        quick = tx.deliveries.take_next(token="quick", now=AT + LEASE)
    assert slow is not None and quick is not None
    for late, state in ((slow, "dead"), (quick, "sent"), (slow, "pending")):
        with store.transaction() as tx:
            tx.deliveries.settle(late, state=state, next_at=AT, provider_ref=None, error=None, at=AT)
    assert taken(store, "t", AT + 10 * LEASE) is None, "it was sent, and stays sent"


def test_what_failed_is_due_again_at_its_time(store: Store) -> None:
    owed(store, "a")
    with store.transaction() as tx:
        row = tx.deliveries.take_next(token="t", now=AT)
        assert row is not None
        later = AT + timedelta(minutes=7)
        tx.deliveries.settle(row, state="pending", next_at=later, provider_ref=None, error="refused", at=AT)
    assert taken(store, "t", later - timedelta(seconds=1)) is None and taken(store, "t", later) == ("a", 1, 2)


def test_what_a_dead_process_was_sending_is_owed_again(store: Store) -> None:
    owed(store, "a", "b")
    taken(store, "dead", AT)
    with store.transaction() as tx:
        tx.deliveries.reclaim()
    assert {taken(store, "x", AT), taken(store, "y", AT)} == {("a", 1, 2), ("b", 1, 1)}


# Leases


def takes(store: Store, owner: str, seconds: float = 60.0, name: str = "relay") -> bool:
    with store.transaction() as tx:
        return tx.leases.take(name, owner, seconds)


def test_a_lease_is_held_by_one_and_renewed_by_its_owner(store: Store) -> None:
    assert [takes(store, owner) for owner in ("a", "b", "a", "b")] == [True, False, True, False]
    assert takes(store, "b", name="another")
    with store.transaction() as tx:
        tx.leases.give_up("relay", "b")
    assert not takes(store, "b"), "only its owner gives it up"
    with store.transaction() as tx:
        tx.leases.give_up("relay", "a")
    assert takes(store, "b") and not takes(store, "a")


def test_a_lease_that_ran_out_is_anybodys(store: Store) -> None:
    assert takes(store, "a", seconds=0.0) and takes(store, "b") and not takes(store, "a"), "and lost to the one who had it"
