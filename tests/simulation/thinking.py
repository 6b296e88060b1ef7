"""In place of the fold and the judging: cheap, pure, and blind to order. What the first look of a stream shows is inventory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import alert_examples
import shapely

from jagawana.detectors.grid import cell_square, reproject
from jagawana.rules.pack import RulePack
from jagawana.rules.zones import ZoneIndex
from jagawana.schemas.alert import AlertContent, AlertState, Category, Cutout, ZoneKind
from jagawana.schemas.ids import alert_id
from jagawana.schemas.observation import ModelRef
from jagawana.services.assess.alerts import Finding
from jagawana.services.store.tables import ObservationRow

ENDS_AFTER = 2
"""Clean looks in a row that end what was confirmed."""


@dataclass(frozen=True)
class SimulatedStream:
    """The looks of one fingerprint, in the order in which the store gives them: the oldest first."""

    fingerprint: str
    rows: Sequence[ObservationRow]
    shown: Sequence[Mapping[str, float]]


@dataclass
class _Believed:
    """What one stream comes to for one cell."""

    seen_by: list[ObservationRow]
    clean_since: int = 0
    hectares: float = 0.0

    @property
    def state(self) -> AlertState:
        if self.clean_since >= ENDS_AFTER:
            return AlertState.ENDED
        return AlertState.CONFIRMED if len(self.seen_by) > 1 else AlertState.PROVISIONAL


def simulated_findings(tile: str, streams: Sequence[SimulatedStream], zones: ZoneIndex, pack: RulePack) -> list[Finding]:
    """What the first look of a stream shows is inventory; what later looks show is new; once only, then not: withdrawn."""
    best: dict[str, _Believed] = {}
    for stream in streams:
        for cell, believed in _fold(stream).items():
            known = best.get(cell)
            if known is None or len(believed.seen_by) > len(known.seen_by):
                best[cell] = believed
    return sorted((_finding(tile, c, b, zones, pack) for c, b in best.items()), key=lambda f: str(f.content.alert_id))


def _fold(stream: SimulatedStream) -> dict[str, _Believed]:
    inventory, believed = set(stream.shown[0]), dict[str, _Believed]()
    for row, shown in zip(stream.rows[1:], stream.shown[1:], strict=True):
        for cell in [c for c in believed if c not in shown]:
            believed[cell].clean_since += 1
            if len(believed[cell].seen_by) == 1:
                del believed[cell]
        for cell, hectares in shown.items():
            if cell not in inventory:
                mine = believed.setdefault(cell, _Believed([]))
                mine.seen_by.append(row)
                mine.clean_since, mine.hectares = 0, hectares
    return believed


def _finding(tile: str, cell: str, believed: _Believed, zones: ZoneIndex, pack: RulePack) -> Finding:
    first, last = believed.seen_by[0], believed.seen_by[-1]
    touching = zones.touching(_inside(cell), first.acquired_at.date())
    zone = touching[0] if touching else None
    template = _template(tile, cell, zone and (zone.zone_id, zone.layer_version), pack.version)
    shape = template.shapes[0].model_copy(
        update={"state": believed.state, "area_ha": believed.hectares, "first_seen_at": first.acquired_at, "last_seen_at": last.acquired_at}
    )
    evidence = template.evidence.model_copy(
        update={
            "scene_ids": tuple(dict.fromkeys(r.scene_id for r in believed.seen_by)),
            "observation_ids": tuple(r.observation_id for r in believed.seen_by),
            "models": (ModelRef(model_id=first.model_id, sha256=first.model_sha256, fingerprint=first.fingerprint),),
            "after": Cutout(scene_id=last.scene_id, acquired_at=last.acquired_at, blob=last.quicklook, bounds=(0.0, 0.0, 1.0, 1.0)),
        }
    )
    changes: dict[str, Any] = {"state": believed.state, "shapes": (shape,), "mining_ha": believed.hectares, "evidence": evidence}
    content = template.model_copy(update=changes | {"first_seen_at": first.acquired_at, "last_seen_at": last.acquired_at})
    return Finding(content, worthy=zone is not None)


@lru_cache(maxsize=1024)
def _template(tile: str, cell: str, zone: tuple[str, str] | None, pack_version: str) -> AlertContent:
    """An alert of a cell in a zone; dates, sizes and evidence are put in by the caller."""
    rule = "id-conservation" if zone else "id-outside"
    overlap = alert_examples.zone(zone_id=zone[0], layer="parks", layer_version=zone[1], kind=ZoneKind.CONSERVATION) if zone else None
    verdict = alert_examples.verdict(
        (overlap,) if overlap else (), rule_id=rule, pack_version=pack_version, category=Category.LOW, decisive_zone=zone and zone[0]
    )
    return alert_examples.content(
        zones=(overlap,) if overlap else (), alert_id=alert_id(cell, zone and zone[0], rule), tile=tile, cell=cell, verdict=verdict,
        place={"type": "Point", "coordinates": _place(cell)},
    )  # fmt: skip


@lru_cache(maxsize=64)
def _inside(cell: str) -> shapely.Polygon:
    return cell_square(cell).polygon.buffer(-200)


@lru_cache(maxsize=64)
def _place(cell: str) -> tuple[float, float]:
    point = cast(shapely.Point, reproject(cell_square(cell).polygon.centroid, 32749, 4326))
    return round(point.x, 7), round(point.y, 7)
