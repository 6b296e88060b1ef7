"""A scene's pixels on a tile's grid: reflectance by band, the scene classification, and where there is anything at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.warp import Resampling, reproject
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.detector import Mask, Reflectance
from jagawana.detectors.grid import Square, tile_square, tiles_touched
from jagawana.detectors.grid import reproject as reproject_geometry
from jagawana.detectors.radiometry import radiometry
from jagawana.schemas.base import TileId
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.scene import SceneItem
from jagawana.services.detect.header_rules import ALIGNED, HEADER_RULES, Described, footprint, outline
from jagawana.services.raster.block_rows import PixelSource
from jagawana.services.raster.decoding import RasterHeader
from jagawana.services.raster.guard import hold

SCL = "scl"
MARGIN_PX = 3
POOLING_PX = 8
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class BandPlace:
    """Where a band lies and how its numbers become reflectance."""

    asset: str
    number: int
    scale: float
    offset: float


@dataclass(frozen=True)
class TileWindow:
    """A window of a tile's grid, in pixels; rows count from the tile's north edge, may be negative inside a halo."""

    square: Square
    resolution_m: int
    row: int
    column: int
    rows: int
    columns: int

    @property
    def transform(self) -> Affine:
        """Pixel to metres."""
        r = self.resolution_m
        return Affine(r, 0, self.square.east + self.column * r, 0, -r, self.square.north + self.square.side - self.row * r)

    @property
    def polygon(self) -> BaseGeometry:
        """The window in the tile's UTM zone."""
        t = self.transform
        return shapely.box(t.c, t.f - self.rows * self.resolution_m, t.c + self.columns * self.resolution_m, t.f)


class SceneImage:
    """A scene whose headers agree with its item. Reads windows; keeps no pixels."""

    def __init__(self, item: SceneItem, source: PixelSource) -> None:
        self.item, self._source = item, source
        self.headers = {key: _checked(Described(key, item, source.header(key))) for key in sorted(item.assets)}
        self.bands = _places(item)
        spectral = [self.headers[place.asset] for name, place in self.bands.items() if name != SCL]
        if not spectral:
            raise DataError(ErrorCode.BANDS_MISSING, f"{item.id}: no band has an eo:common_name this service knows")
        self.finest = min(spectral, key=lambda h: h.transform.a)

    @property
    def footprint(self) -> BaseGeometry:
        """The raster's outline in WGS 84: from the file itself, not from what the item says."""
        return footprint(self.finest)

    def tiles(self, resolution_m: int, halo_px: int) -> list[tuple[TileId, TileWindow]]:
        """The tiles the scene touches and their windows, in the order in which the file's rows are read: north to south."""
        windows = ((tile, self.window(tile_square(tile), resolution_m, halo_px)) for tile in tiles_touched(self.footprint))
        found = [(tile, window) for tile, window in windows if window is not None]
        return sorted(found, key=lambda pair: (*self._place_in_file(pair[1]), pair[0]))

    def _place_in_file(self, window: TileWindow) -> tuple[int, float]:
        """Northing in steps of half a tile, so that a row of tiles is one row; then easting."""
        west, _, _, north = reproject_geometry(window.polygon, window.square.epsg, _epsg(self.finest)).bounds
        return -round(north / (window.square.side / 2)), west

    def window(self, square: Square, resolution_m: int, halo_px: int) -> TileWindow | None:
        """The part of a tile and its halo that the scene covers; None when it does not reach the tile itself."""
        west, south, east, north = reproject_geometry(outline(self.finest), _epsg(self.finest), square.epsg).bounds
        side, top = square.side // resolution_m, square.north + square.side
        left, right = floor((west - square.east) / resolution_m + ALIGNED), ceil((east - square.east) / resolution_m - ALIGNED)
        upper, lower = floor((top - north) / resolution_m + ALIGNED), ceil((top - south) / resolution_m - ALIGNED)
        if right <= 0 or lower <= 0 or left >= side or upper >= side:
            return None
        column, row = max(_on_pooling_grid(left), -halo_px), max(_on_pooling_grid(upper), -halo_px)
        return TileWindow(square, resolution_m, row, column, min(lower, side + halo_px) - row, min(right, side + halo_px) - column)

    def reflectance(self, window: TileWindow, bands: Sequence[str]) -> tuple[Reflectance, Mask]:
        """Reflectance of a window and where every band holds data; bilinear where grids differ.

        Returns:
            float32 (len(bands), rows, columns), finite, and bool (rows, columns).
        """
        layers = np.zeros((len(bands), window.rows, window.columns), np.float32)
        valid = np.ones(layers.shape[1:], bool)
        for asset, wanted in self._by_asset(bands).items():
            read = self._read(asset, [self.bands[name].number for name in wanted], window)
            if read is None:
                valid[:] = False
                continue
            for name, numbers in zip(wanted, read[0], strict=True):
                self._place(self.bands[name], numbers, read[1], window, layers[list(bands).index(name)], valid)
        return layers, valid

    def _place(
        self,
        place: BandPlace,
        numbers: npt.NDArray[Any],
        transform: Affine,
        window: TileWindow,
        layer: npt.NDArray[np.float32],
        valid: Mask,
    ) -> None:
        """Scale one band's numbers into its layer of the window, and take from `valid` what it does not hold."""
        header = self.headers[place.asset]
        at = _same_grid(transform, header, window)
        is_data = self._is_data(place.asset, numbers)
        if at is None:
            values = np.where(is_data, numbers * np.float32(place.scale) + np.float32(place.offset), np.float32(np.nan))
            placed = _resampled(values, transform, header, window, Resampling.bilinear)
            valid &= np.isfinite(placed)
            np.nan_to_num(placed, copy=False)
            layer[:] = placed
            return
        source, target = _overlap(numbers.shape, at, window)
        np.multiply(numbers[source], np.float32(place.scale), out=layer[target])
        layer[target] += np.float32(place.offset)
        inside = np.zeros_like(valid)
        inside[target] = is_data[source]
        valid &= inside

    def scene_class(self, window: TileWindow) -> npt.NDArray[np.uint8] | None:
        """The producer's scene classification (SCL), uint8 (rows, columns), 0 where there is none; None without an SCL band."""
        if SCL not in self.bands:
            return None
        place = self.bands[SCL]
        read = self._read(place.asset, [place.number], window)
        if read is None:
            return np.zeros((window.rows, window.columns), np.uint8)
        codes, transform, header = read[0][0].astype(np.uint8), read[1], self.headers[place.asset]
        at = _same_grid(transform, header, window)
        if at is None:
            return _resampled(codes, transform, header, window, Resampling.nearest)
        source, target = _overlap(codes.shape, at, window)
        out = np.zeros((window.rows, window.columns), np.uint8)
        out[target] = codes[source]
        return out

    def _is_data(self, asset: str, numbers: npt.NDArray[Any]) -> Mask:
        nodata = self.headers[asset].nodata
        nodata = self.item.assets[asset].nodata if nodata is None else nodata
        fill = 0.0 if nodata is None else nodata
        if numbers.dtype.kind == "f":
            return np.asarray(np.isfinite(numbers) & (numbers != numbers.dtype.type(fill)))
        limits = np.iinfo(numbers.dtype)
        if not (limits.min <= fill <= limits.max and fill == int(fill)):
            return np.ones(numbers.shape, bool)
        return np.asarray(numbers != numbers.dtype.type(fill))

    def _by_asset(self, bands: Sequence[str]) -> Mapping[str, list[str]]:
        grouped: dict[str, list[str]] = {}
        for name in bands:
            grouped.setdefault(self.bands[name].asset, []).append(name)
        return grouped

    def _read(self, asset: str, numbers: Sequence[int], window: TileWindow) -> tuple[npt.NDArray[Any], Affine] | None:
        """Source pixels around a window in the file's own type, and their transform; None when the asset does not reach it."""
        header = self.headers[asset]
        around = reproject_geometry(shapely.segmentize(window.polygon, 1_000), window.square.epsg, _epsg(header))
        west, south, east, north = around.bounds
        t, (height, width) = header.transform, header.shape
        left, right = floor((west - t.c) / t.a) - MARGIN_PX, ceil((east - t.c) / t.a) + MARGIN_PX
        upper, lower = floor((t.f - north) / -t.e) - MARGIN_PX, ceil((t.f - south) / -t.e) + MARGIN_PX
        left, upper, right, lower = max(left, 0), max(upper, 0), min(right, width), min(lower, height)
        if right <= left or lower <= upper:
            return None
        pixels = self._source.read(asset, bands=numbers, window=(upper, left, lower - upper, right - left))
        return pixels, t @ Affine.translation(left, upper)


def _on_pooling_grid(pixel: int) -> int:
    """The same ground always meets the network's pooling at the same phase, wherever the scene's edge is."""
    return pixel // POOLING_PX * POOLING_PX


def _same_grid(transform: Affine, header: RasterHeader, window: TileWindow) -> tuple[int, int] | None:
    """Row and column of the window's corner in pixels of `transform`, where the grids agree to a millionth of a pixel; else None."""
    column, row = ~transform @ (window.transform.c, window.transform.f)
    same = _epsg(header) == window.square.epsg and abs(transform.a - window.resolution_m) < ALIGNED
    if same and abs(column - round(column)) < ALIGNED and abs(row - round(row)) < ALIGNED:
        return round(row), round(column)
    return None


def _overlap(shape: tuple[int, ...], at: tuple[int, int], window: TileWindow) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """What a layer and a window share: rows and columns in the layer, and in the window."""
    source, target = [], []
    for length, first, wanted in zip(shape, at, (window.rows, window.columns), strict=True):
        low, high = max(first, 0), min(first + wanted, length)
        source.append(slice(low, max(low, high)))
        target.append(slice(low - first, max(low, high) - first))
    return (source[0], source[1]), (target[0], target[1])


def _resampled(
    layer: npt.NDArray[T], transform: Affine, header: RasterHeader, window: TileWindow, resampling: Resampling
) -> npt.NDArray[T]:
    """A layer on the window's grid; not-a-number, or 0 in integers, where it does not reach."""
    fill = np.nan if layer.dtype.kind == "f" else None
    out = np.full((window.rows, window.columns), 0 if fill is None else fill, layer.dtype)
    reproject(
        layer, out, src_transform=transform, src_crs=f"EPSG:{_epsg(header)}", dst_transform=window.transform,
        dst_crs=f"EPSG:{window.square.epsg}", src_nodata=fill, dst_nodata=fill, resampling=resampling,
    )  # fmt: skip
    return out


def _places(item: SceneItem) -> dict[str, BandPlace]:
    places = {}
    for key, asset in sorted(item.assets.items()):
        for number, band in enumerate(asset.bands, 1):
            if band.common_name == SCL:
                places[SCL] = BandPlace(key, number, 1.0, 0.0)
            elif band.common_name is not None:
                r = radiometry(item, band)
                places[band.common_name] = BandPlace(key, number, r.scale, r.offset)
    return places


def _checked(described: Described) -> RasterHeader:
    hold(HEADER_RULES, described)
    return described.header


def _epsg(header: RasterHeader) -> int:
    return int(header.epsg or 0)
