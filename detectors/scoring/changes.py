"""Change between two labelled dates: new mining, new roads, and places that did not change but are called something else."""

from math import ceil
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.detector import Mask
from jagawana.detectors.scoring.pixels import Classes
from jagawana.detectors.scoring.roads import RoadCounts, count_roads, lines_of, near
from jagawana.detectors.shapes import EIGHT
from jagawana.detectors.things import MinimumMappingUnit


class PairCounts(NamedTuple):
    """One place at two dates, where both are labelled.

    An event is as much new mining, or new road, in the whole pair as is reported (MinimumMappingUnit). A patch is a connected
    piece of new mining of that size; it is right, or found, when it shares a pixel with new mining of the other mask.
    """

    new_px: int
    new_called_px: int
    new_both_px: int
    event: bool
    event_called: bool
    patches: int
    patches_found: int
    patches_called: int
    patches_right: int
    road: RoadCounts
    road_event: bool
    road_event_called: bool
    alike_px: int
    flipped_px: int


class Dates(NamedTuple):
    """Labels or calls of the two dates, uint8 (H, W) each."""

    before: Classes
    after: Classes


def count_pair(truth: Dates, called: Dates, *, resolution_m: float) -> PairCounts:
    """Mask against mask; what is unsure at either date is not counted."""
    known = (truth.before != NOT_OBSERVED) & (truth.after != NOT_OBSERVED)
    unit = MinimumMappingUnit.at(round(resolution_m))
    enough = pixels_of(unit.mining_ha, resolution_m)
    true, said = (_new(of, LandClass.MINING) & known for of in (truth, called))
    patches, found = _patches(true, said, enough)
    patches_called, right = _patches(said, true, enough)
    roads = [_new_road(of) & known for of in (truth, called)]
    alike = known & (truth.before == truth.after)
    return PairCounts(
        new_px=int(true.sum()),
        new_called_px=int(said.sum()),
        new_both_px=int((true & said).sum()),
        event=int(true.sum()) >= enough,
        event_called=int(said.sum()) >= enough,
        patches=patches,
        patches_found=found,
        patches_called=patches_called,
        patches_right=right,
        road=count_roads(*roads, resolution_m=resolution_m),
        road_event=_is_long(roads[0], resolution_m, unit.road_m),
        road_event_called=_is_long(roads[1], resolution_m, unit.road_m),
        alike_px=int(alike.sum()),
        flipped_px=int((alike & (called.before != called.after)).sum()),
    )


def pixels_of(area_ha: float, resolution_m: float) -> int:
    """The fewest pixels that make this area."""
    return ceil(round(area_ha * 10_000 / resolution_m**2, 6))


def _new(dates: Dates, land_class: LandClass) -> Mask:
    return np.asarray((dates.after == land_class) & (dates.before != land_class))


def _new_road(dates: Dates) -> Mask:
    """Road that has no road near it at the first date: one that only moved by the buffer is not new."""
    return np.asarray((dates.after == LandClass.ROAD) & ~near(dates.before == LandClass.ROAD))


def _patches(mask: Mask, other: Mask, enough: int) -> tuple[int, int]:
    """Connected pieces that are large enough, and how many of them share a pixel with the other mask."""
    if not mask.any():
        return 0, 0
    labels, n = ndimage.label(mask, EIGHT)
    large = np.bincount(labels.ravel(), minlength=n + 1)[1:] >= enough
    shared = np.bincount(labels[other], minlength=n + 1)[1:] > 0
    return int(large.sum()), int((large & shared).sum())


def _is_long(road: Mask, resolution_m: float, at_least_m: float) -> bool:
    return bool(road.any()) and lines_of(road, resolution_m).length >= at_least_m
