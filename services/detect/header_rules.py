"""The rules a scene's headers must meet: a place on Earth on a grid we read, and nothing but what the item says of them."""

from dataclasses import dataclass

import numpy as np
import shapely
from affine import Affine
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.scene import Asset, SceneItem
from jagawana.services.raster.bands import COMMON_NAMES, described_as
from jagawana.services.raster.decoding import RasterHeader
from jagawana.services.raster.guard import Rule

FINEST_M, COARSEST_M = 2.5, 20.5
SENTINEL2_FINEST_M = 10.0
FEWEST_PX = 8
"""Of a side; less ground than a pooling block of the networks shows nothing."""
ALIGNED = 1e-6
FARTHEST_DEG = 15.0
"""From a UTM zone's central meridian; a Sentinel-2 tile of northern Greenland reaches 12."""
SHARED = 0.5
"""Of the smaller one of the item's and the raster's bounds, lies in the other: footprints are simplified, and leave out what is fill."""


@dataclass(frozen=True)
class Described:
    """An asset's header and what its item says of it."""

    key: str
    item: SceneItem
    header: RasterHeader

    @property
    def asset(self) -> Asset:
        """The item's description."""
        return self.item.assets[self.key]

    def refused(self, code: ErrorCode, why: str) -> DataError:
        """The refusal of this asset."""
        return DataError(code, f"asset {self.key}: {why}")


def outline(header: RasterHeader) -> BaseGeometry:
    """A raster's outline in its own coordinate system."""
    t, (height, width) = header.transform, header.shape
    return shapely.segmentize(shapely.box(t.c, t.f + height * t.e, t.c + width * t.a, t.f), 5_000)


def footprint(header: RasterHeader) -> BaseGeometry:
    """A raster's outline in WGS 84: from the file itself, not from what the item says."""
    return reproject(outline(header), header.epsg or 0, 4326)


def _utm(d: Described) -> None:
    epsg = d.header.epsg
    if epsg is None or epsg // 100 not in (326, 327) or not 1 <= epsg % 100 <= 60:
        raise d.refused(ErrorCode.CRS_UNSUPPORTED, f"EPSG:{epsg}; warp it to its UTM zone (WGS 84)")


def _north_up(d: Described) -> None:
    t = d.header.transform
    if not np.isfinite(tuple(t)).all() or t.b or t.d or t.a <= 0 or t.e >= 0 or abs(t.a + t.e) > ALIGNED:
        raise d.refused(ErrorCode.GRID_UNSUPPORTED, f"pixels must be square, finite and north-up, not {tuple(t)[:6]}")


def _pixel_size(d: Described) -> None:
    pixel_m = d.header.transform.a
    if not FINEST_M <= pixel_m <= COARSEST_M:
        raise d.refused(ErrorCode.GRID_UNSUPPORTED, f"pixels of {pixel_m:g} m; only {FINEST_M:g} to {COARSEST_M:g} m are read")


def _side(d: Described) -> None:
    if min(d.header.shape) < FEWEST_PX:
        rows, columns = d.header.shape
        raise d.refused(ErrorCode.GRID_UNSUPPORTED, f"{rows} x {columns} pixels; a scene has {FEWEST_PX} or more on each side")


def _on_earth(d: Described) -> None:
    """Where UTM is meant to be used, on one side of the antimeridian."""
    west, south, east, north = footprint(d.header).bounds
    middle = 6 * ((d.header.epsg or 0) % 100) - 183
    far = max(abs((degrees - middle + 180) % 360 - 180) for degrees in (west, east))
    if not (south >= -80 and north <= 84 and far <= FARTHEST_DEG and east - west < 180):  # also where a bound is no number
        where = f"from {west:g}, {south:g} to {east:g}, {north:g} degrees"
        raise d.refused(ErrorCode.GRID_UNSUPPORTED, f"it reaches {where}: off its UTM zone, or across the antimeridian; cut it there")


def _sensor(d: Described) -> None:
    platform, pixel_m = d.item.properties.platform, d.header.transform.a
    if platform.lower().startswith("sentinel-2") and pixel_m < SENTINEL2_FINEST_M - ALIGNED:
        raise d.refused(ErrorCode.SENSOR_MISMATCH, f"pixels of {pixel_m:g} m; {platform} has none finer than {SENTINEL2_FINEST_M:g} m")


def _crs_as_said(d: Described) -> None:
    if d.asset.code != f"EPSG:{d.header.epsg}":
        raise d.refused(ErrorCode.CRS_MISMATCH, f"the file is in EPSG:{d.header.epsg}, the item says {d.asset.code}")


def _grid_as_said(d: Described) -> None:
    if d.asset.shape != d.header.shape or not d.header.transform.almost_equals(Affine(*d.asset.transform[:6]), 1e-3):
        raise d.refused(ErrorCode.GRID_MISMATCH, "shape or position is not the item's proj:shape or proj:transform")


def _number_of_bands(d: Described) -> None:
    count = len(d.header.descriptions)
    if len(d.asset.bands) != count:
        raise d.refused(ErrorCode.BANDS_MISMATCH, f"the file has {count} bands, the item describes {len(d.asset.bands)}")


def _band_order(d: Described) -> None:
    """Where the file names its bands; nothing in the numbers of a scene proves an order."""
    said = [(band.common_name, described_as(text)) for band, text in zip(d.asset.bands, d.header.descriptions, strict=True)]
    wrong = [f"{ours} is {theirs}" for ours, theirs in said if ours in COMMON_NAMES.values() and theirs not in (None, ours)]
    if wrong:
        raise d.refused(ErrorCode.BANDS_MISMATCH, f"the item's bands are not in the file's order: {', '.join(wrong)} in the file")


def _footprint_as_said(d: Described) -> None:
    """By bounds: no outsider's polygon is intersected with anything."""
    said = shapely.box(*shapely.MultiPoint(d.item.geometry.coordinates[0]).bounds)
    ours = shapely.box(*footprint(d.header).bounds)
    if said.intersection(ours).area <= SHARED * min(said.area, ours.area):
        where = ", ".join(f"{degrees:.3f}" for degrees in ours.bounds)
        raise d.refused(ErrorCode.GRID_MISMATCH, f"it lies at {where} degrees, and not where the item's geometry is")


HEADER_RULES: tuple[Rule[Described], ...] = (
    Rule("UTM", _utm),
    Rule("north up", _north_up),
    Rule("pixel size", _pixel_size),
    Rule("side", _side),
    Rule("on Earth", _on_earth),
    Rule("sensor's pixels", _sensor),
    Rule("coordinate system as said", _crs_as_said),
    Rule("grid as said", _grid_as_said),
    Rule("number of bands", _number_of_bands),
    Rule("order of bands", _band_order),
    Rule("footprint as said", _footprint_as_said),
)
