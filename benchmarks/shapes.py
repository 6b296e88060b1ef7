"""Mask to shapes: our runs and outlines against rasterio.features.shapes, on one mask of a whole Sentinel-2 tile.

    python benchmarks/shapes.py [--side 10980] [--repeat 5] [--json]

22,000 specks and 400 patches from 0.3 ha on, 10 m pixels. What the service needs are the outlines of patches from the minimum
mapping unit on; rasterio has no way to leave specks out before it traces them (its users filter afterwards, and so does this).
"""

import argparse
import json
import time
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
import shapely
from rasterio import features
from scipy import ndimage

from jagawana.detectors import shapes
from jagawana.detectors.outlines import outlines
from jagawana.detectors.runs import components, runs_of

MIN_PX = 30
"""0.3 ha."""


def mask_of(side: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), bool)
    scale = (side / 10_980) ** 2
    for row, column in rng.integers(0, side - 8, (round(22_000 * scale), 2)):
        mask[row : row + rng.integers(1, 4), column : column + rng.integers(1, 4)] = True
    for row, column in rng.integers(0, side - 90, (round(400 * scale), 2)):
        seeds = np.zeros((80, 80), bool)
        seeds[tuple(rng.integers(30, 50, (2, 5)))] = True
        mask[row : row + 80, column : column + 80] |= ndimage.binary_dilation(seeds, iterations=int(rng.integers(3, 20)))
    return mask


def ours(mask: np.ndarray, at_least_px: int) -> np.ndarray:
    runs = runs_of(mask)
    component = components(runs, corners=True)
    large = np.bincount(component, weights=runs.length) >= at_least_px
    return outlines(runs.where(large[component]))[0]


def theirs(mask: np.ndarray, at_least_px: int) -> np.ndarray:
    found = features.shapes(mask.view(np.uint8), mask=mask, connectivity=8)
    polygons = np.array([shapely.geometry.shape(shape) for shape, _ in found], object)
    return polygons[shapely.area(polygons) >= at_least_px]


def only_traced(mask: np.ndarray) -> int:
    """Without making geometries of what rasterio returns: the figure that is most in its favour."""
    return sum(1 for _ in features.shapes(mask.view(np.uint8), mask=mask, connectivity=8))


def timed(work: Any, *args: Any) -> float:
    begun = time.perf_counter()
    work(*args)
    return time.perf_counter() - begun


def measure(side: int, repeat: int) -> dict[str, Any]:
    mask = mask_of(side)
    a, b = ours(mask, MIN_PX), theirs(mask, MIN_PX)
    assert round(shapely.area(a).sum()) == round(shapely.area(b).sum()), "the same pixels"
    assert shapely.area(ours(mask, 1)).sum() == mask.sum()
    times: dict[str, list[float]] = {"ours": [], "ours, all specks too": [], "rasterio": [], "rasterio, tracing alone": []}
    for _ in range(repeat):
        times["ours"].append(timed(ours, mask, MIN_PX))
        times["rasterio, tracing alone"].append(timed(only_traced, mask))
        times["ours, all specks too"].append(timed(ours, mask, 1))
        times["rasterio"].append(timed(theirs, mask, MIN_PX))
    ms = {name: round(1000 * median(values), 1) for name, values in times.items()}
    road = ndimage.binary_dilation(np.eye(2_000, dtype=bool), iterations=1)
    return {
        "side_px": side, "set_px": int(mask.sum()), "components": int(ndimage.label(mask, np.ones((3, 3)))[1]), "patches": len(a),
        "n": repeat, "ms": ms, "ratio": round(ms["rasterio"] / ms["ours"], 1),
        "ratio_to_tracing_alone": round(ms["rasterio, tracing alone"] / ms["ours"], 1),
        "ratio_all_specks": round(ms["rasterio, tracing alone"] / ms["ours, all specks too"], 1),
        "centre_line_of_20_km_ms": round(1000 * timed(lambda: shapes.centre_lines(road, (0, 0), 10, at_least_m=200)), 1),
        "versions": {name: version(name) for name in ("rasterio", "shapely", "numpy", "scipy")},
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=10_980)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    figures = measure(given.side, given.repeat)
    print(json.dumps(figures) if given.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))
