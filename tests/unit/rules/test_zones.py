from datetime import date

import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely import Point, Polygon, box

from jagawana.rules.zones import WGS84, Zone, ZoneIndex, in_force, project, zones_to_crs
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

ON = date(2024, 5, 1)


def zone(zone_id, geometry, kind=ZoneKind.CONSERVATION, **more):
    return Zone(zone_id, kind, zone_id, geometry, "layer", "1", "test", **more)


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        (None, None, True),
        (ON, ON, True),
        (date(2024, 5, 2), None, False),
        (None, date(2024, 4, 30), False),
        (date(2020, 1, 1), date(2030, 1, 1), True),
    ],
)
def test_both_the_first_and_the_last_day_are_in_force(first, last, counts):
    assert in_force(zone("z", box(0, 0, 1, 1), valid_from=first, valid_to=last), ON) is counts


def test_touching_is_by_kind_then_id_and_leaves_out_what_only_the_bounds_touch():
    triangle = Polygon([(0, 0), (10, 0), (0, 10)])
    zones = [zone("b", box(0, 0, 9, 9)), zone("a", box(0, 0, 9, 9)), zone("t", triangle), zone("c", box(0, 0, 9, 9), ZoneKind.CONCESSION)]
    assert [z.zone_id for z in ZoneIndex(zones).touching(Point(8, 8), ON)] == ["c", "a", "b"]
    assert ZoneIndex(zones).touching(Point(3, 3), ON) == ZoneIndex(zones[::-1]).touching(Point(3, 3), ON)


def test_zones_not_in_force_are_lapsed_not_touching():
    index = ZoneIndex([zone("z", box(0, 0, 1, 1), valid_to=date(2024, 4, 30))])
    assert index.touching(Point(0.5, 0.5), ON) == []
    assert [z.zone_id for z in index.lapsed(Point(0.5, 0.5), ON)] == ["z"]


def test_within_finds_by_distance():
    index = ZoneIndex([zone("near", box(100, 0, 200, 100)), zone("far", box(301, 0, 400, 100))])
    assert [z.zone_id for z in index.within(Point(0, 50), ON, distance_m=300)] == ["near"]


def test_an_empty_index_answers():
    index = ZoneIndex([])
    assert (index.touching(Point(0, 0), ON), index.within(Point(0, 0), ON, distance_m=9), index.kinds_loaded) == ([], [], frozenset())


def test_kinds_loaded_are_those_of_the_zones_unless_told():
    zones = [zone("z", box(0, 0, 1, 1))]
    assert ZoneIndex(zones).kinds_loaded == {ZoneKind.CONSERVATION}
    assert ZoneIndex(zones, kinds_loaded=[ZoneKind.CONCESSION]).kinds_loaded == {ZoneKind.CONCESSION}


def test_zones_to_utm_have_their_area_and_the_rest_of_them_unchanged():
    before = zone("z", box(113.0, -2.01, 113.01, -2.0), holder="PT Contoh", valid_to=ON)
    (after,) = zones_to_crs([before], 32749)
    assert after.geometry.area == pytest.approx(1113.0 * 1105.7, rel=2e-3)  # metres of a hundredth of a degree at 2 degrees south
    assert (after.zone_id, after.holder, after.valid_to) == ("z", "PT Contoh", ON)


def test_a_long_straight_edge_stays_where_it_was_drawn():
    (after,) = zones_to_crs([zone("z", box(107, -11, 109, -9))], 32749)
    (middle,) = project(np.array([box(107.999, -9.001, 108.001, -8.999)], dtype=object), WGS84, CRS.from_epsg(32749))
    assert after.geometry.boundary.distance(middle.centroid) < 1  # 126 m without dividing the edge


def test_no_zones_give_no_zones():
    assert zones_to_crs([], 32749) == []


def test_a_zone_that_the_target_cannot_show_is_refused():
    with pytest.raises(DataError, match="does not fit EPSG:32749") as e:
        zones_to_crs([zone("far", box(20, 0, 21, 1))], 32749)
    assert e.value.code is ErrorCode.ZONES_INVALID


def test_a_hole_that_touches_its_shell_between_vertices_is_still_valid_after_projection():
    shells = [Polygon([(0, 0), (3, 1), (3, 4), (0, 4)], [[(x, x / 3), (2, 3), (1, 3)]]) for x in np.linspace(0.5, 2.5, 200)]
    valid = [g for g in shells if g.is_valid]
    assert valid
    moved = project(np.array(valid, dtype=object), WGS84, CRS.from_epsg(32631))
    assert shapely.is_valid(moved).all()
    assert all(g.geom_type in ("Polygon", "MultiPolygon") for g in moved)
