"""Observations in the database: append-only, the current one of an acquisition is its highest revision."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, select

from jagawana.services.store.tables import ObservationRow, SceneRootRow, SceneRow


def remember(session: Session, rows: Iterable[ObservationRow | SceneRow]) -> None:
    """Insert; what is already there stays as it was first committed."""
    for row in rows:
        session.execute(insert(type(row)).values(**row.model_dump()).on_conflict_do_nothing())


def current(session: Session, tile: str | None = None) -> list[ObservationRow]:
    """The observations that count: of each tile, fingerprint and acquisition the highest revision, oldest acquisition first."""
    query = select(ObservationRow) if tile is None else select(ObservationRow).where(ObservationRow.tile == tile)
    best: dict[tuple[str, str, str], ObservationRow] = {}
    for row in session.exec(query).all():
        key = row.tile, row.fingerprint, row.acquisition_key
        if key not in best or (row.revision, row.observation_id) > (best[key].revision, best[key].observation_id):
            best[key] = row
    return sorted(best.values(), key=lambda r: (r.tile, r.fingerprint, r.acquired_at, r.acquisition_key))


def tiles(session: Session) -> list[str]:
    """Every tile ever observed."""
    return sorted(session.exec(select(col(ObservationRow.tile)).distinct()).all())


def allow_root(session: Session, folder: Path) -> None:
    """Let assets be read from an archive's folder."""
    session.merge(SceneRootRow(folder=str(folder.resolve())))


def allowed_roots(session: Session) -> list[Path]:
    """Folders that assets may be read from."""
    return [Path(f) for f in sorted(session.exec(select(SceneRootRow.folder)).all())]


def scenes(session: Session) -> list[SceneRow]:
    """Every scene ever observed, oldest first."""
    return list(session.exec(select(SceneRow).order_by(col(SceneRow.acquired_at), col(SceneRow.scene_id))).all())
