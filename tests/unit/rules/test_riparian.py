"""Riparian strips: as wide as was asked, however long the river is and wherever it runs."""

import pytest
import shapely
from pyproj import Geod
from shapely import LineString, Polygon

from jagawana.rules.riparian import LARGE_M, SMALL_M, strip, strip_width_m

GEOD = Geod(ellps="WGS84")
SHORT = LineString([(113.1, -2.0), (113.9, -1.5)])
LONG = LineString([(109.3, 0.1), (111.0, 0.4), (112.5, -0.3), (114.1, 0.9)])
"""Over five degrees, both hemispheres and several pieces, as the Kapuas."""
LAKE = Polygon([(111.9, -1.1), (112.2, -1.2), (112.1, -0.8)])
"""Across the border of two pieces."""


def metres_to(river: shapely.Geometry, x: float, y: float) -> float:
    """Geodesic metres from a place to the nearest of many places along a river's edge."""
    edge = shapely.boundary(river) if river.area else river
    places = shapely.get_coordinates(shapely.segmentize(edge, 0.0002))
    near = places[((places - (x, y)) ** 2).sum(axis=1).argsort()[:50]]
    return float(min(GEOD.line_length([x, px], [y, py]) for px, py in near))


@pytest.mark.parametrize("river", [SHORT, LONG, LAKE], ids=["short", "long", "lake"])
@pytest.mark.parametrize("width_m", [50.0, 500.0])
def test_the_edge_of_a_strip_is_everywhere_that_far_from_the_river(river: shapely.Geometry, width_m: float) -> None:
    found = strip(river, width_m)
    assert found.is_valid and shapely.covers(found, river)
    edge = shapely.get_coordinates(shapely.line_interpolate_point(found.exterior, [n / 60 for n in range(60)], normalized=True))
    for x, y in edge:
        assert metres_to(river, x, y) == pytest.approx(width_m, rel=0.03, abs=13), (
            "its arcs have 16 corners a circle; places lie 22 m apart"
        )


def test_a_river_in_many_pieces_is_one_strip_without_a_seam() -> None:
    assert strip(LONG, 50).geom_type == "Polygon" and not strip(LONG, 50).interiors


@pytest.mark.parametrize(
    ("river", "width_m"),
    [
        ({"is_urban": True, "depth_m": 3.0, "catchment_km2": None}, 10),
        ({"is_urban": True, "depth_m": 3.1, "catchment_km2": 9e3}, 15),
        ({"is_urban": True, "depth_m": 20.1, "catchment_km2": None}, 30),
        ({"is_urban": False, "depth_m": 30.0, "catchment_km2": 500}, SMALL_M),
        ({"is_urban": False, "depth_m": None, "catchment_km2": 501}, LARGE_M),
    ],
)  # fmt: skip
def test_widths_are_those_of_the_regulation(river: dict[str, float | None], width_m: float) -> None:
    assert strip_width_m(**river) == width_m  # type: ignore[arg-type]
