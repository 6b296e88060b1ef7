"""On what ground a shape lies: hectares by concession and by the strictest restricted zone, each hectare counted once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shapely.geometry.base import BaseGeometry

from jagawana.rules.partition import size_ha, split
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind

RESTRICTED = (
    ZoneKind.CONSERVATION, ZoneKind.INDIGENOUS_LAND, ZoneKind.PROTECTED_FOREST, ZoneKind.SUSTAINABLE_USE, ZoneKind.RIPARIAN,
    ZoneKind.PRODUCTION_FOREST,
)  # fmt: skip
"""Strictest first: ground in two of them counts under the first."""


class Concession(StrEnum):
    """Whether ground lies in a concession on record, whatever its stage."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"  # no concession layer is loaded


@dataclass(frozen=True, order=True)
class Ground:
    """What counts as one kind of ground. `restricted` is empty where no restricted zone lies."""

    concession: Concession
    restricted: ZoneKind | None


def ground_areas(shape: BaseGeometry, zones: ZoneIndex, on: date) -> Mapping[Ground, float]:
    """Hectares of a shape by ground; together they are the shape.

    Args:
        shape: valid (Multi)Polygon in metres of a UTM zone.
        zones: in the same coordinate system.
        on: the day whose zones count.
    """
    touching = zones.touching(shape, on)
    granted, rest = _inside(shape, [z for z in touching if z.kind is ZoneKind.CONCESSION])
    outside = Concession.OUTSIDE if ZoneKind.CONCESSION in zones.kinds_loaded else Concession.UNKNOWN
    found: dict[Ground, float] = defaultdict(float)
    for concession, parts in ((Concession.INSIDE, granted), (outside, [rest])):
        for part in parts:
            for kind, ha in _by_restricted(part, touching):
                found[Ground(concession, kind)] += ha
    return {ground: ha for ground, ha in found.items() if ha > 0}


def _by_restricted(part: BaseGeometry, touching: Sequence[Zone]) -> list[tuple[ZoneKind | None, float]]:
    found: list[tuple[ZoneKind | None, float]] = []
    for kind in RESTRICTED:
        taken, part = _inside(part, [z for z in touching if z.kind is kind])
        found.append((kind, sum(size_ha(g) for g in taken)))
    return [*found, (None, size_ha(part))]


def _inside(shape: BaseGeometry, zones: Sequence[Zone]) -> tuple[list[BaseGeometry], BaseGeometry]:
    """The parts inside any of the zones, which do not overlap, and what lies outside all of them."""
    if shape.is_empty or not zones:
        return [], shape
    taken, rest = split(shape, zones)
    return [geometry for _, geometry in taken], rest
