"""From judged pieces to alert contents: a pure function of observations, zones and rules. No clock, no arrival order."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.change import changes, inventory
from jagawana.detectors.grid import cell_square, reproject, tile_square
from jagawana.rules.judge import verdict_under
from jagawana.rules.pack import RulePack
from jagawana.rules.severity import ha_per_month, severity
from jagawana.rules.zones import ZoneIndex
from jagawana.schemas.alert import (
    AlertContent,
    AlertShape,
    AlertState,
    ChangeClass,
    Cutout,
    Evidence,
    Severity,
    Stage,
    Verdict,
    ZoneKind,
)
from jagawana.schemas.base import CellId, TileId
from jagawana.schemas.geometry import Geometry, MultiLineString, MultiPoint, MultiPolygon, Point
from jagawana.schemas.ids import alert_id
from jagawana.schemas.observation import ModelRef
from jagawana.services.assess.hints import hints_for
from jagawana.services.assess.histories import Stream
from jagawana.services.assess.pieces import Piece, Surroundings, pieces, size
from jagawana.services.store.tables import ObservationRow

DEGREES = 1e-7  # about a centimetre
SAME_M = 30.0
"""Lines and points of two sensors this near are one thing: three Sentinel-2 pixels, for co-registration and thinning."""
RANK = {AlertState.ENDED: 0, AlertState.PROVISIONAL: 1, AlertState.CONFIRMED: 2}
CLASS_RANK = {ChangeClass.MINING: 2, ChangeClass.ROAD: 1, ChangeClass.HUT: 0}


@dataclass(frozen=True)
class Finding:
    """What is believed of one cell, zone and rule, and whether the rules want somebody told."""

    content: AlertContent
    worthy: bool


def findings(tile: TileId, streams: Sequence[Stream], zones: ZoneIndex, pack: RulePack) -> list[Finding]:
    """Everything new in a tile, judged; sorted by alert id.

    Args:
        tile: the tile.
        streams: its folded observations, oldest stream first.
        zones: in the tile's UTM zone.
        pack: the rules.
    """
    square = tile_square(tile)
    found = [(s, c) for s in streams for c in changes(s.state, square)]
    known = inventory(streams[0].state, square) if streams else shapely.MultiPolygon()
    around = Surroundings(
        mining=shapely.union_all([known, *(c.geometry for _, c in found if c.change_class is ChangeClass.MINING)]),
        huts=shapely.union_all([c.geometry for _, c in found if c.change_class is ChangeClass.HUT]),
        roads=shapely.union_all([c.geometry for _, c in found if c.change_class is ChangeClass.ROAD]),
    )
    grouped: dict[tuple[CellId, str | None, str], list[Piece]] = defaultdict(list)
    for piece in pieces(tile, found, around, zones, pack):
        grouped[piece.key].append(piece)
    made = [_finding(tile, mine, known, around, zones, pack) for mine in grouped.values()]
    return sorted(made, key=lambda f: str(f.content.alert_id))


def _finding(tile: TileId, mine: Sequence[Piece], known: BaseGeometry, around: Surroundings, zones: ZoneIndex, pack: RulePack) -> Finding:
    epsg = tile_square(tile).epsg
    cell, zone_id, rule_id = mine[0].key
    merged = list(_merged(mine))
    lead = max(merged, key=lambda m: (CLASS_RANK[m.kind], RANK[m.state], size(m.kind, m.geometry)))
    place = lead.geometry.representative_point() if lead.kind is ChangeClass.MINING else shapely.get_parts(lead.geometry)[0].centroid
    live = [m for m in merged if m.state is not AlertState.ENDED] or merged
    verdict, mining_ha = _verdict(lead, zones, pack), _total(live, ChangeClass.MINING, 1e-4, 4)
    content = AlertContent(
        alert_id=alert_id(cell, zone_id, rule_id),
        tile=tile,
        cell=cell,
        stage=Stage.MINING if lead.kind is ChangeClass.MINING else Stage.PRECURSOR,
        state=lead.state if lead.kind is ChangeClass.MINING else max((m.state for m in merged), key=RANK.__getitem__),
        place=Point(coordinates=_lon_lat(reproject(place, epsg, 4326))),
        shapes=tuple(m.as_shape(epsg) for m in merged),
        mining_ha=mining_ha,
        road_m=_total(live, ChangeClass.ROAD, 1.0, 1),
        huts=int(_total(live, ChangeClass.HUT, 1.0, 0)),
        inventory_ha=round(known.intersection(cell_square(cell).polygon).area * 1e-4, 4),
        first_seen_at=min(m.first.change.first_seen_at for m in merged),
        last_seen_at=max(p.change.last_seen_at for p in mine),
        verdict=verdict,
        province=_province(place, lead, zones),
        evidence=_evidence(mine, lead),
        severity=_severity(lead, mining_ha, verdict, around, zones),
        hints=hints_for(tile, cell, lead.best.change, lead.best.stream),
    )
    return Finding(content, any(p.worthy for p in mine))


@dataclass(frozen=True)
class _Merged:
    """Pieces of one class, active ones apart from ended ones, as one shape."""

    kind: ChangeClass
    state: AlertState
    geometry: BaseGeometry
    members: tuple[Piece, ...]

    @property
    def first(self) -> Piece:
        return min(self.members, key=lambda p: (p.change.first_seen_at, p.change.last_clear_before_at, p.stream.fingerprint))

    @property
    def best(self) -> Piece:
        return max(
            self.members, key=lambda p: (RANK[p.change.state], p.change.probability, size(self.kind, p.geometry), p.stream.fingerprint)
        )

    def as_shape(self, epsg: int) -> AlertShape:
        """As an alert carries it: dates of the first and the last, confidence of the best of its pieces."""
        best, first = self.best.change, self.first.change
        amount = size(self.kind, self.geometry)
        confirmed = [p.change.confirmed_at for p in self.members if p.change.confirmed_at]
        second_sensor = max(p.change.first_seen_at for p in self.members) if self.state is AlertState.CONFIRMED else None
        return AlertShape(
            change_class=self.kind,
            state=self.state,
            geometry=_geojson(reproject(self.geometry, epsg, 4326)),
            area_ha=round(amount * 1e-4, 4) if self.kind is ChangeClass.MINING else None,
            length_m=round(amount, 1) if self.kind is ChangeClass.ROAD else None,
            count=int(amount) if self.kind is ChangeClass.HUT else None,
            last_clear_before_at=first.last_clear_before_at,
            first_seen_at=first.first_seen_at,
            confirmed_at=min(confirmed) if confirmed else second_sensor,
            last_seen_at=max(p.change.last_seen_at for p in self.members),
            probability=best.probability,
            looks_positive=best.looks_positive,
            looks_clear=best.looks_clear,
        )


def _merged(mine: Sequence[Piece]) -> Iterator[_Merged]:
    for kind in (ChangeClass.MINING, ChangeClass.ROAD, ChangeClass.HUT):
        for ended in (False, True):
            members = tuple(p for p in mine if p.change.change_class is kind and (p.change.state is AlertState.ENDED) == ended)
            if members:
                geometry = shapely.normalize(_united(kind, members))
                yield _Merged(kind, _state(members), geometry, members)


def _united(kind: ChangeClass, members: Sequence[Piece]) -> BaseGeometry:
    """One geometry. A road or roof that two sensors drew a few metres apart counts once, as the finer one drew it."""
    if kind is ChangeClass.MINING:
        return shapely.union_all([p.geometry for p in members])
    united: BaseGeometry = shapely.GeometryCollection()
    for _, drawn in groupby(sorted(members, key=_finest_first), key=_finest_first):
        added = shapely.union_all([p.geometry for p in drawn])
        united = shapely.union_all([united, added.difference(united.buffer(SAME_M))])
    return united


def _finest_first(piece: Piece) -> tuple[int, str]:
    return piece.stream.state.resolution_m, piece.stream.fingerprint


def _state(members: Sequence[Piece]) -> AlertState:
    """The strongest state; two sensors that show the same place confirm each other."""
    best = max((p.change.state for p in members), key=RANK.__getitem__)
    agree = any(_independent(a, b) and a.geometry.intersects(b.geometry) for a in members for b in members)
    return AlertState.CONFIRMED if agree and best is AlertState.PROVISIONAL else best


def _independent(a: Piece, b: Piece) -> bool:
    """Another sensor and another model."""
    return a.change.after.platform != b.change.after.platform and a.stream.fingerprint != b.stream.fingerprint


def _verdict(lead: _Merged, zones: ZoneIndex, pack: RulePack) -> Verdict:
    """The verdict of the whole shape, so that hectares are of the union and not of overlapping pieces."""
    first = lead.first
    if len(lead.members) == 1 and first.is_as_judged:
        return first.verdict
    _, zone_id, rule_id = first.key
    on, pixel_m = first.change.first_seen_at.date(), lead.best.stream.state.resolution_m
    whole = verdict_under(lead.geometry, zone_id, rule_id, zones=zones, on=on, pack=pack, pixel_m=pixel_m)
    return whole or lead.best.verdict


def _severity(lead: _Merged, mining_ha: float, verdict: Verdict, around: Surroundings, zones: ZoneIndex) -> Severity:
    best, first = lead.best.change, lead.first.change
    since = first.last_clear_before_at or first.first_seen_at
    days = (max(p.change.last_seen_at for p in lead.members) - since).total_seconds() / 86_400
    near = around.near(lead.geometry, zones, first.first_seen_at.date())
    kinds, growth_ha = {z.kind for z in verdict.zones}, ha_per_month(mining_ha, days)
    return severity(verdict.category, kinds, growth_ha=growth_ha, near=near, probability=best.probability, state=lead.state)


def _province(place: BaseGeometry, lead: _Merged, zones: ZoneIndex) -> str | None:
    names = [z.name for z in zones.touching(place, lead.first.change.first_seen_at.date()) if z.kind is ZoneKind.PROVINCE]
    return names[0] if names else None


def _evidence(mine: Sequence[Piece], lead: _Merged) -> Evidence:
    shown = {o.observation_id: p.stream.row(o) for p in mine for o in p.change.shown_by}
    rows = sorted(shown.values(), key=lambda r: (r.acquired_at, r.observation_id))
    models = {r.fingerprint: ModelRef(model_id=r.model_id, sha256=r.model_sha256, fingerprint=r.fingerprint) for r in rows}
    change, stream = lead.best.change, lead.best.stream
    return Evidence(
        scene_ids=tuple(dict.fromkeys(r.scene_id for r in rows)),
        observation_ids=tuple(r.observation_id for r in rows),
        models=tuple(models[f] for f in sorted(models)),
        calibrated=all(r.calibrated for r in rows),
        before=_cutout(stream.row(change.before)),
        after=_cutout(stream.row(change.after)),
    )


def _cutout(row: ObservationRow) -> Cutout:
    west, south, east, north = map(float, row.quicklook_bounds.split(","))
    return Cutout(scene_id=row.scene_id, acquired_at=row.acquired_at, blob=row.quicklook, bounds=(west, south, east, north))


def _total(merged: Sequence[_Merged], kind: ChangeClass, factor: float, digits: int) -> float:
    return round(sum(size(m.kind, m.geometry) for m in merged if m.kind is kind) * factor, digits)


def _lon_lat(point: BaseGeometry) -> tuple[float, float]:
    return round(point.centroid.x, 7), round(point.centroid.y, 7)


def _geojson(geometry: BaseGeometry) -> Geometry:
    tidy = shapely.orient_polygons(shapely.set_precision(geometry, DEGREES, mode="pointwise"), exterior_cw=False)
    plain = shapely.geometry.mapping(tidy)
    kind, coordinates = plain["type"], plain["coordinates"]
    wanted: dict[str, type[MultiPolygon | MultiLineString | MultiPoint]]
    wanted = {"Polygon": MultiPolygon, "LineString": MultiLineString, "Point": MultiPoint}
    for single, model in wanted.items():
        if kind in (single, f"Multi{single}"):
            return model.model_validate({"coordinates": [coordinates] if kind == single else coordinates})
    raise ValueError(f"a change cannot be a {kind}")
