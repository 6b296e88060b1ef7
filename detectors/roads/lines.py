"""A noisy road mask or probability to the lines of its roads: smoothed, thinned, spurs cut, gaps closed, what is no road left out."""

from dataclasses import dataclass

import shapely
from scipy import ndimage

from jagawana.detectors.roads.gaps import closed
from jagawana.detectors.roads.networks import Likelihood, far_reaching, supported, without_spurs
from jagawana.detectors.roads.skeleton import skeleton_lines


@dataclass(frozen=True)
class RoadLimits:
    """What is taken for a road (docs/decisions/0019-road-lines.md has how they were chosen).

    Attributes:
        smooth_m: standard deviation of the smoothing; none where a pixel is coarser, since a road is a pixel wide there.
        level: likelihood from which a pixel is road, after smoothing.
        spur_m: dead ends shorter than this are the skeleton's, not the road's.
        piece_m, support: before gaps are closed, what hangs together must reach so far, corner to corner of its bounds, and have so
            high a mean likelihood along it: noise that hangs together is thin, and would offer its ends to every gap.
        gap_m, turn_deg: a gap up to so long is closed where the line turns no more than this.
        look_back_m: how much of a line tells where it leads.
        extent_m: in the end, a network must reach so far.
    """

    smooth_m: float = 6.25
    level: float = 0.5
    spur_m: float = 40.0
    piece_m: float = 80.0
    support: float = 0.85
    gap_m: float = 100.0
    turn_deg: float = 40.0
    look_back_m: float = 40.0
    extent_m: float = 300.0


def road_lines(likelihood: Likelihood, resolution_m: float, limits: RoadLimits | None = None) -> shapely.MultiLineString:
    """Roads of a mask or probability.

    Args:
        likelihood: float32 (H, W), 0..1; a mask is 0 and 1.
        resolution_m: pixel size.
        limits: the defaults were chosen on a change map of 3.125 m.

    Returns:
        lines between ends and junctions, in pixels (column, row); empty when there is no road.
    """
    limits, m = limits or RoadLimits(), resolution_m
    smooth = ndimage.gaussian_filter(likelihood, limits.smooth_m / m) if limits.smooth_m >= m else likelihood
    lines = without_spurs(skeleton_lines(smooth >= limits.level), limits.spur_m / m)
    lines = supported(far_reaching(lines, limits.piece_m / m), smooth, limits.support)
    lines = closed(lines, smooth, gap=limits.gap_m / m, turn_deg=limits.turn_deg, look_back=limits.look_back_m / m)
    return shapely.MultiLineString(list(far_reaching(without_spurs(lines, limits.spur_m / m), limits.extent_m / m)))
