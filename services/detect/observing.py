"""One tile of one scene through cloud mask and network: pure on arrays that were read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jagawana.detectors.clouds import CloudMask, Sky, SkyClass
from jagawana.detectors.detector import Window
from jagawana.detectors.history import Bytes2D
from jagawana.detectors.plausibility import check_values
from jagawana.detectors.quicklook import quicklook
from jagawana.schemas.base import TileId
from jagawana.services.detect.imagery import SceneImage, TileWindow

PREPROCESSING = "p1"
"""Changes when pixels reach the network in another way; a new word re-baselines every history."""


@dataclass(frozen=True)
class TileSeen:
    """What a scene showed of a tile: the part inside the tile, without halo."""

    origin: tuple[int, int]
    probabilities: Bytes2D
    sky: Bytes2D
    quicklook: bytes
    bounds: tuple[float, float, float, float]
    footprint_share: float
    clear_share: float
    cloud_share: float


@dataclass(frozen=True)
class TileRead:
    """A tile's window as it was read: what the network is shown, and what lies between sensor and ground in the tile itself."""

    tile: TileId
    place: TileWindow
    pixels: Window
    sky: Bytes2D


def read_tile(image: SceneImage, tile: TileId, place: TileWindow, bands: Sequence[str], clouds: CloudMask) -> TileRead:
    """Read a tile's window with its halo and look for clouds.

    Raises:
        DataError: VALUES_IMPLAUSIBLE.
    """
    reflectance, valid = image.reflectance(place, bands)
    check_values(reflectance, valid, where=f"{image.item.id}, tile {tile}")
    layers = dict(zip(bands, reflectance, strict=True))
    sky = clouds(layers, valid, resolution_m=place.resolution_m, scene_class=image.scene_class(place))
    keep = _inside(place)
    return TileRead(tile, place, Window(reflectance, valid, keep, np.asarray(sky == SkyClass.CLEAR)), np.ascontiguousarray(sky[keep]))


def seen_of(read: TileRead, probabilities: Bytes2D, bands: Sequence[str]) -> TileSeen:
    """What a scene showed of a tile, from what was read and what the network says of it.

    The result depends on the scene, the tile and the detector, and on nothing else.
    """
    rows, columns = read.pixels.keep
    natural = read.pixels.reflectance[[bands.index(name) for name in ("red", "green", "blue")], rows, columns]
    return TileSeen(
        origin=(read.place.row + rows.start, read.place.column + columns.start),
        probabilities=probabilities,
        sky=read.sky,
        quicklook=quicklook(natural),
        bounds=_bounds(read.place, rows, columns),
        **_shares(read.sky, read.place),
    )


def _inside(window: TileWindow) -> tuple[slice, slice]:
    """Rows and columns of the window that lie in the tile itself."""
    side = window.square.side // window.resolution_m
    rows = slice(max(0, -window.row), min(window.rows, side - window.row))
    return rows, slice(max(0, -window.column), min(window.columns, side - window.column))


def _bounds(window: TileWindow, rows: slice, columns: slice) -> tuple[float, float, float, float]:
    t, r = window.transform, window.resolution_m
    return t.c + columns.start * r, t.f - rows.stop * r, t.c + columns.stop * r, t.f - rows.start * r


def _shares(sky: Sky, window: TileWindow) -> dict[str, float]:
    pixels = (window.square.side // window.resolution_m) ** 2
    clear = int(np.count_nonzero(sky == SkyClass.CLEAR))
    hidden = int(np.count_nonzero(sky)) - clear
    return {
        "footprint_share": round((clear + hidden) / pixels, 6),
        "clear_share": round(clear / pixels, 6),
        "cloud_share": round(hidden / pixels, 6),
    }
