"""Water that belongs to diggings: flooded pits and settling ponds, told from rivers by lying in the mining."""

import numpy as np
from scipy import ndimage

from jagawana.detectors.hints.ground import EIGHT, Flags, Ground, groups
from jagawana.schemas.hints import HintName

LEAST_POND_HA = 0.02
"""Two pixels at 10 m."""
INSIDE = 0.5
"""A pond lies in the mining, or within a pixel of it, for at least this share; a river does not."""


def ponds(ground: Ground) -> dict[HintName, float]:
    """Ponds per square kilometre of mining and ponds, their share of it, and the median size of one; empty without mining."""
    labels, hectares = groups(ground.water, ground.pixel_m, at_least_ha=LEAST_POND_HA)
    near = ndimage.binary_dilation(ground.mining, EIGHT)
    inside = np.bincount(labels[near], minlength=len(hectares) + 1)[1:] * ground.pixel_ha
    belongs = inside >= INSIDE * hectares
    worked_ha = _hectares(ground.mining | np.concatenate([[False], belongs])[labels], ground)
    if not worked_ha:
        return {}
    found = {
        HintName.PONDS_PER_KM2: float(belongs.sum() / (worked_ha * 0.01)),
        HintName.POND_SHARE: float(hectares[belongs].sum() / worked_ha),
    }
    return found | ({HintName.POND_HA: float(np.median(hectares[belongs]))} if belongs.any() else {})


def _hectares(mask: Flags, ground: Ground) -> float:
    return float(np.count_nonzero(mask)) * ground.pixel_ha
