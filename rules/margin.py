"""How far a piece of ground reaches past the boundary that decided it, and whether that is more than the map's error."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.rules.zones import ACCURACY_M, Zone

NEIGHBOURHOOD_M = 5_000.0
"""A concession further away than this says nothing about a piece outside it."""
STEP_M = 20.0
"""Half of this is the most by which a margin can be too small; it is less than any tolerance."""


@dataclass(frozen=True, slots=True)
class Margin:
    """`margin_m` is None where no boundary decided, or none is within NEIGHBOURHOOD_M."""

    margin_m: float | None
    tolerance_m: float

    @property
    def near_boundary(self) -> bool:
        """Whether the whole piece lies so near the boundary that map error alone could have put it there."""
        return self.margin_m is not None and self.margin_m < self.tolerance_m


def reach_inside(piece: BaseGeometry, zone: Zone, *, pixel_m: float) -> Margin:
    """How far a piece inside a zone reaches in from the zone's boundary. Metric coordinates."""
    distance_m = shapely.distance(_points(piece), _nearby(zone.geometry.boundary, piece))
    return Margin(_centimetres(distance_m.max()), zone.accuracy_m + pixel_m)


def reach_outside(piece: BaseGeometry, zones: Sequence[Zone], *, pixel_m: float) -> Margin:
    """How far a piece outside all `zones` (those within NEIGHBOURHOOD_M) reaches away from the nearest of them.

    The tolerance is that of the zone nearest to the piece.
    """
    if not zones:
        return Margin(None, ACCURACY_M + pixel_m)
    points = _points(piece)
    distances_m = np.stack([shapely.distance(points, _nearby(z.geometry.boundary, piece)) for z in zones])
    nearest = zones[int(distances_m.min(axis=1).argmin())]
    return Margin(_centimetres(distances_m.min(axis=0).max()), nearest.accuracy_m + pixel_m)


def no_boundary(*, pixel_m: float) -> Margin:
    """For a verdict that no boundary decided."""
    return Margin(None, ACCURACY_M + pixel_m)


def _points(piece: BaseGeometry) -> npt.NDArray[np.object_]:
    """Points along the outline or line, no further than STEP_M apart, and one well inside; object (N,).

    Vertices alone would not do: a road that crosses a park from border to border has both of its vertices on the border.
    """
    along = shapely.get_coordinates(shapely.segmentize(piece, STEP_M))
    inner = shapely.get_coordinates(piece.representative_point())
    return np.asarray(shapely.points(np.vstack([along, inner])), dtype=object)


def _nearby(boundary: BaseGeometry, piece: BaseGeometry) -> BaseGeometry:
    """The stretch of a boundary that can be nearest to any point of the piece; a park's outline may have 200,000 vertices.

    No point of the piece is further from the boundary than its inner point is, plus the piece's own extent.
    """
    west, south, east, north = piece.bounds
    margin_m = piece.representative_point().distance(boundary) + float(np.hypot(east - west, north - south)) + 1.0
    return shapely.clip_by_rect(boundary, west - margin_m, south - margin_m, east + margin_m, north + margin_m)


def _centimetres(value_m: float) -> float:
    return round(float(value_m), 2)
