"""Zone layers in the database: whole versions, one of each layer active, switched atomically."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

import numpy as np
import shapely
from sqlalchemy import ColumnElement, func, text
from sqlmodel import Session, col, delete, select

from jagawana.rules.crowds import MAX_ZONES, find_crowd
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.base import Sha256
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.services.store.dialects import Hold, hold, speaks_postgresql
from jagawana.services.store.tables import ZoneLayerRow, ZoneRow


def activate(session: Session, layer: str, layer_version: str, zones: Iterable[Zone], *, at: datetime) -> Sha256:
    """Store a layer version and make it the active one of its layer; loading the same content again changes nothing.

    Raises:
        DataError: ZONES_INVALID when more zones of all active layers would lie over one place than can be judged in time.
    """
    rows = [_row(z) for z in zones]
    content = _content_of(rows)
    hold(session, Hold.LOADING)
    session.exec(delete(ZoneRow).where(col(ZoneRow.layer) == layer, col(ZoneRow.layer_version) == layer_version))
    _lay_down(session, layer)
    session.merge(ZoneLayerRow(layer=layer, layer_version=layer_version, sha256=content, active=True, loaded_at=at))
    session.add_all(rows)
    session.flush()
    _refuse_a_crowd(session, layer)
    hold(session, Hold.ZONES)  # at the end: readers wait for the commit only, not for the loading
    return content


def withdraw(session: Session, layer: str) -> str:
    """Take a layer out of force, and keep its versions; which one was in force.

    Raises:
        DataError: ZONES_INVALID when no version of it is, naming the layers of which one is.
    """
    hold(session, Hold.LOADING)
    active = {row.layer: row.layer_version for row in _active_layers(session)}
    if layer not in active:
        raise DataError(ErrorCode.ZONES_INVALID, f"no version of {layer!r} is in force; layers in force are {', '.join(active) or 'none'}")
    _lay_down(session, layer)
    hold(session, Hold.ZONES)  # at the end, as in `activate`
    return active[layer]


def version(session: Session) -> Sha256:
    """One word for all active layers: changes exactly when some active layer's content does.

    Until the transaction ends no layer is switched, so that the zones read in it are those the word is of.
    """
    hold(session, Hold.ZONES, shared=True)
    rows = session.exec(select(ZoneLayerRow).where(ZoneLayerRow.active)).all()
    return sha256_of(sorted([r.layer, r.layer_version, r.sha256] for r in rows))


def active(session: Session, bounds: tuple[float, float, float, float] | None = None) -> list[Zone]:
    """Zones of the active layers whose bounds touch the given ones (west, south, east, north in degrees), by layer and zone_id.

    Layer by layer, with every kind named, and sorted here: so that the index over places is used, and no other geometry is read.
    """
    query = select(ZoneRow).where(col(ZoneRow.kind).in_(list(ZoneKind)))
    if bounds is not None:
        west, south, east, north = bounds
        if speaks_postgresql(session):
            query = query.where(text("place && ST_MakeEnvelope(:west, :south, :east, :north, 4326)"))
            query = query.params(west=west, south=south, east=east, north=north)
        query = query.where(ZoneRow.west <= east, ZoneRow.east >= west, ZoneRow.south <= north, ZoneRow.north >= south)
    rows = [row for layer in _active_layers(session) for row in session.exec(query.where(*_of(layer))).all()]
    return [_zone(row) for row in sorted(rows, key=lambda r: (r.layer, r.zone_id))]


def of_layer(session: Session, layer: str) -> list[Zone]:
    """Zones of the active version of one layer, by zone_id; none when it has no active version."""
    known = [row for row in _active_layers(session) if row.layer == layer]
    rows = [row for version in known for row in session.exec(select(ZoneRow).where(*_of(version)).order_by(col(ZoneRow.zone_id))).all()]
    return [_zone(row) for row in rows]


def of_kind(session: Session, kind: ZoneKind) -> list[Zone]:
    """Zones of one kind of all active layers, by layer and zone_id."""
    query = select(ZoneRow).where(ZoneRow.kind == kind).order_by(col(ZoneRow.zone_id))
    return [_zone(row) for layer in _active_layers(session) for row in session.exec(query.where(*_of(layer))).all()]


def of_version(session: Session, layer: str, layer_version: str) -> list[Zone]:
    """Zones of one version of a layer, active or not, by zone_id.

    Raises:
        DataError: ZONES_INVALID when that version was never loaded, naming those that were.
    """
    known = session.exec(select(ZoneLayerRow).where(ZoneLayerRow.layer == layer).order_by(col(ZoneLayerRow.loaded_at))).all()
    row = next((k for k in known if k.layer_version == layer_version), None)
    if row is None:
        versions = ", ".join(k.layer_version for k in known) or "none"
        raise DataError(ErrorCode.ZONES_INVALID, f"there is no version {layer_version!r} of {layer!r}; loaded were {versions}")
    return [_zone(r) for r in session.exec(select(ZoneRow).where(*_of(row)).order_by(col(ZoneRow.zone_id))).all()]


@dataclass(frozen=True)
class LayerVersion:
    """A version of a layer that was loaded, and how many zones of each kind it holds."""

    layer: str
    layer_version: str
    active: bool
    loaded_at: datetime
    kinds: Mapping[ZoneKind, int]


def versions(session: Session) -> list[LayerVersion]:
    """All that were loaded, by layer and when they were."""
    counted = select(ZoneRow.layer, ZoneRow.layer_version, ZoneRow.kind, func.count()).group_by(
        col(ZoneRow.layer), col(ZoneRow.layer_version), col(ZoneRow.kind)
    )
    kinds: dict[tuple[str, str], dict[ZoneKind, int]] = defaultdict(dict)
    for layer, version, kind, number in session.exec(counted).all():
        kinds[layer, version][ZoneKind(kind)] = number
    rows = session.exec(select(ZoneLayerRow).order_by(col(ZoneLayerRow.layer), col(ZoneLayerRow.loaded_at))).all()
    return [LayerVersion(r.layer, r.layer_version, r.active, r.loaded_at, kinds[r.layer, r.layer_version]) for r in rows]


def is_taken(session: Session, layer: str, layer_version: str, zones: Iterable[Zone]) -> bool:
    """Whether a version of that name was loaded with other content: verdicts cite it, so it must stay what it was."""
    known = session.get(ZoneLayerRow, (layer, layer_version))
    return known is not None and known.sha256 != _content_of([_row(z) for z in zones])


def kinds_loaded(session: Session) -> frozenset[ZoneKind]:
    """Kinds that some active layer holds anywhere: no concession near is not the same as no concession layer."""
    layers = _active_layers(session)
    return frozenset(kind for kind in ZoneKind if any(_holds(session, layer, kind) for layer in layers))


def _lay_down(session: Session, layer: str) -> None:
    for old in session.exec(select(ZoneLayerRow).where(ZoneLayerRow.layer == layer)).all():
        old.active = False
        session.add(old)
    session.flush()


def _content_of(rows: Iterable[ZoneRow]) -> Sha256:
    return sha256_of([[*r.model_dump(exclude={"wkb"}).values(), r.wkb.hex()] for r in sorted(rows, key=lambda r: r.zone_id)])


def _refuse_a_crowd(session: Session, layer: str) -> None:
    columns = (ZoneRow.layer, ZoneRow.west, ZoneRow.south, ZoneRow.east, ZoneRow.north)
    rows = [row for known in _active_layers(session) for row in session.exec(select(*columns).where(*_of(known))).all()]  # type: ignore[call-overload]
    bounds = np.array([row[1:] for row in rows], dtype=float).reshape(-1, 4)
    crowd = find_crowd(bounds, np.array([row[0] == layer for row in rows]), lambda box: active(session, box))
    if crowd is not None:
        raise DataError(
            ErrorCode.ZONES_INVALID,
            f"{crowd}; the limit over all active layers is {MAX_ZONES}; are they parts of one, or copies? Dissolve them, then load {layer}",
        )


def _active_layers(session: Session) -> Sequence[ZoneLayerRow]:
    return session.exec(select(ZoneLayerRow).where(ZoneLayerRow.active).order_by(col(ZoneLayerRow.layer))).all()


def _of(layer: ZoneLayerRow) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(ZoneRow.layer) == layer.layer, col(ZoneRow.layer_version) == layer.layer_version


def _holds(session: Session, layer: ZoneLayerRow, kind: ZoneKind) -> bool:
    return session.exec(select(ZoneRow.zone_id).where(*_of(layer), ZoneRow.kind == kind).limit(1)).first() is not None


def _row(zone: Zone) -> ZoneRow:
    west, south, east, north = zone.geometry.bounds
    return ZoneRow(
        layer=zone.layer, layer_version=zone.layer_version, zone_id=zone.zone_id, kind=zone.kind, name=zone.name, source=zone.source,
        holder=zone.holder, stage=zone.stage, valid_from=_text(zone.valid_from), valid_to=_text(zone.valid_to), accuracy_m=zone.accuracy_m,
        code=zone.code, commodity=zone.commodity, designation=zone.designation, method=zone.method, licence=zone.licence,
        redistributable=zone.redistributable, approximate=zone.approximate,
        west=west, south=south, east=east, north=north, wkb=shapely.to_wkb(zone.geometry),
    )  # fmt: skip


def _zone(row: ZoneRow) -> Zone:
    geometry = cast(shapely.Polygon | shapely.MultiPolygon, shapely.from_wkb(row.wkb))
    return Zone(
        zone_id=row.zone_id, kind=ZoneKind(row.kind), name=row.name, geometry=geometry, layer=row.layer,
        layer_version=row.layer_version, source=row.source, valid_from=_day(row.valid_from), valid_to=_day(row.valid_to),
        holder=row.holder, stage=row.stage, accuracy_m=row.accuracy_m, code=row.code, commodity=row.commodity,
        designation=row.designation, method=row.method, licence=row.licence, redistributable=row.redistributable,
        approximate=bool(row.approximate),
    )  # fmt: skip


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
