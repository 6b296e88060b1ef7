"""Observations in the database: append-only, the current one of an acquisition is its highest revision."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlmodel import Session, col, select

from jagawana.schemas.observation import AlertTense
from jagawana.services.store.dialects import insert
from jagawana.services.store.tables import ObservationRow, SceneRootRow, SceneRow


def remember(session: Session, rows: Iterable[ObservationRow | SceneRow]) -> None:
    """Insert; what is already there stays as it was first committed, but for its tense.

    A scene that was replayed as a test and then really arrives is real; one that really arrived is not made a test by a replay.
    """
    given = list(rows)
    seen = [row for row in given if isinstance(row, ObservationRow)]
    seen.sort(key=lambda row: row.observation_id)  # workers of the same scene wait for each other in one order
    for table, new in ((SceneRow, [row for row in given if isinstance(row, SceneRow)]), (ObservationRow, seen)):
        if new:
            session.execute(insert(session, table).on_conflict_do_nothing(), [row.model_dump() for row in new])
    _make_as_real(session, seen)


def _make_as_real(session: Session, rows: Sequence[ObservationRow]) -> None:
    ids = [row.observation_id for row in rows]
    query = select(ObservationRow).where(col(ObservationRow.observation_id).in_(ids)).order_by(col(ObservationRow.observation_id))
    known = {row.observation_id: row for row in session.exec(query.with_for_update()).all()}
    for row in rows:
        if AlertTense(row.tense).reality > AlertTense(known[row.observation_id].tense).reality:
            known[row.observation_id].tense = row.tense


def current(session: Session, tile: str | None = None) -> list[ObservationRow]:
    """The observations that count: of each tile, fingerprint and acquisition the highest revision, oldest acquisition first."""
    return newest(session.exec(select(ObservationRow) if tile is None else select(ObservationRow).where(ObservationRow.tile == tile)).all())


def newest(rows: Iterable[ObservationRow]) -> list[ObservationRow]:
    """Of each tile, fingerprint and acquisition the highest revision; by tile and fingerprint, oldest acquisition first.

    What is real comes before tests and injections, whatever their revision: a product that is only tried out hides nothing.
    """
    best: dict[tuple[str, str, str], ObservationRow] = {}
    for row in rows:
        key = row.tile, row.fingerprint, row.acquisition_key
        if key not in best or _rank(row) > _rank(best[key]):
            best[key] = row
    return sorted(best.values(), key=lambda r: (r.tile, r.fingerprint, r.acquired_at, r.acquisition_key))


def _rank(row: ObservationRow) -> tuple[bool, str, str]:
    return AlertTense(row.tense).is_real, row.revision, row.observation_id


def real(rows: Sequence[ObservationRow]) -> list[ObservationRow]:
    """Of one tile: the real observations; tests and injections count only where there is no real one.

    A test scene sent into a working service must neither confirm, end nor mute what real scenes have shown.
    """
    kept = [r for r in rows if AlertTense(r.tense).is_real]
    return kept or list(rows)


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
