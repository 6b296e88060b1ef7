"""A noisy change map to roads: what hand-drawn forest roads of it are found, how much else, before and after `road_lines`.

    python benchmarks/road_lines.py ../shared/data [--json]

Reads planet_drc_road_change/difference.tif (3.125 m, DR Congo; 200 = forest lost) and planet_drc_road_masks/change_mask.tif (1 = new
road and its clearing, 2 = no change, 0 = not judged). Limits were chosen on the western half; only the eastern half is a test.
Lengths count: complete = hand-drawn middle lines within the buffer of a found line; correct = found lines within the buffer of a
hand-drawn middle line, of those that were judged; on road = found lines on the hand-drawn road area, of those that were judged.
"Pierced": a piece of 50 m is erased every 300 m along the hand-drawn roads.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
import shapely
from scipy import ndimage
from skimage.morphology import remove_small_holes

from jagawana.detectors.roads.lines import RoadLimits, road_lines
from jagawana.detectors.roads.mask import road_networks
from jagawana.detectors.roads.networks import without_spurs
from jagawana.detectors.roads.skeleton import skeleton_lines

RESOLUTION_M, HALF = 3.125, 3000
ROAD, NO_CHANGE = 1, 2
BUFFERS_PX = (2, 5)
ALERT_ROAD_M = 150.0
"""The smallest road reported at 3 to 5 m."""


def pixel_wise(lost: np.ndarray, hand: np.ndarray) -> dict[str, float]:
    called, road = lost & (hand != 0), hand == ROAD
    return {"recall": round((called & road).sum() / road.sum(), 3), "precision": round((called & road).sum() / called.sum(), 3)}


def as_in_alerts(lost: np.ndarray) -> shapely.MultiLineString:
    """Networks as alerts have them: for class masks, whose pixels are not doubted."""
    return shapely.MultiLineString(list(road_networks(lost, RESOLUTION_M, at_least_m=ALERT_ROAD_M).lines))


def with_limits(limits: RoadLimits) -> Callable[[np.ndarray], shapely.MultiLineString]:
    return lambda lost: road_lines(lost.astype(np.float32), RESOLUTION_M, limits)


def middle_of(road: np.ndarray) -> shapely.MultiLineString:
    """Of the hand-drawn area, whose edge is ragged: holes up to 0.2 ha filled, dead ends up to 60 m cut."""
    whole = remove_small_holes(road, max_size=200)
    return shapely.MultiLineString(list(without_spurs(skeleton_lines(whole), 60 / RESOLUTION_M)))


def along(lines: shapely.Geometry, shape: tuple[int, int]) -> np.ndarray:
    """Columns, rows and lengths of a point in each pixel or so of lines, (N, 3)."""
    pieces = shapely.get_parts(shapely.segmentize(lines, 1.0))
    ends = [shapely.get_coordinates(piece) for piece in pieces]
    steps = np.concatenate([np.column_stack([(e[1:] + e[:-1]) / 2, np.hypot(*np.diff(e, axis=0).T)]) for e in ends] or [np.empty((0, 3))])
    steps[:, :2] = np.clip(steps[:, :2], 0, np.array(shape[::-1]) - 1)
    return steps


def distance_to(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    free = np.ones(shape, bool)
    free[points[:, 1].astype(int), points[:, 0].astype(int)] = False
    return ndimage.distance_transform_edt(free) if len(points) else np.full(shape, np.inf)


def score(lines: shapely.Geometry, reference: shapely.Geometry, hand: np.ndarray) -> dict[str, float]:
    got, wanted = along(lines, hand.shape), along(reference, hand.shape)
    at, to = (points[:, 1::-1].astype(int).T for points in (got, wanted))
    away, missing = distance_to(wanted, hand.shape)[tuple(at)], distance_to(got, hand.shape)[tuple(to)]
    area, length = hand[tuple(at)], got[:, 2]
    figures: dict[str, float] = {}
    for buffer in BUFFERS_PX:
        judged = (area != 0) | (away <= buffer)
        figures[f"complete {buffer} px"] = wanted[missing <= buffer, 2].sum() / wanted[:, 2].sum()
        figures[f"correct {buffer} px"] = length[away <= buffer].sum() / max(length[judged].sum(), 1e-9)
    figures["on road"] = length[area == ROAD].sum() / max(length[area != 0].sum(), 1e-9)
    figures["km where nothing changed"] = length[area == NO_CHANGE].sum() * RESOLUTION_M / 1000
    return {name: round(float(value), 3) for name, value in figures.items()}


def pierced(lost: np.ndarray, reference: shapely.Geometry, every_m: float = 300.0, gap_m: float = 50.0) -> np.ndarray:
    centres = [
        shapely.get_coordinates(shapely.line_interpolate_point(line, at))[0]
        for line in shapely.get_parts(reference)
        for at in np.arange(every_m / 2, line.length * RESOLUTION_M, every_m) / RESOLUTION_M
    ]
    far = distance_to(np.array(centres), lost.shape)
    return lost & (far > gap_m / 2 / RESOLUTION_M)


def measure(lost: np.ndarray, hand: np.ndarray) -> dict[str, dict[str, float]]:
    reference = middle_of(hand == ROAD)
    ways = {
        "as in alerts": as_in_alerts,
        "road_lines": with_limits(RoadLimits()),
        "road_lines, gaps left": with_limits(replace(RoadLimits(), gap_m=1e-6)),
        "road_lines, any support": with_limits(replace(RoadLimits(), support=0.0)),
    }
    found: dict[str, dict[str, float]] = {"pixel-wise": pixel_wise(lost, hand)}
    holes = pierced(lost, reference)
    for name, way in ways.items():
        begin = time.perf_counter()
        lines = way(lost)
        seconds = time.perf_counter() - begin
        found[name] = score(lines, reference, hand) | {"seconds": round(seconds, 1)}
        if name.startswith("road_lines"):
            found[f"{name}, pierced"] = score(way(holes), reference, hand)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    files = [options.data / "planet_drc_road_change" / "difference.tif", options.data / "planet_drc_road_masks" / "change_mask.tif"]
    if missing := [str(f) for f in files if not f.is_file()]:
        print(f"nothing measured: {', '.join(missing)} is not there; give the folder of the shared data", file=sys.stderr)
        return
    difference, hand = (rasterio.open(f).read(1) for f in files)
    halves = {"west (chosen on)": np.s_[:, :HALF], "east (test)": np.s_[:, HALF:]}
    report = {name: measure(difference[half] == 200, hand[half]) for name, half in halves.items()}
    if options.json:
        print(json.dumps(report, indent=2))
        return
    for half, ways in report.items():
        print(half)
        for way, figures in ways.items():
            print(f"  {way:32s} " + "  ".join(f"{name} {value:g}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
