"""Zones are those of the version they are kept under, whenever a layer changes."""

import shapely
from memory.blobs import MemoryBlobs
from memory.store import MemoryStore

from jagawana.detectors.fold import FoldPolicy
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind
from jagawana.services.assess.handler import AssessRoom
from jagawana.services.assess.histories import Histories
from jagawana.services.failpoints import Failpoint, watched

TILE = "49MDU57"


def park(version: str, west: float) -> Zone:
    outline = shapely.box(west, -1.2, west + 0.01, -1.1)
    return Zone(f"park-{version}", ZoneKind.CONSERVATION, "Park", outline, "parks", version, "test")


def activate(store: MemoryStore, zone: Zone) -> None:
    with store.transaction() as tx:
        tx.zones.activate("parks", zone.layer_version, [zone])


def names(index: ZoneIndex) -> list[str]:
    return [z.zone_id for z in index._zones]


def test_a_layer_that_changes_while_a_tile_is_read_is_not_taken_for_the_old_one() -> None:
    store = MemoryStore()
    room = AssessRoom(store, Histories(MemoryBlobs(), FoldPolicy()), indonesia(), lambda _record, _told: [])
    old, new = park("old", 110.6), park("new", 110.65)
    activate(store, old)
    commits = 0

    def changes_at_the_first_commit(name: Failpoint) -> None:
        nonlocal commits
        commits += name == "store.committed"
        if name == "store.committed" and commits == 1:
            activate(store, new)

    with watched(changes_at_the_first_commit):
        room.assess(TILE)
    activate(store, old)
    room.assess(TILE)
    kept = {version: names(index) for (_, version), index in room._zones.items()}
    with store.transaction() as tx:
        assert kept == {tx.zones.version(): ["park-old"]}


def test_zones_are_kept_for_as_many_tiles_as_there_is_room() -> None:
    store, one = MemoryStore(), ZoneIndex([]).nbytes
    room = AssessRoom(store, Histories(MemoryBlobs(), FoldPolicy()), indonesia(), lambda _record, _told: [], kept_zone_bytes=64 * one)
    for number in range(100):
        room.assess(f"49MDU{number:02d}")
    assert {tile for tile, _ in room._zones} == {f"49MDU{number}" for number in range(36, 100)}
    activate(store, park("wide", 110.6))
    room.assess(TILE)
    largest = max(index.nbytes for index in room._zones.values())
    assert largest > 2 * one and len(room._zones) == 1 + (64 * one - largest) // one, "a tile with a zone takes the room of several"


def test_zones_that_take_more_than_all_the_room_are_used_and_not_kept() -> None:
    store = MemoryStore()
    room = AssessRoom(store, Histories(MemoryBlobs(), FoldPolicy()), indonesia(), lambda _record, _told: [], kept_zone_bytes=10)
    activate(store, park("only", 110.6))
    with store.transaction() as tx:
        assert names(room._zones_around(tx, TILE, tx.zones.version())) == ["park-only"]
    assert not room._zones
