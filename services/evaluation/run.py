"""`jagawana evaluate --world`: replay a simulated world into a data folder of its own and score what was told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import FoldPolicy
from jagawana.detectors.grid import reproject, tile_square
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.assess.histories import Stream
from jagawana.services.evaluation.scoring import ClearLooks, WorldScore, score
from jagawana.services.evaluation.truth import read_truth
from jagawana.services.replay import replay
from jagawana.services.settings import load_settings
from jagawana.services.store import alerts, observations
from jagawana.services.store import zones as zone_store
from jagawana.services.store.database import transaction
from jagawana.services.store.tables import ObservationRow
from jagawana.services.wiring import Service, build
from jagawana.services.zones.files import read_zones

DAYS_PER_MONTH = 30.44
Progress = Callable[[int, int], None]


def evaluate_world(
    world: Path, *, model: str | None = None, data: Path | None = None, policy: FoldPolicy | None = None, progress: Progress | None = None
) -> WorldScore:
    """Replay a world's scenes in order of acquisition and score every record against its truth.

    Args:
        world: folder that `jagawana simulate` wrote.
        data: folder to keep the replay in; a temporary one by default. Must be new.
        policy: the fold's thresholds and confirmation rule; the shipped ones by default.

    Raises:
        DataError: the world is not whole, or `data` is already in use.
    """
    if data is not None and (data / "jagawana.sqlite").exists():
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{data} already holds data; scoring needs a folder of its own")
    with TemporaryDirectory() as scratch:
        service = build(load_settings(data=data or Path(scratch), model=model), policy=policy)
        layer = read_zones(world / "zones.gpkg", kind=None, layer="zones", layer_version="simulated", name_field=None)
        with transaction(service.engine) as session:
            zone_store.activate(session, "zones", "simulated", layer, at=service.clock.now())
        replay(service, [world], order="acquired", tense=AlertTense.TEST, progress=progress)
        return _score(service, world)


def _score(service: Service, world: Path) -> WorldScore:
    with transaction(service.engine) as session:
        records, rows = alerts.records(session), observations.current(session)
    if not rows:
        raise DataError(ErrorCode.NO_VALID_PIXELS, f"no scene of {world} could be read; see `jagawana dead list`")
    times = [r.acquired_at for r in rows]
    epsg = tile_square(rows[0].tile).epsg
    truth = read_truth(world / "truth.gpkg", epsg=epsg, since=min(times))
    months = (max(times) - min(times)) / timedelta(days=1) / DAYS_PER_MONTH
    return score(records, truth, _clear_looks(service, rows), watched_km2=_watched_km2(rows), months=months)


def _watched_km2(rows: list[ObservationRow]) -> float:
    largest: dict[str, float] = {}
    for row in rows:
        largest[row.tile] = max(largest.get(row.tile, 0.0), row.footprint_share)
    return sum(largest.values()) * 100.0


def _clear_looks(service: Service, rows: list[ObservationRow]) -> ClearLooks:
    """Looks of any sensor in which the middle of a place was clear."""
    tiles = sorted({r.tile for r in rows})
    streams: dict[str, list[Stream]] = {t: service.assess.histories.streams([r for r in rows if r.tile == t]) for t in tiles}

    def count(place: BaseGeometry, after: datetime, until: datetime) -> int:
        point = place.representative_point()
        epsg = tile_square(tiles[0]).epsg
        tile = next((t for t in tiles if tile_square(t).polygon.contains(reproject(point, epsg, tile_square(t).epsg))), tiles[0])
        return sum(
            _is_clear(s, i, tile, point) for s in streams[tile] for i in range(len(s.state.looks)) if after < s.state.look_at(i) <= until
        )

    return count


def _is_clear(stream: Stream, look: int, tile: str, point: BaseGeometry) -> bool:
    square, r = tile_square(tile), stream.state.resolution_m
    row, column = (
        np.array([int((square.north + square.side - point.bounds[1]) // r)]),
        np.array([int((point.bounds[0] - square.east) // r)]),
    )
    return any(o.sky_at(row, column)[0] == SkyClass.CLEAR for o in stream.state.looks[look])
