"""What a new version of a zone layer changes, and whether a person must look at it before it counts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS
from shapely.geometry import shape as shape_of
from shapely.geometry.base import BaseGeometry

from jagawana.rules.partition import M2_PER_HA
from jagawana.rules.zones import WGS84, Zone, project
from jagawana.schemas.alert import AlertContent, ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

MAX_CHANGE = 0.2
"""Share of a layer's hectares, lost or gained, or of its zones, vanished, above which its next version is held for review."""
EQUAL_AREA = CRS.from_epsg(6933)
SAME_ZONE = 0.5
"""Least share of their union that two outlines of one name and kind have in common when they are one zone."""
LEAST_HA = 1e-4
"""A square metre: less is how formats round a coordinate, and nothing was drawn anew."""
MADE_ID = re.compile(r"/[0-9a-f]{12}$")
"""Ids that were made from a name and an outline, for want of a code (features)."""


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


@dataclass(frozen=True)
class ZoneChange:
    """What became of one zone between two versions. `lost` and `gained` are ground in WGS 84."""

    zone_id: str
    kind: ZoneKind
    name: str
    became: str
    lost: BaseGeometry
    gained: BaseGeometry
    lost_ha: float
    gained_ha: float


def zone_changes(before: Sequence[Zone], after: Sequence[Zone]) -> list[ZoneChange]:
    """Zones that are new, vanished, drawn anew, or have another record; by id."""
    old, new = _by_identity(before), _by_identity(after)
    return [c for key in sorted({*old, *new}) for c in _changes(old.get(key), new.get(key))]


def _changes(old: Zone | None, new: Zone | None) -> Iterator[ZoneChange]:
    zone, nothing = new or old, shapely.MultiPolygon()
    was, is_now = old.geometry if old else nothing, new.geometry if new else nothing
    lost, gained = shapely.difference(was, is_now), shapely.difference(is_now, was)
    lost_ha, gained_ha = _ground_ha(lost), _ground_ha(gained)
    became = "new" if old is None else "vanished" if new is None else "drawn anew" if max(lost_ha, gained_ha) >= LEAST_HA else None
    if became is None and old and new and _record(old) != _record(new):
        became, lost, gained = "another record", nothing, nothing
    if zone is not None and became is not None:
        yield ZoneChange(zone.zone_id, zone.kind, zone.name, became, lost, gained, lost_ha, gained_ha)


def _record(zone: Zone) -> Zone:
    """What counts of a zone beside its outline and the version it came in."""
    return replace(zone, geometry=shapely.Polygon(), layer_version="", source="")


def _ground_ha(ground: BaseGeometry) -> float:
    """Hectares of what an overlay left; lines and points have none."""
    areas = [g for g in shapely.get_parts(ground) if shapely.get_dimensions(g) == 2]
    return float(shapely.area(project(np.array(areas, dtype=object), WGS84, EQUAL_AREA)).sum()) / M2_PER_HA if areas else 0.0


def with_ids_of(before: Sequence[Zone], after: Sequence[Zone]) -> list[Zone]:
    """The next version, in which a zone that has no code of its own keeps the id it had, though its outline was drawn anew.

    A zone is known again by kind, name and most of its ground; without this, the alerts in it would be withdrawn and told anew.
    """
    ids = {z.zone_id for z in after}
    gone = [z for z in before if MADE_ID.search(z.zone_id) and z.zone_id not in ids]
    known = {z.zone_id for z in before}
    keeps: dict[str, str] = {}
    for zone in (z for z in after if MADE_ID.search(z.zone_id) and z.zone_id not in known):
        same = [(_common(old, zone), old.zone_id) for old in gone if (old.kind, old.name) == (zone.kind, zone.name)]
        best = max(((share, i) for share, i in same if share >= SAME_ZONE and i not in keeps.values()), default=None)
        if best is not None:
            keeps[zone.zone_id] = best[1]
    return [replace(z, zone_id=keeps.get(z.zone_id, z.zone_id)) for z in after]


def _common(a: Zone, b: Zone) -> float:
    union = shapely.union(a.geometry, b.geometry).area
    return float(shapely.intersection(a.geometry, b.geometry).area / union)


def affected(changes: Iterable[ZoneChange], contents: Sequence[AlertContent]) -> list[AlertContent]:
    """Alerts that a change may judge otherwise: they cite or touch a changed zone, or lie on ground that one lost or gained."""
    found = list(changes)
    ids = {c.zone_id for c in found}
    ground = [g for c in found for g in (c.lost, c.gained) if not g.is_empty]
    return [c for c in contents if ids & {z.zone_id for z in c.verdict.zones} or _lies_on(c, ground)]


def _lies_on(content: AlertContent, ground: Sequence[BaseGeometry]) -> bool:
    shapes = [shape_of(s.geometry.model_dump(mode="json")) for s in content.shapes]
    return any(shapely.intersects(g, s) for g in ground for s in shapes)


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
