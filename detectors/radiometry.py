"""Digital numbers to surface reflectance. Sentinel-2 changed its zero point with processing baseline 04.00 (25 January 2022)."""

from dataclasses import dataclass

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.scene import Band, SceneItem

S2_SCALE = 1e-4
S2_OFFSET = -0.1
"""BOA_ADD_OFFSET -1000 DN, from baseline 04.00 on (ESA Sentinel-2 Product Specification; products of other baselines keep arriving)."""
S2_OFFSET_SINCE = (4, 0)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Radiometry:
    """Reflectance = DN * scale + offset."""

    scale: float
    offset: float


def radiometry(item: SceneItem, band: Band) -> Radiometry:
    """Scale and offset of a band, from the product's own baseline and never from its date.

    Raises:
        DataError: RADIOMETRY_UNKNOWN when they are missing, or say other than the baseline does.
    """
    if not item.properties.platform.lower().startswith("sentinel-2"):
        return _stated(item, band)
    expected = _sentinel2(item)
    stated = Radiometry(S2_SCALE if band.scale is None else band.scale, _known(item, band, expected))
    if stated.scale <= 0:
        raise _unknown(item, f"band {band.name} states a raster:scale of {stated.scale}; it must be above 0")
    if expected and (abs(stated.offset - expected.offset) > TOLERANCE or abs(stated.scale - expected.scale) > TOLERANCE):
        raise _unknown(item, f"band {band.name} states {stated}, its baseline means {expected}")
    return stated


def _sentinel2(item: SceneItem) -> Radiometry | None:
    """What the baseline means; None when no baseline is given."""
    baseline = item.properties.processing_baseline
    if baseline is None:
        return None
    major, minor = map(int, baseline.split("."))
    shifted = (major, minor) >= S2_OFFSET_SINCE and not item.properties.offset_applied
    return Radiometry(S2_SCALE, S2_OFFSET if shifted else 0.0)


def _known(item: SceneItem, band: Band, expected: Radiometry | None) -> float:
    if band.offset is not None:
        return band.offset
    if expected is None:
        raise _unknown(item, f"neither s2:processing_baseline nor an offset for band {band.name}")
    return expected.offset


def _stated(item: SceneItem, band: Band) -> Radiometry:
    if band.scale is None or band.scale <= 0:
        raise _unknown(item, f"band {band.name} has no raster:scale above 0")
    return Radiometry(band.scale, band.offset or 0.0)


def _unknown(item: SceneItem, why: str) -> DataError:
    return DataError(ErrorCode.RADIOMETRY_UNKNOWN, f"{item.id}: {why}; correct the item, a wrong zero point looks like change everywhere")
