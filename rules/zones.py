"""Zones: polygons with a legal meaning and dates, and the index that finds those a shape touches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from shapely import MultiPolygon, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

ACCURACY_M = 30.0
"""Accuracy of a layer that does not state one: a line of 0.3 mm on a 1:100,000 map."""
WGS84 = CRS.from_epsg(4326)
BYTES_PER_INDEX, BYTES_PER_ZONE, BYTES_PER_VERTEX = 1_000, 2_000, 128
"""Measured over zones of 70 and of 50,000 vertices; most of it is what makes an outline ready to be asked."""
LONGEST_EDGE = {True: 0.05, False: 5_000.0}
"""Edges longer than this are divided before they are projected, by whether the source is in degrees or in metres.

A straight edge of 1 degree is bent by up to 50 m at 11 degrees latitude when projected; one of 0.05 degrees by 0.1 m."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One polygon of a layer. Coordinates are (x, y) = (longitude, latitude) in WGS 84, or (easting, northing) in metres."""

    zone_id: str
    kind: ZoneKind
    name: str
    geometry: Polygon | MultiPolygon
    layer: str
    layer_version: str
    source: str
    valid_from: date | None = None
    valid_to: date | None = None
    holder: str | None = None
    stage: str | None = None
    accuracy_m: float = ACCURACY_M
    code: str | None = None
    """Official code, e.g. the number of a permit."""
    commodity: str | None = None
    designation: str | None = None
    """What the zone is called by law, e.g. Reserva Extrativista."""
    method: str | None = None
    """Words of the record that say whether the permit is for surface or underground mining."""
    licence: str | None = None
    """Licence of the layer's data."""
    redistributable: bool | None = None
    """Whether the layer's data may be passed on; None when nobody said."""
    approximate: bool = False
    """Whether the outline was derived, e.g. a strip drawn from a centre-line."""


def in_force(zone: Zone, on: date) -> bool:
    """Whether the zone counts on that day; both its first and its last day count."""
    return (zone.valid_from is None or zone.valid_from <= on) and (zone.valid_to is None or on <= zone.valid_to)


class ZoneIndex:
    """Finds zones by place. Immutable; the tree is built at the first question, and zones are prepared when first met.

    Args:
        zones: any order; the same zones in any order give the same answers.
        kinds_loaded: kinds of which a layer is loaded anywhere, when `zones` are only those near a tile.
            Without it, the kinds of `zones`. It separates "outside every concession" from "no concession layer at hand".
    """

    def __init__(self, zones: Iterable[Zone], *, kinds_loaded: Iterable[ZoneKind] | None = None) -> None:
        self._zones: tuple[Zone, ...] = tuple(sorted(zones, key=_order))
        kinds = (z.kind for z in self._zones) if kinds_loaded is None else kinds_loaded
        self.kinds_loaded: frozenset[ZoneKind] = frozenset(kinds)

    @property
    def nbytes(self) -> int:
        """About the memory it takes, its zones and what makes them ready to be asked included."""
        vertices = shapely.get_num_coordinates(np.array([z.geometry for z in self._zones], dtype=object)).sum()
        return BYTES_PER_INDEX + BYTES_PER_ZONE * len(self._zones) + BYTES_PER_VERTEX * int(vertices)

    @cached_property
    def _tree(self) -> STRtree:
        return STRtree([z.geometry for z in self._zones])

    def touching(self, geometry: BaseGeometry, on: date) -> list[Zone]:
        """Zones in force on that day that share at least one point with `geometry`, by kind and zone_id."""
        return [z for z in self._met(geometry) if in_force(z, on)]

    def lapsed(self, geometry: BaseGeometry, on: date) -> list[Zone]:
        """Zones that share a point with `geometry` but are not in force on that day: ended, or not begun."""
        return [z for z in self._met(geometry) if not in_force(z, on)]

    def around(self, geometry: BaseGeometry, *, distance_m: float) -> list[Zone]:
        """Zones no further than `distance_m` from `geometry` (metric coordinates only), whatever the day."""
        return [self._zones[i] for i in np.sort(self._tree.query(geometry, predicate="dwithin", distance=distance_m))]

    def within(self, geometry: BaseGeometry, on: date, *, distance_m: float) -> list[Zone]:
        """Zones in force on that day no further than `distance_m` from `geometry` (metric coordinates only)."""
        return [z for z in self.around(geometry, distance_m=distance_m) if in_force(z, on)]

    def _met(self, geometry: BaseGeometry) -> list[Zone]:
        near = [self._zones[i] for i in np.sort(self._tree.query(geometry))]
        for zone in near:
            shapely.prepare(zone.geometry)  # a park of 50,000 vertices is asked about thousands of small shapes
        return [z for z in near if shapely.intersects(z.geometry, geometry)]


def zones_to_crs(zones: Sequence[Zone], epsg: int) -> list[Zone]:
    """The same zones with geometries in another coordinate system.

    Args:
        zones: geometries in WGS 84 (longitude, latitude); give only those near the tile, since a UTM zone ends somewhere.
        epsg: EPSG code of the target, e.g. 32750 for UTM zone 50 South.

    Raises:
        DataError: ZONES_INVALID when a zone has no finite coordinates in the target.
    """
    moved = project(np.array([z.geometry for z in zones], dtype=object), WGS84, CRS.from_epsg(epsg))
    for zone, geometry in zip(zones, moved, strict=True):
        if not np.isfinite(shapely.bounds(geometry)).all():
            raise DataError(
                ErrorCode.ZONES_INVALID, f"zone {zone.zone_id} of {zone.layer} does not fit EPSG:{epsg}; pass only zones near the tile"
            )
    return [replace(z, geometry=g) for z, g in zip(zones, moved, strict=True)]


def project(geometries: npt.NDArray[np.object_], source: CRS, target: CRS) -> npt.NDArray[np.object_]:
    """Polygons in another coordinate system; long edges are divided first, so that they stay where they were drawn.

    Rounding of a valid polygon can move a vertex 1e-9 m across an edge that it touched. Only such polygons are mended
    (GEOS "structure", which costs no more than a union); a polygon that was invalid before is the reader's to refuse.

    Args:
        geometries: object (N,) of valid polygons.
    """
    divided = shapely.segmentize(geometries, LONGEST_EDGE[source.is_geographic])
    transformer = _transformer(source, target)
    moved = shapely.transform(divided, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))
    crossed = ~shapely.is_valid(moved) & np.isfinite(shapely.bounds(moved).reshape(-1, 4)).all(axis=1)
    moved[crossed] = shapely.make_valid(moved[crossed], method="structure", keep_collapsed=False)
    return moved


@lru_cache(maxsize=256)  # 120 UTM zones; building one takes longer than using it
def _transformer(source: CRS, target: CRS) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _order(zone: Zone) -> tuple[int, str, str, str]:
    return (list(ZoneKind).index(zone.kind), zone.zone_id, zone.layer, zone.layer_version)
