"""Turbidity along a river below a site: everything read, put beside the mined area, and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jagawana.detectors.turbidity.calibration import Calibration
from jagawana.detectors.turbidity.correlation import LaggedCorrelation, MinedArea, lagged
from jagawana.detectors.turbidity.reaches import Reach, ReachPlan
from jagawana.detectors.turbidity.series import RiverSeries, river_series
from jagawana.services.settings import Settings
from jagawana.services.turbidity.rivers import Site, read_river
from jagawana.services.turbidity.scenes import Progress, RiverLook, RiverLooks, RiverPlace, read_looks


@dataclass(frozen=True)
class RiverRequest:
    """What to read: scenes, the river's lines and how they are drawn, the site, and how wide to look."""

    scenes: tuple[Path, ...]
    river: Path
    site: Site
    plan: ReachPlan
    half_width_m: float
    layer: str
    against_flow: bool


@dataclass(frozen=True)
class RiverReport:
    """What came of it. Correlations are of the reaches below the site, and of below against above."""

    site: Site
    plan: ReachPlan
    place: RiverPlace
    looks: tuple[RiverLook, ...]
    refused: tuple[dict[str, str], ...]
    calibration: Calibration
    mined: MinedArea
    series: RiverSeries
    below: tuple[LaggedCorrelation, ...]
    contrast: tuple[LaggedCorrelation, ...]

    @property
    def reaches(self) -> Sequence[Reach]:
        """Upstream ones first."""
        return self.place.river.reaches


def run(
    request: RiverRequest, mined: MinedArea, calibration: Calibration, settings: Settings, *, spool: Path, progress: Progress | None = None
) -> RiverReport:
    """Read the scenes along the river and compare with the mined area.

    Raises:
        DataError: what is wrong with the lines, or with every scene.
    """
    river = read_river(request.river, request.site, request.plan, layer=request.layer, against_flow=request.against_flow)
    place = RiverPlace(river, request.site.epsg, request.half_width_m)
    spool.mkdir(parents=True, exist_ok=True)
    read = read_looks(request.scenes, place, calibration, settings, spool=spool, progress=progress)
    return report(request.site, request.plan, place, read, mined, calibration)


def report(site: Site, plan: ReachPlan, place: RiverPlace, read: RiverLooks, mined: MinedArea, calibration: Calibration) -> RiverReport:
    """Looks and mined area as series, and how they go together; no correlation without a mined area or without enough looks."""
    series = river_series({look.day: look.values for look in read.looks}, place.river.reaches)
    below = lagged(mined, series.days, series.below) if mined.days else []
    contrast = lagged(mined, series.days, series.contrast) if mined.days and np.isfinite(series.contrast).any() else []
    return RiverReport(
        site, plan, place, tuple(read.looks), tuple(read.refused), calibration, mined, series, tuple(below), tuple(contrast)
    )  # fmt: skip
