"""Judging on demand: a shape against the active zone layers, outside the chain; nothing is stored."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject
from jagawana.rules.case import Case
from jagawana.rules.judge import JudgedPiece
from jagawana.rules.margin import NEIGHBOURHOOD_M, reach_inside
from jagawana.rules.pack import RulePack
from jagawana.rules.partition import size_ha
from jagawana.rules.zones import Zone, ZoneIndex, zones_to_crs
from jagawana.schemas.alert import ZoneOverlap
from jagawana.services.store.port import Store


def cases_of(store: Store, shapes: Sequence[tuple[BaseGeometry, int]], *, on: date, pack: RulePack, pixel_m: float) -> list[Case]:
    """Each shape with the zones near it.

    Args:
        shapes: geometry in metres and EPSG code of its UTM zone.
    """
    with store.transaction() as tx:
        kinds = tx.zones.kinds_loaded()
        near = [tx.zones.active(_around(shape, epsg).bounds) for shape, epsg in shapes]
    indexes = [ZoneIndex(_met(zones, shape, epsg), kinds_loaded=kinds) for zones, (shape, epsg) in zip(near, shapes, strict=True)]
    return [
        Case.of(shape, index, epsg=epsg, on=on, pack=pack, pixel_m=pixel_m) for index, (shape, epsg) in zip(indexes, shapes, strict=True)
    ]


def _around(shape: BaseGeometry, epsg: int) -> BaseGeometry:
    """In degrees; the envelope, since only bounds are asked for."""
    return reproject(shapely.box(*shape.buffer(NEIGHBOURHOOD_M).bounds), epsg, 4326)


def _met(zones: Sequence[Zone], shape: BaseGeometry, epsg: int) -> list[Zone]:
    around = _around(shape, epsg)
    return zones_to_crs([z for z in zones if shapely.intersects(z.geometry, around)], epsg)


def verdicts(case: Case, pack: RulePack) -> list[dict[str, Any]]:
    """The verdicts on a case for programs: one object per piece, strictest first. The same case gives the same objects."""
    index = case.index
    return [_piece(piece, case, index, pack) for piece in case.judge(pack)]


def _piece(piece: JudgedPiece, case: Case, index: ZoneIndex, pack: RulePack) -> dict[str, Any]:
    verdict = piece.verdict
    met = {z.zone_id: z for z in index.touching(piece.geometry, case.day)}
    words = pack.rule(verdict.rule_id).wording
    return {
        "category": verdict.category.value,
        "rule": verdict.rule_id,
        "article": "; ".join(f"{a.law} {a.article}".strip() for a in verdict.articles),
        "articles": [a.model_dump() for a in verdict.articles],
        "words": {language: wording.sentence for language, wording in words.items()},
        "decisive_zone": verdict.decisive_zone,
        "near_boundary": verdict.near_boundary,
        "boundary_margin_m": verdict.boundary_margin_m,
        "tolerance_m": verdict.tolerance_m,
        "zones": [_zone(z, met[z.zone_id], piece, case, pack) for z in verdict.zones if z.zone_id in met],
        "facts": {
            "day": case.day.isoformat(),
            "size_ha": round(size_ha(piece.geometry), 4),
            "resolution_m": case.pixel_m,
            "kinds_loaded": sorted(case.kinds_loaded),
            "pack": pack.pack,
            "pack_version": pack.version,
        },
        "trace": [t.model_dump() for t in verdict.trace],
        "geometry": shapely.geometry.mapping(shapely.set_precision(reproject(piece.geometry, case.epsg, 4326), 1e-7, mode="pointwise")),
    }


def _zone(overlap: ZoneOverlap, zone: Zone, piece: JudgedPiece, case: Case, pack: RulePack) -> dict[str, Any]:
    margin = reach_inside(_part_inside(piece.geometry, zone), zone, pixel_m=case.pixel_m)
    facts = asdict(pack.facts_of(zone, case.day))
    return overlap.model_dump(mode="json") | {
        "near_boundary": margin.near_boundary,
        "boundary_margin_m": margin.margin_m,
        "grounds": list(pack.grounds_of(zone, case.day)),
        "facts": {name: value.isoformat() if isinstance(value, date) else value for name, value in facts.items()},
    }


def _part_inside(shape: BaseGeometry, zone: Zone) -> BaseGeometry:
    """What of a shape lies in a zone that only its edge may touch; the whole where no more than its drawn width does."""
    dimension = shapely.get_dimensions(shape)
    parts = [p for p in shapely.get_parts(shapely.intersection(shape, zone.geometry)) if shapely.get_dimensions(p) == dimension]
    return shapely.union_all(parts) if parts else shape
