"""One tile of one scene through cloud mask and network: pure on arrays that were read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jagawana.detectors.clouds import CloudMask, Sky, SkyClass
from jagawana.detectors.detector import Detector, Mask
from jagawana.detectors.history import STORED_CLASSES, Bytes2D, quantised
from jagawana.detectors.quicklook import quicklook
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


def observe(image: SceneImage, window: TileWindow, detector: Detector, clouds: CloudMask) -> TileSeen:
    """Read a tile's window with its halo, look for clouds, run the network, keep the tile.

    The result depends on the scene, the tile and the detector, and on nothing else.
    """
    reflectance = image.reflectance(window, detector.spec.bands)
    valid: Mask = np.asarray(np.isfinite(reflectance).all(axis=0))
    layers = dict(zip(detector.spec.bands, reflectance, strict=True))
    sky = clouds(layers, valid, resolution_m=window.resolution_m, scene_class=image.scene_class(window))
    rows, columns = _inside(window)
    seen: Mask = np.asarray(sky[rows, columns] == SkyClass.CLEAR)
    return TileSeen(
        origin=(window.row + rows.start, window.column + columns.start),
        probabilities=_probabilities(detector, reflectance, valid, rows, columns, seen),
        sky=np.ascontiguousarray(sky[rows, columns]),
        quicklook=quicklook(_natural(layers)[:, rows, columns]),
        bounds=_bounds(window, rows, columns),
        **_shares(sky[rows, columns], window),
    )


def _probabilities(
    detector: Detector, reflectance: npt.NDArray[np.float32], valid: Mask, rows: slice, columns: slice, seen: Mask,
) -> Bytes2D:  # fmt: skip
    """Nothing clear, nothing to ask the network."""
    if not seen.any():
        return np.zeros((len(STORED_CLASSES), *seen.shape), np.uint8)
    return quantised(detector(np.nan_to_num(reflectance), valid)[:, rows, columns], seen)


def _inside(window: TileWindow) -> tuple[slice, slice]:
    """Rows and columns of the window that lie in the tile itself."""
    side = window.square.side // window.resolution_m
    rows = slice(max(0, -window.row), min(window.rows, side - window.row))
    return rows, slice(max(0, -window.column), min(window.columns, side - window.column))


def _natural(layers: Mapping[str, npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    return np.stack([layers["red"], layers["green"], layers["blue"]])


def _bounds(window: TileWindow, rows: slice, columns: slice) -> tuple[float, float, float, float]:
    t, r = window.transform, window.resolution_m
    return t.c + columns.start * r, t.f - rows.stop * r, t.c + columns.stop * r, t.f - rows.start * r


def _shares(sky: Sky, window: TileWindow) -> dict[str, float]:
    pixels = (window.square.side // window.resolution_m) ** 2
    counts = np.bincount(sky.ravel(), minlength=4)
    clear, hidden = int(counts[SkyClass.CLEAR]), int(counts[SkyClass.CLOUD] + counts[SkyClass.SHADOW])
    return {
        "footprint_share": round((clear + hidden) / pixels, 6),
        "clear_share": round(clear / pixels, 6),
        "cloud_share": round(hidden / pixels, 6),
    }
