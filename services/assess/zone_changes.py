"""What a new version of a zone layer changes, and whether a person must look at it before it counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS

from jagawana.rules.partition import M2_PER_HA
from jagawana.rules.zones import WGS84, Zone, project
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

MAX_CHANGE = 0.2
"""Share of a layer's hectares, lost or gained, or of its zones, vanished, above which its next version is held for review."""
EQUAL_AREA = CRS.from_epsg(6933)


@dataclass(frozen=True)
class LayerChange:
    """A layer's next version against the one in force. A zone is known again by its id and kind; areas are sums over zones."""

    before_ha: float
    lost_ha: float
    gained_ha: float
    zones_before: int
    zones_vanished: int
    zones_new: int

    @property
    def is_held(self) -> bool:
        """Whether it is more than an update usually is. A layer's first version changes nothing."""
        area = max(self.lost_ha, self.gained_ha) > MAX_CHANGE * self.before_ha
        return bool(self.zones_before) and (area or self.zones_vanished > MAX_CHANGE * self.zones_before)

    def __str__(self) -> str:
        lost, gained = (f"{ha:,.1f} ha ({ha / self.before_ha:.1%})" for ha in (self.lost_ha, self.gained_ha))
        vanished = f"{self.zones_vanished} of {self.zones_before} zones vanish ({self.zones_vanished / self.zones_before:.1%})"
        return f"loses {lost} and gains {gained} of {self.before_ha:,.1f} ha; {vanished}, {self.zones_new} are new"


def change_of(before: Sequence[Zone], after: Sequence[Zone]) -> LayerChange:
    """What `after` changes of `before`; geometries in WGS 84.

    A zone that is drawn elsewhere, or that becomes another kind, counts as lost where it was and as gained where it is.
    """
    old, new = _by_identity(before), _by_identity(after)
    kept = [key for key in old if key in new and shapely.to_wkb(old[key].geometry) != shapely.to_wkb(new[key].geometry)]
    was, is_now = _drawn([old[key] for key in kept]), _drawn([new[key] for key in kept])
    vanished, added = [z for key, z in old.items() if key not in new], [z for key, z in new.items() if key not in old]
    return LayerChange(
        before_ha=_sum_ha(_drawn(before)),
        lost_ha=_sum_ha(_drawn(vanished)) + _sum_ha(shapely.difference(was, is_now)),
        gained_ha=_sum_ha(_drawn(added)) + _sum_ha(shapely.difference(is_now, was)),
        zones_before=len(before),
        zones_vanished=len(vanished),
        zones_new=len(added),
    )


def refuse_unreviewed(layer: str, layer_version: str, change: LayerChange) -> None:
    """Hold a version for review.

    Raises:
        DataError: ZONES_HELD.
    """
    if change.is_held:
        raise DataError(
            ErrorCode.ZONES_HELD,
            f"{layer} {layer_version} {change}; more than {MAX_CHANGE:.0%} waits for a person, and the version in force stays. "
            "Look at the file; if it is right, load it again with --accept-change",
        )


def _by_identity(zones: Sequence[Zone]) -> Mapping[tuple[str, ZoneKind], Zone]:
    return {(z.zone_id, z.kind): z for z in zones}


def _drawn(zones: Sequence[Zone]) -> npt.NDArray[np.object_]:
    """Outlines in square metres that are true everywhere."""
    return project(np.fromiter((z.geometry for z in zones), dtype=object, count=len(zones)), WGS84, EQUAL_AREA)


def _sum_ha(outlines: npt.NDArray[np.object_]) -> float:
    return float(shapely.area(outlines).sum()) / M2_PER_HA
