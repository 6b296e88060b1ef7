"""What lies near: distances and areas against an ellipsoid's own."""

from math import pi

import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import LineString, Point

from jagawana.rules.reach import FARTHEST_KM, nearest, within

GEOD = Geod(ellps="WGS84")


def km2(geometry: shapely.Geometry) -> float:
    return sum(abs(GEOD.geometry_area_perimeter(shapely.segmentize(p, 0.01))[0]) for p in shapely.get_parts(geometry)) / 1e6


@pytest.mark.parametrize("place", [(114.5, -1.2), (114.01, -1.99), (-56.3, -6.5), (113.999, 3.0), (20.0, 59.5)])
def test_a_buffer_has_its_radius_wherever_it_lies(place: tuple[float, float]) -> None:
    ground = within([Point(place)], 10_000)
    assert km2(ground) == pytest.approx(100 * pi, rel=1e-3)
    edge = [GEOD.inv(*place, *xy)[2] for xy in ground.exterior.coords]
    assert np.allclose(edge, 10_000, atol=5)


def test_ground_near_two_sites_is_counted_once_over_the_border_of_square_degrees_too() -> None:
    left, right = Point(113.99, -1.2), Point(114.01, -1.2)
    assert km2(within([left, right], 10_000)) < 1.2 * 100 * pi
    assert km2(within([left, left, Point(120, -1.2)], 10_000)) == pytest.approx(200 * pi, rel=1e-3)
    assert within([], 10_000).is_empty


def test_the_nearest_is_the_nearest_on_the_ellipsoid() -> None:
    rng = np.random.default_rng(3)
    features = [Point(x, y) for x, y in rng.uniform((113.0, -2.5), (116.0, 0.5), (400, 2))]
    places = [Point(x, y) for x, y in rng.uniform((113.5, -2.0), (115.5, 0.0), (40, 2))]
    for place, found in zip(places, nearest(places, features), strict=True):
        metres = [GEOD.inv(place.x, place.y, f.x, f.y)[2] for f in features]
        assert (
            found is not None
            and found.feature == int(np.argmin(metres))
            and found.km == pytest.approx(min(metres) / 1000, rel=1e-4, abs=1e-3)
        )


def test_from_the_edge_of_a_shape_to_the_middle_of_a_line() -> None:
    pit = shapely.box(114.50, -1.21, 114.51, -1.20)
    (found,) = nearest([pit], [LineString([(114.60, -3.0), (114.60, 1.0)])])
    assert found is not None and found.km == pytest.approx(GEOD.inv(114.51, -1.21, 114.60, -1.21)[2] / 1000, rel=1e-3)
    (touching,) = nearest([pit], [LineString([(114.4, -1.205), (114.6, -1.205)])])
    assert touching is not None and touching.km == 0


def test_what_is_too_far_is_not_near() -> None:
    far = Point(114.5 + 1.1 * FARTHEST_KM / 111, -1.2)
    assert nearest([Point(114.5, -1.2)], [far]) == [None] and nearest([Point(114.5, -1.2)], []) == [None]
    assert nearest([], [far]) == []


@pytest.mark.parametrize("latitude", [-1.2, 45.0, 59.5])
def test_a_hundred_kilometres_are_as_far_at_any_latitude(latitude: float) -> None:
    def east(km: float) -> Point:
        return Point(*GEOD.fwd(20.0, latitude, 90, km * 1000)[:2])

    (found,) = nearest([Point(20.0, latitude)], [east(98)])
    assert found is not None and found.km == pytest.approx(98, rel=1e-3)
    assert nearest([Point(20.0, latitude)], [east(102)]) == [None]
