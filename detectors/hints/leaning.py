"""From a value to a hint: its unit, what it looks like from which threshold on, and who says so.

A value of shape leans only where it told industrial from informal places, with labels and with the network's calls as mask, and an interval
without 0.5 (benchmarks/hints.py). None did, so none leans. Thresholds of colour are stated from published spectra; none was measured.
"""

from dataclasses import dataclass

from jagawana.schemas.hints import Hint, HintName, Leaning

DIGITS = 3
PER_KM2, HECTARES, REFLECTANCE, PLAIN = "per km2", "ha", "reflectance", "1"


@dataclass(frozen=True)
class Reading:
    """How one value is read; `leaning` from `threshold` on."""

    unit: str
    source: str
    threshold: float | None = None
    leaning: Leaning = Leaning.NONE


READINGS = {
    HintName.DIGGINGS_PER_KM2: Reading(PER_KM2, "components by hull area; no threshold held"),
    HintName.DIGGING_HA: Reading(HECTARES, "median component; no threshold held"),
    HintName.PONDS_PER_KM2: Reading(PER_KM2, "water of the network in mining; no threshold held"),
    HintName.POND_HA: Reading(HECTARES, "median pond; no threshold held"),
    HintName.POND_SHARE: Reading(PLAIN, "ponds by mining with its ponds; no threshold held"),
    HintName.SOLIDITY: Reading(PLAIN, "area by convex hull; no threshold held"),
    HintName.COMPACTNESS: Reading(PLAIN, "Polsby and Popper 1991; no threshold held"),
    HintName.RECTANGULARITY: Reading(PLAIN, "area by smallest rectangle; no threshold held"),
    HintName.STRAIGHTNESS: Reading(PLAIN, "outline in sides of 80 m or more; no threshold held"),
    HintName.REDNESS: Reading(
        PLAIN, "Escadafal and Huete 1991; threshold stated from iron-rich soils in Stoner and Baumgardner 1981, not measured",
        0.25, Leaning.LATERITE_LIKE_RED,
    ),
    HintName.BRIGHTNESS: Reading(REFLECTANCE, "Mathieu et al. 1998; no threshold held"),
    HintName.DARK_SHARE: Reading(
        PLAIN, "dark and neutral in visible bands; threshold stated, not measured; wet peat, ash and shade are dark too",
        0.5, Leaning.COAL_LIKE_DARK,
    ),
}  # fmt: skip
"""Every hint there is, in the order in which readers see them."""


def hint(name: HintName, value: float) -> Hint:
    """A value as a hint. What is shown is what is compared: both are rounded."""
    reading, shown = READINGS[name], round(value, DIGITS) + 0.0
    leans = reading.threshold is not None and shown >= reading.threshold
    return Hint(
        name=name,
        value=shown,
        unit=reading.unit,
        leaning=reading.leaning if leans else Leaning.NONE,
        threshold=reading.threshold,
        source=reading.source,
    )
