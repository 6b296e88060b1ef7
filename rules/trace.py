"""Why a piece of ground got its verdict: every rule considered, in plain English with numbers."""

from collections.abc import Iterator, Sequence

from shapely import intersects
from shapely.geometry.base import BaseGeometry

from jagawana.rules.facts import PermitStage
from jagawana.rules.pack import RulePack
from jagawana.rules.partition import MIN_PIECE_HA, Part, Setting, covered_ha, size_ha, why_not
from jagawana.rules.rule import Rule
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import RuleTrial, ZoneKind


def trace(part: Part, setting: Setting, lapsed: Sequence[Zone], pack: RulePack) -> tuple[RuleTrial, ...]:
    """The rules in order of precedence up to the one that decided.

    Args:
        setting: zones in force around the shape.
        lapsed: zones around the shape that are not in force on that day.
    """
    considered = pack.rules[: pack.rules.index(part.rule) + 1]
    return tuple(RuleTrial(rule_id=r.rule_id, fired=r is part.rule, because=_because(r, part, setting, lapsed, pack)) for r in considered)


def _because(rule: Rule, part: Part, setting: Setting, lapsed: Sequence[Zone], pack: RulePack) -> str:
    obstacle = why_not(rule, setting, pack)
    if obstacle:
        return obstacle
    said = [*_overlaps(rule, part.geometry, setting, pack), *_permits(rule, part.geometry, setting, lapsed, pack)]
    if rule is part.rule:
        said += [*_slivers(part), *([rule.caveat] if rule.caveat else [])]
    return "; ".join(said)


def _overlaps(rule: Rule, piece: BaseGeometry, setting: Setting, pack: RulePack) -> Iterator[str]:
    where, total_ha = rule.where, size_ha(piece)
    for group in (where.inside_any, *((g,) for g in where.also_inside), where.outside_all, where.unless_inside):
        if group:
            inside_ha = covered_ha(piece, setting.of(group))
            grounds = " or ".join(pack.grounds[g].words for g in group)
            yield f"{inside_ha:.4f} of {total_ha:.4f} ha lies inside {grounds} in force on {setting.on}"
    for kind in where.not_loaded:
        yield f"no layer of kind {kind} is loaded"


def _permits(rule: Rule, piece: BaseGeometry, setting: Setting, lapsed: Sequence[Zone], pack: RulePack) -> Iterator[str]:
    """Zones that would have counted on another day, and permits whose stage had to be read."""
    for zone in lapsed:
        if {*rule.where.grounds} & {*pack.grounds_of(zone, setting.on)} and intersects(zone.geometry, piece):
            ended = zone.valid_to is not None and zone.valid_to < setting.on
            yield f"{zone.zone_id} ({zone.name}) " + (f"ended on {zone.valid_to}" if ended else f"begins on {zone.valid_from}")
    if any(pack.grounds[g].kind is ZoneKind.CONCESSION for g in rule.where.grounds):
        permits = [z for z in setting.of(list(pack.grounds)) if z.kind is ZoneKind.CONCESSION]
        yield from (note for z in permits if intersects(z.geometry, piece) for note in _stage(z, setting, pack))


def _stage(zone: Zone, setting: Setting, pack: RulePack) -> Iterator[str]:
    read = pack.facts_of(zone, setting.on).stage
    if read is PermitStage.PRODUCTION:
        return
    stage = f"stage '{zone.stage}'" if zone.stage else "no stage on record"
    read_as = "which does not allow production" if read is PermitStage.EXPLORATION else "taken as exploitation"
    yield f"{zone.zone_id} ({zone.name}) has {stage}, {read_as}"


def _slivers(part: Part) -> Iterator[str]:
    added_ha = size_ha(part.geometry) - size_ha(part.core)
    if part.geometry is not part.core and added_ha > 0:
        yield f"includes {added_ha:.4f} ha of other rules' ground, in amounts under {MIN_PIECE_HA} ha that no outline resolves"
