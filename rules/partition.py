"""Cutting a shape along the zones so that every part of it falls under exactly one rule."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.rules.overlay import Parts, inside, meeting, outside, parts_of, whole
from jagawana.rules.pack import STRICTNESS, RulePack
from jagawana.rules.rule import Rule
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind

TRACE_WIDTH_M = 10.0
"""Width of a road and diameter of a hut where an area is needed: one Sentinel-2 pixel."""
MIN_PIECE_HA = 0.01
"""Smallest ground that a category can rest on: one Sentinel-2 pixel (10 m of road). Less is within the error of any outline."""
DUST_HA = 1e-9
"""A tenth of a square centimetre."""
M2_PER_HA = 10_000.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known around one shape: zones in force that touch it, by ground, in a fixed order; kinds of layer at hand; the day."""

    zones: Mapping[str, Sequence[Zone]]
    kinds_loaded: frozenset[ZoneKind]
    on: date

    def of(self, grounds: Sequence[str]) -> list[Zone]:
        """Zones of any of these grounds; a zone that is several of them, once."""
        return list({id(z): z for g in grounds for z in self.zones.get(g, ())}.values())


@dataclass(frozen=True, slots=True)
class Part:
    """Ground under one rule. `core` meets the rule's own conditions; `geometry` adds slivers of stricter or equal rules."""

    rule: Rule
    zone: Zone | None
    core: BaseGeometry
    geometry: BaseGeometry


def trace_area(geometry: BaseGeometry) -> BaseGeometry:
    """The ground a shape stands for: itself, a road 10 m wide, or a disc of 10 m for a hut. Metric coordinates."""
    if shapely.get_dimensions(geometry) == 2:
        return geometry
    return geometry.buffer(TRACE_WIDTH_M / 2, cap_style="flat" if shapely.get_dimensions(geometry) == 1 else "round")


def size_ha(geometry: BaseGeometry) -> float:
    """Area in hectares; for roads length times 10 m, for huts a pixel (0.01 ha) each."""
    return _size_ha(parts_of(geometry))


def _size_ha(parts: Parts) -> float:
    if not len(parts):
        return 0.0
    dimension = shapely.get_dimensions(parts[0])
    if dimension == 0:
        return MIN_PIECE_HA * int(shapely.get_num_geometries(parts).sum())
    return float(shapely.area(parts).sum() if dimension == 2 else shapely.length(parts).sum() * TRACE_WIDTH_M) / M2_PER_HA


def cut(shape: BaseGeometry, setting: Setting, pack: RulePack) -> list[Part]:
    """Parts that together are the shape and do not overlap, strictest rule first.

    Each rule in turn takes what it covers of what the rules before it left.
    Then a category that holds less than MIN_PIECE_HA of the shape gives its ground to the next softer one, and a smaller part of
    a category joins the largest part of that category. Nothing is dropped, so adding a restricted zone never softens a verdict
    (docs/decisions/0010-judging-pieces.md).
    """
    parts: list[Part] = []
    rest = shape
    for rule in pack.rules:
        if rest.is_empty:
            break
        covered, rest = _covered(rest, rule, setting, pack)
        parts += [Part(rule, zone, piece, piece) for zone, piece in covered]
    return _without_slivers(_without_dust(parts))


def split(geometry: BaseGeometry, zones: Sequence[Zone]) -> tuple[list[tuple[Zone, BaseGeometry]], BaseGeometry]:
    """What lies inside the zones, each part under one zone (largest overlap first, then zone_id), and what lies outside all."""
    taken: list[tuple[Zone, BaseGeometry]] = []
    rest = parts_of(geometry)
    for zone in _largest_first(rest, meeting(geometry, zones)):
        covered = inside(rest, zone)
        if len(covered):
            taken.append((zone, whole(covered, geometry)))
            rest = outside(rest, zone)
    return taken, whole(rest, geometry)


def _largest_first(parts: Parts, zones: Sequence[Zone]) -> Sequence[Zone]:
    """Zones by what they cover of all parts."""
    if len(zones) < 2:
        return zones
    return sorted(zones, key=lambda z: (-round(_size_ha(inside(parts, z)), 6), z.zone_id))


def covered_ha(geometry: BaseGeometry, zones: Sequence[Zone]) -> float:
    """Hectares of a shape that lie inside any of the zones."""
    near, rest = meeting(geometry, zones), parts_of(geometry)
    total_ha = _size_ha(rest)
    if any(shapely.covers(z.geometry, geometry) for z in near):
        return total_ha
    for zone in near:
        rest = outside(rest, zone)
    return max(0.0, total_ha - _size_ha(rest))


def join(geometries: Iterable[BaseGeometry]) -> BaseGeometry:
    """One geometry of parts that do not overlap; pieces of a line that meet become one line again."""
    joined = shapely.union_all([g for g in geometries if not g.is_empty])
    return shapely.line_merge(joined) if shapely.get_dimensions(joined) == 1 else joined


def _covered(
    rest: BaseGeometry, rule: Rule, setting: Setting, pack: RulePack
) -> tuple[list[tuple[Zone | None, BaseGeometry]], BaseGeometry]:
    """What one rule covers of `rest`, by the zone it cites (None where it cites none), and what it leaves."""
    if why_not(rule, setting, pack):
        return [], rest
    where, covered = rule.where, rest
    left: list[BaseGeometry] = []
    for ground in where.also_inside:
        taken, out = split(covered, setting.of([ground]))
        covered, left = join(g for _, g in taken), [*left, out]
    taken, covered = split(covered, setting.of([*where.outside_all, *where.unless_inside]))
    left += [g for _, g in taken]
    if not where.inside_any:
        return ([] if covered.is_empty else [(None, covered)]), join(left)
    cited, out = split(covered, setting.of(where.inside_any))
    return [*cited], join([*left, out])


def why_not(rule: Rule, setting: Setting, pack: RulePack) -> str | None:
    """Why a rule cannot be asked about this place and day at all; None when it can."""
    if not rule.in_force(setting.on):
        return f"the rule was not in force on {setting.on}"
    avoided = [pack.grounds[name].kind for name in rule.where.outside_all]
    unknown = [kind for kind in avoided if kind not in setting.kinds_loaded]
    if unknown:
        return f"no layer of kind {unknown[0]} is loaded, so being outside of all cannot be known"
    known = [k for k in rule.where.not_loaded if k in setting.kinds_loaded]
    return f"a layer of kind {known[0]} is loaded" if known else None


def _without_dust(parts: list[Part]) -> list[Part]:
    """Without what rounding alone leaves along a border; as the softest part of a small shape it would take all the rest."""
    return [p for p in parts if size_ha(p.core) >= DUST_HA] or parts


def _without_slivers(parts: list[Part]) -> list[Part]:
    """Categories of less than MIN_PIECE_HA handed down to the next softer one; see `cut`."""
    kept: list[Part] = []
    handed_down: list[Part] = []
    categories = [list(group) for _, group in groupby(parts, key=lambda p: STRICTNESS[p.rule.category])]
    for i, group in enumerate(categories):
        enough = _is_a_piece(sum(size_ha(p.core) for p in group + handed_down))
        if enough or i == len(categories) - 1:
            kept += _merged(group, handed_down)
            handed_down = []
        else:
            handed_down += group
    return kept


def _is_a_piece(area_ha: float) -> bool:
    """Whether ground is MIN_PIECE_HA or more; rounded, since parts of exactly a pixel may add up to a billionth less."""
    return round(area_ha, 8) >= MIN_PIECE_HA


def _merged(group: list[Part], handed_down: list[Part]) -> list[Part]:
    """Parts of one category, its slivers and those of stricter ones joined to its largest part (the first of equals)."""
    sizes = [size_ha(p.core) for p in group]
    main = sizes.index(max(sizes))
    stays = [i == main or _is_a_piece(size) for i, size in enumerate(sizes)]
    slivers = [p.core for p, stay in zip(group, stays, strict=True) if not stay] + [p.core for p in handed_down]
    whole = replace(group[main], geometry=join([group[main].core, *slivers])) if slivers else group[main]
    return [whole if i == main else p for i, (p, stay) in enumerate(zip(group, stays, strict=True)) if stay]
