"""Group C: what a raster means, C01 to C26. Files are described honestly, so that only what they are can be refused."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from hostile.table import Accepted, Case, Spoil, Target, item
from hostile.tiff import pixels_of
from scenes import EAST, NORTH, RGBN_BANDS, S2_BANDS, describe, edit_item

from jagawana.schemas.errors import ErrorCode

PLACE = Affine(10, 0, EAST, 0, -10, NORTH)
GRID, MISMATCH, CRS = ErrorCode.GRID_UNSUPPORTED, ErrorCode.GRID_MISMATCH, ErrorCode.CRS_UNSUPPORTED
VALUES, BANDS, RADIOMETRY = ErrorCode.VALUES_IMPLAUSIBLE, ErrorCode.BANDS_MISMATCH, ErrorCode.RADIOMETRY_UNKNOWN
Pixels = Callable[[np.ndarray], np.ndarray]


def _raster(
    pixels: Pixels = lambda p: p,
    *,
    crs: str | None = "EPSG:32749",
    place: Affine = PLACE,
    said: dict[str, Any] | None = None,
    asset: str = "image",
    descriptions: tuple[str, ...] = (),
    nodata: float | None = 0,
) -> Spoil:
    """Write the image (or SCL) anew from its pixels; the item says what the file is, apart from `said`."""

    def spoil(t: Target) -> None:
        path = t.image if asset == "image" else t.scl
        made = pixels(pixels_of(path))
        with rasterio.open(path, "w", driver="GTiff", height=made.shape[1], width=made.shape[2], count=len(made), dtype=made.dtype, crs=crs,
                           transform=place, nodata=nodata, compress="deflate") as file:  # fmt: skip
            file.write(made)
            file.descriptions = descriptions or (None,) * len(made)
        numbers = [n if math.isfinite(n) else 0.0 for n in list(place)[:6]]
        truth = {"proj:code": crs or "EPSG:32749", "proj:shape": list(made.shape[1:]), "proj:transform": numbers, "nodata": nodata}
        edit_item(t.item, lambda d: d["assets"][asset].update(truth | describe(path) | (said or {})))

    return spoil


def _elsewhere(d: dict[str, Any]) -> None:
    """The footprint of another continent."""
    d["geometry"]["coordinates"] = [[[x + 20, y] for x, y in d["geometry"]["coordinates"][0]]]


def _wide(d: dict[str, Any]) -> None:
    d["geometry"]["coordinates"] = [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]


def _anywhere(spoil: Spoil) -> Spoil:
    """The item's footprint is the whole world."""
    return lambda t: (spoil(t), edit_item(t.item, _wide), None)[2]


def _bands(edit: Callable[[list[dict[str, Any]]], object]) -> Spoil:
    return item(lambda d: edit(d["assets"]["image"]["bands"]))


def _both(*spoils: Spoil) -> Spoil:
    def spoil(t: Target) -> None:
        for one in spoils:
            one(t)

    return spoil


def _reflectance(p: np.ndarray) -> np.ndarray:
    return (p * 1e-4 - 0.1).astype(np.float32)


def _with(value: float, share: float = 0.1) -> Pixels:
    """Float reflectance with a stripe of a value; the scale is said to be 1."""

    def change(p: np.ndarray) -> np.ndarray:
        made = _reflectance(p)
        made[:, : int(made.shape[1] * share)] = value
        return made

    return change


def _scaled_1(d: dict[str, Any]) -> None:
    """Another platform, whose numbers are reflectance."""
    d["properties"]["platform"] = "airborne"
    for band in d["assets"]["image"]["bands"]:
        band.update({"raster:scale": 1.0, "raster:offset": 0.0})


def _no_offset(d: dict[str, Any]) -> None:
    del d["properties"]["s2:processing_baseline"]
    for band in d["assets"]["image"]["bands"]:
        band.pop("raster:offset")


def _names(bands: dict[str, str]) -> Callable[[dict[str, Any]], None]:
    made = [{"name": n, "eo:common_name": c, "raster:scale": 1e-4, "raster:offset": -0.1} for n, c in bands.items()]
    return lambda d: d["assets"]["image"].update(bands=made)


def _grown(p: np.ndarray) -> np.ndarray:
    return np.tile(p, (1, 3, 3))


AS_BEFORE = {"proj:transform": list(PLACE)[:6], "proj:shape": [96, 96]}
CLOUDY: dict[str, Any] = {"clouds": [(0, 0, 96, 94)]}  # and its margin
REVERSED = tuple(reversed(S2_BANDS))
FLOATS = item(_scaled_1)
CASES = (
    Case("C01", "no coordinate system", CRS, _raster(crs=None)),
    Case("C02", "degrees, with metres in them", CRS, _raster(crs="EPSG:4326")),
    Case("C02", "web map metres", CRS, _raster(crs="EPSG:3857")),
    Case("C03", "the neighbouring zone", ErrorCode.CRS_MISMATCH, _anywhere(_raster(crs="EPSG:32750", said={"proj:code": "EPSG:32749"}))),
    Case("C03", "the neighbouring zone, described as such", MISMATCH, _raster(crs="EPSG:32750"), "not where the item's geometry is"),
    Case("C04", "a position that is no number", GRID, _raster(place=Affine(10, 0, math.nan, 0, -10, NORTH))),
    Case("C04", "a position without end", GRID, _raster(place=Affine(10, 0, math.inf, 0, -10, NORTH))),
    Case("C04", "a position far beyond the Earth", GRID, _anywhere(_raster(place=Affine(10, 0, 1e30, 0, -10, NORTH)))),
    Case("C05", "pixels without size", GRID, _raster(place=Affine(0, 0, EAST, 0, 0, NORTH))),
    Case("C05", "pixels of one metre", GRID, _raster(place=Affine(1, 0, EAST, 0, -1, NORTH))),
    Case("C05", "pixels of 60 metres", GRID, _raster(place=Affine(60, 0, EAST, 0, -60, NORTH))),
    Case("C06", "rotated", GRID, _raster(place=Affine(10, 2, EAST, 2, -10, NORTH))),
    Case("C07", "south up", GRID, _raster(place=Affine(10, 0, EAST, 0, 10, NORTH - 960))),
    Case("C08", "one tile to the east", MISMATCH, _raster(place=PLACE @ Affine.translation(1000, 0), said=AS_BEFORE)),
    Case("C09", "half a pixel to the east", MISMATCH,
         _raster(place=PLACE @ Affine.translation(0.5, 0), said=AS_BEFORE)),
    Case("C10", "a footprint elsewhere", MISMATCH, item(_elsewhere)),
    Case("C11", "three bands", BANDS, _raster(lambda p: p[:3])),
    Case("C11", "thirteen bands", BANDS, _raster(lambda p: np.concatenate([p, p, p[:1]]))),
    Case("C11", "bands no model reads", ErrorCode.BANDS_MISSING, _bands(lambda b: b[3].update({"eo:common_name": "rededge"}))),
    Case("C12", "bands in another order, which the file says", BANDS, _raster(lambda p: p[::-1], descriptions=REVERSED)),
    Case("C12", "bands in another order, which nothing says", Accepted.AS_IT_IS, _raster(lambda p: p[::-1]),
         "not detectable: NIR below red is bare soil, water, cloud or burnt ground as well as a wrong order; no statistic is a law"),
    Case("C13", "reflectance instead of numbers, scaled again", VALUES, _raster(_reflectance)),
    Case("C14", "-1e30 for nothing", VALUES, _both(_raster(_with(-1e30)), FLOATS)),
    Case("C14", "1e20 for nothing", VALUES, _both(_raster(_with(1e20)), FLOATS)),
    Case("C14", "not a number for nothing", Accepted.AS_IT_IS, _both(_raster(_with(math.nan)), FLOATS), "those pixels are fill"),
    Case("C14", "infinity for nothing", Accepted.AS_IT_IS, _both(_raster(_with(-math.inf)), FLOATS), "those pixels are fill"),
    Case("C15", "complex numbers", ErrorCode.DTYPE_UNSUPPORTED, _raster(lambda p: p.astype(np.complex64))),
    Case("C15", "64-bit numbers", ErrorCode.DTYPE_UNSUPPORTED, _raster(lambda p: p.astype(np.float64))),
    Case("C16", "nothing but fill", ErrorCode.NO_VALID_PIXELS, _raster(np.zeros_like)),
    Case("C16", "nothing but not-a-number", ErrorCode.NO_VALID_PIXELS, _both(_raster(_with(math.nan, 1)), FLOATS)),
    Case("C17", "65535 declared as fill", Accepted.AS_CLEAN, _raster(nodata=65535), "no pixel of the scene is 0 or 65535"),
    Case("C17", "fill of 65535 declared nowhere", Accepted.AS_IT_IS, _raster(lambda p: np.where(np.arange(96) < 9, 65535, p).astype("u2")),
         "bright ground: 65535 is a number like another where nodata is 0"),
    Case("C18", "all one value", VALUES, _raster(lambda p: np.full_like(p, 1500))),
    Case("C19", "saturated", VALUES, _raster(lambda p: np.full_like(p, 65535))),
    Case("C20", "no offset and no baseline", RADIOMETRY, item(_no_offset)),
    Case("C20", "an offset against its baseline", RADIOMETRY, _bands(lambda b: b[0].update({"raster:offset": 0.0}))),
    Case("C20", "an offset applied twice", RADIOMETRY, item(lambda d: d["properties"].update({"earthsearch:boa_offset_applied": True}))),
    Case("C21", "nothing but cloud", Accepted.AS_IT_IS, lambda t: None, "an observation without a clear pixel", CLOUDY),
    Case("C22", "SCL of another size than described", MISMATCH,
         _raster(lambda p: p[:, :48, :48], asset="scl", said={"proj:shape": [96, 96]})),
    Case("C22", "SCL of another scene", MISMATCH, _raster(asset="scl", place=PLACE @ Affine.translation(1000, 0))),
    Case("C23", "one pixel", GRID, _anywhere(_raster(lambda p: p[:, :1, :1]))),
    Case("C23", "10,000 pixels in one row", GRID, _anywhere(_raster(lambda p: np.tile(p, (1, 1, 105))[:, :1, :10_000]))),
    Case("C24", "across the antimeridian", GRID,
         _anywhere(_raster(_grown, crs="EPSG:32760", place=Affine(10, 0, 833_000, 0, -10, NORTH)))),
    Case("C24", "a pole", GRID, _anywhere(_raster(_grown, crs="EPSG:32633", place=Affine(10, 0, 500_000, 0, -10, 9_990_000)))),
    Case("C24", "at the edge of a zone", Accepted.AS_IT_IS, lambda t: None, "two tiles, one on each zone's grid",
         {"epsg": 32749, "east": 833_000}),
    Case("C25", "20 m pixels described as 10 m", MISMATCH,
         _raster(lambda p: p[:, ::2, ::2], place=PLACE @ Affine.scale(2), said=AS_BEFORE)),
    Case("C25", "20 m pixels repeated to 10 m", Accepted.AS_IT_IS, _raster(lambda p: p[:, ::2, ::2].repeat(2, 1).repeat(2, 2)),
         "not detectable by a law: a smooth scene is no lie; the checksum binds the product"),
    Case("C26", "four bands of another sensor", ErrorCode.BANDS_MISSING, _both(_raster(lambda p: p[:4]), item(_names(RGBN_BANDS)))),
    Case("C26", "six bands of a finer sensor", ErrorCode.SENSOR_MISMATCH, _anywhere(_raster(place=PLACE @ Affine.scale(0.5)))),
)  # fmt: skip
