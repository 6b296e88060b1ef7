"""Changes cut along cells and zones: slivers, and which precursors a person is told of."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.change import Change
from jagawana.detectors.fold import fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import Observation, sparse
from jagawana.rules.pack import indonesia
from jagawana.rules.severity import Near
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import AlertState, ChangeClass, ZoneKind
from jagawana.services.assess.histories import Stream
from jagawana.services.assess.pieces import MINIMUM_PIECE, NEAR_M, Piece, Surroundings, pieces, size

TILE = "49MDU57"
SQUARE = tile_square(TILE)
X, Y = SQUARE.east, SQUARE.north
DAY = datetime(2026, 3, 1, tzinfo=UTC)
ALL = shapely.box(X - 9_000, Y - 9_000, X + 19_000, Y + 19_000)
FAR = shapely.box(X - 9_000, Y - 9_000, X - 8_900, Y - 8_900)
NOTHING = shapely.MultiPolygon()
SEEN = Observation(
    "o", "o", "s2a", DAY, 10, *sparse(np.zeros((5, 4, 4), np.uint8), origin=(0, 0), side=1000), np.ones((4, 4), np.uint8), (0, 0)
)
STREAM = Stream("f", MappingProxyType({}), fold([SEEN]))


def zone(kind: ZoneKind, geometry: BaseGeometry, name: str = "z") -> Zone:
    assert isinstance(geometry, shapely.Polygon)
    return Zone(name, kind, name, geometry, "layer", "1", "test")


PARK = ZoneIndex([zone(ZoneKind.CONSERVATION, ALL)])
OUTSIDE = ZoneIndex([zone(ZoneKind.CONCESSION, FAR)])
INSIDE = ZoneIndex([zone(ZoneKind.CONCESSION, ALL)])


def change(kind: ChangeClass, geometry: BaseGeometry, state: AlertState = AlertState.PROVISIONAL) -> Change:
    return Change(
        kind, state, geometry, DAY - timedelta(days=5), DAY, None if state is AlertState.PROVISIONAL else DAY, DAY, 0.9, 1, 1, SEEN, SEEN,
        (SEEN,),
    )  # fmt: skip


def cut(*found: Change, zones: ZoneIndex = PARK, mining: BaseGeometry = NOTHING, huts: BaseGeometry = NOTHING) -> list[Piece]:
    return pieces(TILE, [(STREAM, c) for c in found], Surroundings(mining, huts), zones, indonesia())


def pit(west: float, south: float, width: float, height: float) -> Change:
    return change(ChangeClass.MINING, shapely.MultiPolygon([shapely.box(X + west, Y + south, X + west + width, Y + south + height)]))


def road(*points: tuple[float, float], state: AlertState = AlertState.PROVISIONAL) -> Change:
    return change(ChangeClass.ROAD, shapely.MultiLineString([[(X + x, Y + y) for x, y in points]]), state)


def camp(state: AlertState = AlertState.PROVISIONAL) -> Change:
    return change(ChangeClass.HUT, shapely.MultiPoint([(X + 500 + 20 * n, Y + 500) for n in range(4)]), state)


def sizes(found: Sequence[Piece]) -> list[tuple[str, float]]:
    return [(p.cell, round(size(p.change.change_class, p.geometry), 1)) for p in found]


def test_a_pit_over_a_cell_s_edge_is_two_pieces_that_are_the_whole() -> None:
    assert sizes(cut(pit(950, 500, 100, 100))) == [("49MDU5070", 5_000.0), ("49MDU5170", 5_000.0)]


def test_a_sliver_across_a_cell_edge_joins_the_rest_and_no_hectare_is_lost() -> None:
    assert sizes(cut(pit(900, 500, 110, 90))) == [("49MDU5070", 9_900.0)], "900 m² are a sliver"
    assert len(cut(pit(900, 500, 120, 90))) == 2, "1,800 m² are a piece"
    assert MINIMUM_PIECE[ChangeClass.MINING] == 1_000


def test_nothing_but_slivers_is_one_piece_where_most_of_it_is() -> None:
    assert sizes(cut(pit(980, 980, 50, 40))) == [("49MDU5170", 2_000.0)]


def test_a_piece_touching_an_edge_only_is_in_one_cell() -> None:
    assert [p.cell for p in cut(pit(900, 500, 100, 100))] == ["49MDU5070"]


def test_a_zone_s_border_cuts_a_pit_and_each_side_has_its_verdict() -> None:
    half = ZoneIndex([zone(ZoneKind.CONCESSION, shapely.box(X, Y, X + 500, Y + 10_000), "iup"), zone(ZoneKind.CONCESSION, FAR, "far")])
    inside, outside = sorted(cut(pit(400, 100, 200, 100), zones=half), key=lambda p: p.geometry.bounds)
    assert (inside.verdict.rule_id, inside.worthy, inside.geometry.area) == ("id.cat1.concession", False, 10_000)
    assert (outside.verdict.rule_id, outside.worthy, outside.geometry.area) == ("id.cat3.outside_concession", True, 10_000)
    assert inside.key != outside.key


def test_mining_is_told_when_seen_once_where_it_must_not_be_and_not_where_it_may() -> None:
    assert [p.worthy for p in cut(pit(100, 100, 100, 100))] == [True]
    assert [p.worthy for p in cut(pit(100, 100, 100, 100), zones=OUTSIDE)] == [True]
    assert [p.worthy for p in cut(pit(100, 100, 100, 100), zones=INSIDE)] == [False]
    assert [p.worthy for p in cut(pit(100, 100, 100, 100), zones=ZoneIndex([]))] == [False], "no concession layer: undetermined"


LINE = ((100.0, 500.0), (800.0, 500.0))
PIT_NEAR = shapely.box(X + 800 + NEAR_M, Y + 450, X + 800 + NEAR_M + 100, Y + 550)
PIT_FAR = shapely.transform(PIT_NEAR, lambda xy: xy + np.array([1, 0]))
HUTS = shapely.MultiPoint([(X + 500, Y + 700)])


@pytest.mark.parametrize("thing", [road(*LINE), camp()], ids=["road", "camp"])
@pytest.mark.parametrize("zones", [PARK, OUTSIDE], ids=["park", "outside"])
def test_a_precursor_seen_once_with_no_mining_near_is_told_nobody(thing: Change, zones: ZoneIndex) -> None:
    assert [p.worthy for p in cut(thing, zones=zones)] == [False]
    assert [p.worthy for p in cut(thing, zones=zones, mining=PIT_FAR)] == [False]
    assert [p.worthy for p in cut(thing, zones=zones, huts=HUTS)] == [False], "huts are no second look"


def test_a_road_near_mining_is_told_when_seen_once() -> None:
    for zones in (PARK, OUTSIDE):
        assert [p.worthy for p in cut(road(*LINE), zones=zones, mining=PIT_NEAR)] == [True]
    assert [p.worthy for p in cut(road(*LINE), zones=INSIDE, mining=PIT_NEAR)] == [False]


def test_a_road_seen_twice_is_told_in_a_park_and_elsewhere_only_near_activity() -> None:
    confirmed = road(*LINE, state=AlertState.CONFIRMED)
    assert [p.worthy for p in cut(confirmed, zones=PARK)] == [True]
    assert [p.worthy for p in cut(confirmed, zones=OUTSIDE)] == [False], "roads are built for many reasons"
    assert [p.worthy for p in cut(confirmed, zones=OUTSIDE, huts=HUTS)] == [True]
    assert [p.worthy for p in cut(camp(AlertState.CONFIRMED), zones=OUTSIDE, huts=HUTS)] == [False], "huts are not near themselves"


def test_roads_and_camps_are_cut_by_cells_too() -> None:
    assert sizes(cut(road((500, 500), (1_500, 500), state=AlertState.CONFIRMED))) == [("49MDU5070", 500.0), ("49MDU5170", 500.0)]
    assert sizes(cut(road((500, 500), (1_040, 500), state=AlertState.CONFIRMED))) == [("49MDU5070", 540.0)]
    assert sizes(cut(camp())) == [("49MDU5070", 4.0)]


@pytest.mark.parametrize(("far_m", "near"), [(0, True), (999, True), (1_001, False)])
def test_for_severity_a_new_road_or_hut_is_near_within_a_kilometre(far_m: float, near: bool) -> None:
    pit, no_zones = shapely.box(0, 0, 100, 100), ZoneIndex([])
    road, hut = shapely.LineString([(100 + far_m, 0), (100 + far_m, 500)]), shapely.Point(-far_m, 50)
    assert Surroundings(NOTHING, NOTHING, road).near(pit, no_zones, DAY.date()) == Near(road=near)
    assert Surroundings(NOTHING, hut).near(pit, no_zones, DAY.date()) == Near(huts=near)


@pytest.mark.parametrize(("far_m", "near"), [(0, True), (199, True), (201, False)])
def test_for_severity_a_river_is_near_within_200_m_of_a_strip_in_force(far_m: float, near: bool) -> None:
    pit, strip = shapely.box(0, 0, 100, 100), shapely.box(100 + far_m, 0, 200 + far_m, 100)
    river = Zone("r", ZoneKind.RIPARIAN, "r", strip, "l", "1", "s", valid_to=DAY.date())
    around = Surroundings(NOTHING, NOTHING)
    assert around.near(pit, ZoneIndex([river]), DAY.date()) == Near(river=near)
    assert around.near(pit, ZoneIndex([river]), DAY.date() + timedelta(days=1)) == Near(), "over the day before"
    assert around.near(pit, ZoneIndex([replace(river, kind=ZoneKind.CONSERVATION)]), DAY.date()) == Near()
