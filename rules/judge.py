"""Shapes to verdicts: each part of a shape gets one compliance category and the trace of why."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.rules.margin import NEIGHBOURHOOD_M, Margin, no_boundary, reach_inside, reach_outside
from jagawana.rules.overlay import meeting
from jagawana.rules.pack import Ground, RulePack
from jagawana.rules.partition import M2_PER_HA, Part, Setting, cut, trace_area
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
    area = trace_area(shape)
    touching = zones.touching(area, on)
    setting = Setting(_by_ground(touching, pack), zones.kinds_loaded, on)
    lapsed = zones.lapsed(area, on)
    return [
        JudgedPiece(part.geometry, _verdict(part, touching, setting, lapsed, _margin(part, zones, on, pack, pixel_m), pack))
        for part in cut(shape, setting, pack)
    ]


def _verdict(part: Part, touching: Sequence[Zone], setting: Setting, lapsed: Sequence[Zone], margin: Margin, pack: RulePack) -> Verdict:
    return Verdict(
        category=part.rule.category,
        rule_id=part.rule.rule_id,
        pack=pack.pack,
        pack_version=pack.version,
        articles=part.rule.articles,
        decisive_zone=part.zone.zone_id if part.zone else None,
        judged_on=setting.on,
        zones=_overlaps(trace_area(part.geometry), touching),
        near_boundary=margin.near_boundary,
        boundary_margin_m=margin.margin_m,
        tolerance_m=margin.tolerance_m,
        trace=trace(part, setting, lapsed, pack),
    )


def _overlaps(area: BaseGeometry, zones: Sequence[Zone]) -> tuple[ZoneOverlap, ...]:
    """Every zone the piece shares ground with (1 m² or more), clipped to it."""
    found = ((z, area if shapely.covers(z.geometry, area) else area.intersection(z.geometry)) for z in meeting(area, zones))
    return tuple(_overlap(z, shared.area, area.area) for z, shared in found if round(shared.area / M2_PER_HA, 4) > 0)


def _overlap(zone: Zone, shared_m2: float, area_m2: float) -> ZoneOverlap:
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
        overlap_ha=round(shared_m2 / M2_PER_HA, 4),
        share=min(1.0, round(shared_m2 / area_m2, 6)),
    )


def _margin(part: Part, zones: ZoneIndex, on: date, pack: RulePack, pixel_m: float) -> Margin:
    if part.zone:
        return reach_inside(part.core, part.zone, pixel_m=pixel_m)
    avoided = part.rule.where.outside_all
    if not avoided:
        return no_boundary(pixel_m=pixel_m)
    near = [z for z in zones.within(part.core, on, distance_m=NEIGHBOURHOOD_M) if pack.ground_of(z) in avoided]
    return reach_outside(part.core, near, pixel_m=pixel_m)


def _by_ground(zones: Sequence[Zone], pack: RulePack) -> dict[Ground, list[Zone]]:
    grouped: dict[Ground, list[Zone]] = defaultdict(list)
    for zone in zones:
        grouped[pack.ground_of(zone)].append(zone)
    return dict(grouped)
