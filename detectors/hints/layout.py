"""How diggings lie: how many of them on the ground they spread over, and how large one is."""

import numpy as np

from jagawana.detectors.hints.ground import Ground, groups
from jagawana.detectors.shapes import polygons
from jagawana.schemas.hints import HintName

LEAST_DIGGING_HA = 0.05
"""Five pixels at 10 m: what is smaller is as often the edge of something else."""


def layout(ground: Ground) -> dict[HintName, float]:
    """Diggings per square kilometre of the convex hull around all of them, and the median size of one; empty without any."""
    labels, hectares = groups(ground.mining, ground.pixel_m, at_least_ha=LEAST_DIGGING_HA)
    if not len(hectares):
        return {}
    hull = polygons(labels > 0, (0.0, 0.0), ground.pixel_m).convex_hull
    return {
        HintName.DIGGINGS_PER_KM2: len(hectares) / (hull.area * 1e-6),
        HintName.DIGGING_HA: float(np.median(hectares)),
    }
