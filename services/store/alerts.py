"""Alerts in the database: the tile's fence, the alerts of a tile and their records."""

from sqlmodel import Session, col, select, update

from jagawana.schemas.alert import AlertContent, AlertPublished
from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.store.dialects import insert
from jagawana.services.store.tables import AlertRow, AlertVersionRow, TileStateRow


def tile_state(session: Session, tile: str) -> TileStateRow:
    """The tile's fence as it stands; version 0 when the tile was never assessed."""
    return session.get(TileStateRow, tile) or TileStateRow(tile=tile, version=0, zones_version="", rules_version="")


def tile_states(session: Session) -> list[TileStateRow]:
    """The fences of all tiles ever assessed, by tile."""
    return list(session.exec(select(TileStateRow).order_by(TileStateRow.tile)).all())


def advance(session: Session, read: TileStateRow, *, zones_version: str, rules_version: str) -> None:
    """Compare-and-set: whoever read an older version folds again.

    Raises:
        TransientError: TILE_MOVED_ON.
    """
    session.execute(
        insert(session, TileStateRow).values(tile=read.tile, version=0, zones_version="", rules_version="").on_conflict_do_nothing()
    )
    changed = session.exec(
        update(TileStateRow)
        .where(col(TileStateRow.tile) == read.tile, col(TileStateRow.version) == read.version)
        .values(version=read.version + 1, zones_version=zones_version, rules_version=rules_version)
    )
    if changed.rowcount != 1:
        raise TransientError(ErrorCode.TILE_MOVED_ON, f"tile {read.tile} was committed by another worker; folding again")


def alerts_of_tile(session: Session, tile: str) -> dict[str, AlertRow]:
    """All findings and alerts of a tile, by id."""
    return {row.alert_id: row for row in session.exec(select(AlertRow).where(AlertRow.tile == tile)).all()}


def all_alerts(session: Session) -> list[AlertRow]:
    """All findings and alerts, by id."""
    return list(session.exec(select(AlertRow).order_by(AlertRow.alert_id)).all())


def latest_records(session: Session) -> list[AlertPublished]:
    """The last record of every alert that was ever told."""
    rows = session.exec(
        select(AlertVersionRow)
        .join(AlertRow, (col(AlertVersionRow.alert_id) == AlertRow.alert_id))
        .where(AlertVersionRow.record_number == AlertRow.record_number)
        .order_by(AlertVersionRow.alert_id)
    ).all()
    return [decode_as(AlertPublished, row.payload) for row in rows]


def record(session: Session, alert_id: str, record_number: int) -> AlertPublished:
    """One record, as published."""
    row = session.exec(
        select(AlertVersionRow).where(AlertVersionRow.alert_id == alert_id, AlertVersionRow.record_number == record_number)
    ).one()
    return decode_as(AlertPublished, row.payload)


def records(session: Session) -> list[AlertPublished]:
    """Every record ever published, in the order they were decided."""
    rows = session.exec(select(AlertVersionRow).order_by(col(AlertVersionRow.decided_at), AlertVersionRow.alert_id)).all()
    return [decode_as(AlertPublished, row.payload) for row in rows]


def content_of(row: AlertRow) -> AlertContent:
    """What is believed of an alert now."""
    return AlertContent.model_validate_json(row.content)
