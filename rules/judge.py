"""Shapes to verdicts: each part of a shape gets one compliance category and the trace of why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shapely.geometry.base import BaseGeometry

from jagawana.rules.margin import NEIGHBOURHOOD_M, Margin, no_boundary, reach_inside, reach_outside
from jagawana.rules.overlay import inside, meeting, parts_of, whole
from jagawana.rules.pack import RulePack
from jagawana.rules.partition import M2_PER_HA, Part, Setting, cut, size_ha, trace_area
from jagawana.rules.trace import trace
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import Verdict, ZoneOverlap


@dataclass(frozen=True, slots=True)
class JudgedPiece:
    """A part of a shape, of the shape's own dimension and coordinate system, and its verdict."""

    geometry: BaseGeometry
    verdict: Verdict


def judge(shape: BaseGeometry, *, zones: ZoneIndex, on: date, pack: RulePack, pixel_m: float) -> list[JudgedPiece]:
    """The shape cut along the zones it touches, each piece with one verdict, strictest first.

    The pieces are the whole shape and do not overlap. Adding a restricted zone never softens a verdict; the same facts in any order
    give the same pieces.

    Args:
        shape: valid (Multi)Polygon for mining, (Multi)LineString for roads, (Multi)Point for huts; a UTM zone, metres.
        zones: in the same coordinate system.
        on: the day whose zones and permits count: when it was first seen.
        pixel_m: resolution of the sensor that drew the shape, added to the layer's accuracy as the tolerance at a boundary.
    """
    place = _Place.of(shape, zones, on, pack)
    return [JudgedPiece(part.geometry, place.verdict(part, pixel_m)) for part in cut(shape, place.setting, pack)]


def verdict_under(
    shape: BaseGeometry, zone_id: str | None, rule_id: str, *, zones: ZoneIndex, on: date, pack: RulePack, pixel_m: float
) -> Verdict | None:
    """The verdict of that piece of a shape which one zone and rule decide, as `judge` gives it; None when there is no such piece."""
    place = _Place.of(shape, zones, on, pack)
    for part in cut(shape, place.setting, pack):
        if ((part.zone.zone_id if part.zone else None), part.rule.rule_id) == (zone_id, rule_id):
            return place.verdict(part, pixel_m)
    return None


@dataclass(frozen=True, slots=True)
class _Place:
    """What is known around a shape."""

    touching: Sequence[Zone]
    lapsed: Sequence[Zone]
    setting: Setting
    zones: ZoneIndex
    pack: RulePack

    @classmethod
    def of(cls, shape: BaseGeometry, zones: ZoneIndex, on: date, pack: RulePack) -> "_Place":
        area = trace_area(shape)
        touching = zones.touching(area, on)
        setting = Setting(_by_ground(touching, on, pack), zones.kinds_loaded, on)
        return cls(touching, zones.lapsed(area, on), setting, zones, pack)

    def verdict(self, part: Part, pixel_m: float) -> Verdict:
        """The category of a part and why."""
        margin = _margin(part, self.zones, self.setting.on, self.pack, pixel_m)
        return Verdict(
            category=part.rule.category,
            rule_id=part.rule.rule_id,
            pack=self.pack.pack,
            pack_version=self.pack.version,
            articles=part.rule.articles_on(self.setting.on),
            decisive_zone=part.zone.zone_id if part.zone else None,
            judged_on=self.setting.on,
            zones=_overlaps(trace_area(part.geometry), self.touching),
            near_boundary=margin.near_boundary,
            boundary_margin_m=margin.margin_m,
            tolerance_m=margin.tolerance_m,
            trace=trace(part, self.setting, self.lapsed, self.pack),
        )


def _overlaps(area: BaseGeometry, zones: Sequence[Zone]) -> tuple[ZoneOverlap, ...]:
    """Every zone the piece shares ground with (1 m² or more), clipped to it."""
    parts = parts_of(area)
    found = ((z, size_ha(whole(inside(parts, z), area))) for z in meeting(area, zones))
    return tuple(_overlap(z, shared_ha, area.area / M2_PER_HA) for z, shared_ha in found if round(shared_ha, 4) > 0)


def _overlap(zone: Zone, shared_ha: float, area_ha: float) -> ZoneOverlap:
    return ZoneOverlap(
        zone_id=zone.zone_id,
        kind=zone.kind,
        name=zone.name,
        layer=zone.layer,
        layer_version=zone.layer_version,
        source=zone.source,
        valid_from=zone.valid_from,
        valid_to=zone.valid_to,
        holder=zone.holder,
        overlap_ha=round(shared_ha, 4),
        share=min(1.0, round(shared_ha / area_ha, 6)),
    )


def _margin(part: Part, zones: ZoneIndex, on: date, pack: RulePack, pixel_m: float) -> Margin:
    if part.zone:
        return reach_inside(part.core, part.zone, pixel_m=pixel_m)
    avoided = {*part.rule.where.outside_all, *part.rule.where.unless_inside}
    if not avoided:
        return no_boundary(pixel_m=pixel_m)
    near = [z for z in zones.within(part.core, on, distance_m=NEIGHBOURHOOD_M) if avoided.intersection(pack.grounds_of(z, on))]
    return reach_outside(part.core, near, pixel_m=pixel_m)


def _by_ground(zones: Sequence[Zone], on: date, pack: RulePack) -> dict[str, list[Zone]]:
    grouped: dict[str, list[Zone]] = defaultdict(list)
    for zone in zones:
        for ground in pack.grounds_of(zone, on):
            grouped[ground].append(zone)
    return dict(grouped)
