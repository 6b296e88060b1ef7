"""Two changes that become one: alerts have their cells for identity, so each goes on, and none is withdrawn; mining and roads alike."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from memory.store import MemoryStore

from jagawana.detectors.change import changes
from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import STORED_CLASSES, Observation, sparse
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import AlertState, AlertType, ChangeClass, ZoneKind
from jagawana.schemas.ids import alert_id, sha256_of
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.alerts import findings
from jagawana.services.assess.commit import TileAssessed
from jagawana.services.assess.histories import Stream
from jagawana.services.store.tables import AlertRow, ObservationRow

TILE = "49MDU57"
SQUARE = tile_square(TILE)
START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
PARK = ZoneIndex([Zone("park", ZoneKind.CONSERVATION, "Park", shapely.box(*SQUARE.polygon.buffer(5_000).bounds), "parks", "1", "test")])
ORIGIN, SIDE = (920, 0), 200
"""Two kilometres of the tile's western edge: cells 49MDU5070 to 49MDU5171."""
Block = tuple[int, int, int, int]
"""Row, column, height, width in pixels of 10 m; column 100 is the border of two cells."""
Looks = Sequence[tuple[float, Sequence[Block]]]


def look(day: float, land_class: LandClass, shown: Sequence[Block]) -> Observation:
    stored = np.zeros((len(STORED_CLASSES), 80, SIDE), np.uint8)
    for row, column, height, width in shown:
        stored[STORED_CLASSES.index(land_class), row : row + height, column : column + width] = 230
    positions, values = sparse(stored, origin=ORIGIN, side=1000)
    sky = np.full((80, SIDE), SkyClass.CLEAR, np.uint8)
    return Observation(f"day {day}", f"day {day}", "s2a", START + timedelta(days=day), 10, positions, values, sky, ORIGIN)


def row_of(o: Observation) -> ObservationRow:
    return ObservationRow(
        observation_id=sha256_of(o.observation_id.encode()), tile=TILE, fingerprint="s2/1", acquisition_key=o.scene_id, revision="1",
        scene_id=o.scene_id, platform=o.platform, acquired_at=o.acquired_at, model_id="s2", model_sha256="ab" * 32, calibrated=True,
        resolution_m=10, blob="01" * 32, quicklook="02" * 32, quicklook_bounds="0,0,1,1", footprint_share=1.0, clear_share=1.0,
        cloud_share=0.0, tense="test", recorded_at=START,
    )  # fmt: skip


class Assessed:
    """A tile whose looks arrive one by one; after each its alerts are brought to what is believed."""

    def __init__(self, land_class: LandClass) -> None:
        self.land_class, self.store = land_class, MemoryStore()
        self.arrived: list[Observation] = []

    def sees(self, looks: Looks) -> None:
        for day, shown in looks:
            self.arrived.append(look(day, self.land_class, shown))
            stream = Stream("s2/1", {o.observation_id: row_of(o) for o in self.arrived}, fold(self.arrived))
            found = findings(TILE, [stream], PARK, indonesia())
            tenses = {str(f.content.alert_id): AlertTense.TEST for f in found}
            with self.store.transaction() as tx:
                TileAssessed(tx.alerts.tile_state(TILE), "z", "r", found, tenses, lambda record, told: ()).apply(tx, START)

    @property
    def alerts(self) -> Mapping[str, AlertRow]:
        with self.store.transaction() as tx:
            return tx.alerts.of_tile(TILE)

    def told(self, cell: str) -> list[AlertType]:
        row = self.alerts[alert(cell)]
        with self.store.transaction() as tx:
            return [tx.alerts.record(row.alert_id, n).alert_type for n in range(1, row.record_number + 1)]

    @property
    def states(self) -> dict[str, str]:
        return {row.cell: row.state for row in self.alerts.values()}

    @property
    def things(self) -> int:
        return len(changes(fold(self.arrived), SQUARE))


def alert(cell: str) -> str:
    return str(alert_id(cell, "park", "id.cat3.conservation"))


WEST, EAST = "49MDU5070", "49MDU5170"
APART = {
    LandClass.ROAD: ([(40, 40, 1, 40), (40, 110, 1, 40)], (40, 85, 1, 20)),
    LandClass.MINING: ([(40, 84, 10, 12), (40, 104, 10, 12)], (40, 96, 10, 8)),
}
"""By class: two things 300 m (80 m) apart, each in a cell of its own, and what later lies between; the road leaves gaps of 50 m."""
NEAR = [(40, 40, 1, 25), (40, 75, 1, 20)]
"""Two roads in one cell, 100 m apart."""


@pytest.mark.parametrize("land_class", APART, ids=lambda c: c.name.lower())
def test_two_alerts_go_on_when_what_lies_between_is_seen(land_class: LandClass) -> None:
    two, between = APART[land_class]
    tile = Assessed(land_class)
    tile.sees([(0, []), (5, two), (10, two)])
    assert tile.states == {WEST: AlertState.CONFIRMED, EAST: AlertState.CONFIRMED} and tile.things == 2
    tile.sees([(15, [*two, between]), (20, [*two, between])])
    assert tile.things == 1, "one change now"
    assert tile.states == {WEST: AlertState.CONFIRMED, EAST: AlertState.CONFIRMED}
    for cell in (WEST, EAST):
        first, *later = tile.told(cell)
        assert first is AlertType.INITIAL and AlertType.RETRACTION not in later


@pytest.mark.parametrize("land_class", APART, ids=lambda c: c.name.lower())
def test_a_thing_too_small_to_be_told_is_told_once_it_belongs_to_a_larger_one(land_class: LandClass) -> None:
    two, between = APART[land_class]
    row, column, height, _ = two[1]
    small = [two[0], (row, column, height, 2 if land_class is LandClass.MINING else 15)]
    tile = Assessed(land_class)
    tile.sees([(0, []), (5, small), (10, small)])
    assert tile.states == {WEST: AlertState.CONFIRMED}
    tile.sees([(15, [*small, between]), (20, [*small, between])])
    assert tile.things == 1 and tile.states == {WEST: AlertState.CONFIRMED, EAST: AlertState.CONFIRMED}


def test_a_closed_gap_makes_one_alert_of_two_roads_from_the_beginning() -> None:
    tile = Assessed(LandClass.ROAD)
    tile.sees([(0, []), (5, NEAR[:1]), (10, NEAR[:1])])
    (row,) = tile.alerts.values()
    tile.sees([(15, NEAR), (20, NEAR)])
    (grown,) = tile.alerts.values()
    assert grown.alert_id == row.alert_id == alert(WEST)
    assert tile.things == 1 and tile.told(WEST) == [AlertType.INITIAL, AlertType.SUBSEQUENT]
    with tile.store.transaction() as tx:
        (shape,) = tx.alerts.record(grown.alert_id, 2).content.shapes
    assert shape.change_class is ChangeClass.ROAD and shape.length_m == pytest.approx(540, abs=5)
    assert shape.first_seen_at == START + timedelta(days=5), "as long as the road is known"


@pytest.mark.parametrize("land_class", APART, ids=lambda c: c.name.lower())
def test_joined_or_not_does_not_depend_on_arrival(land_class: LandClass) -> None:
    two, between = APART[land_class]
    looks: list[tuple[float, Sequence[Block]]] = [(0, []), (5, two), (10, two), (15, [*two, between]), (20, [between]), (25, two)]
    in_order = Assessed(land_class)
    in_order.sees(looks)
    for seed in range(8):
        shuffled = looks[:]
        random.Random(seed).shuffle(shuffled)
        tile = Assessed(land_class)
        tile.sees(shuffled)
        believed = {a: row.content_sha256 for a, row in tile.alerts.items() if row.state != AlertState.RETRACTED}
        assert believed == {a: row.content_sha256 for a, row in in_order.alerts.items()}, seed
