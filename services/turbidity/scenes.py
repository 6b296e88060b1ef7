"""Scenes read along a river: one window per reach, through the same guard as detection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from math import ceil, floor
from pathlib import Path

import numpy as np

from jagawana.detectors.clouds import BrightnessMask, SceneClassificationMask
from jagawana.detectors.grid import Square
from jagawana.detectors.plausibility import check_values
from jagawana.detectors.turbidity.calibration import Calibration
from jagawana.detectors.turbidity.looks import Corridor, Gap, ReachValue, reach_values
from jagawana.detectors.turbidity.reaches import River, reach_of
from jagawana.schemas.envelope import decode_as
from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.scene import SceneAcquired, SceneItem
from jagawana.services.detect.imagery import SCL, SceneImage, TileWindow
from jagawana.services.ingest.items import FoundItem, find_items, ordered, roots_of
from jagawana.services.raster.block_rows import block_rows
from jagawana.services.raster.copies import own_copies
from jagawana.services.raster.decoding import DecoderLimits, decoder
from jagawana.services.settings import Settings

PIXEL_M = 10
BANDS = ("blue", "green", "red", "nir", "swir16")
NEEDED = frozenset({"green", "red", "nir"})
MARGIN_M = 100.0
"""Around a reach, so that banks and cloud margins at its edge are seen."""
SHADOW_MARGIN_M = 1_500.0
"""Without a scene classification shadows are looked for this far from a cloud; see clouds.BrightnessMask."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ReachView:
    """A reach's number, the window it is read in, and the reach of each of the window's pixels."""

    reach: int
    window: TileWindow
    corridor: Corridor


@dataclass(frozen=True)
class RiverPlace:
    """A river on the 10 m grid of a UTM zone. Pixels within `half_width_m` of the line are looked at."""

    river: River
    epsg: int
    half_width_m: float

    def views(self, margin_m: float) -> list[ReachView]:
        """One per reach with so much ground around it, north to south, as files are read."""
        west, south, east, north = self.river.bounds
        room = margin_m + self.half_width_m
        left, bottom = floor((west - room) / PIXEL_M) * PIXEL_M, floor((south - room) / PIXEL_M) * PIXEL_M
        side = ceil(max(east + room - left, north + room - bottom) / PIXEL_M) * PIXEL_M
        square = Square(self.epsg, left, bottom, side)
        windows = [_window(square, reach.line.buffer(room).bounds) for reach in self.river.reaches]
        found = [ReachView(n, window, self._corridor(window)) for n, window in enumerate(windows)]
        return sorted(found, key=lambda view: (view.window.row, view.window.column))

    def _corridor(self, window: TileWindow) -> Corridor:
        columns, rows = np.meshgrid(np.arange(window.columns) + 0.5, np.arange(window.rows) + 0.5)
        t = window.transform
        reach, distance = reach_of(self.river.reaches, t.c + columns * t.a, t.f + rows * t.e, within_m=self.half_width_m)
        return Corridor(reach, distance)


Views = Callable[[float], Sequence[ReachView]]
"""Views by margin in metres."""


@dataclass(frozen=True)
class RiverLook:
    """One day's look at all reaches, in their order, and the scenes it came from."""

    day: date
    scene_ids: tuple[str, ...]
    values: tuple[ReachValue, ...]


@dataclass
class RiverLooks:
    """All looks, oldest first, and the scenes that were refused: id or file, code, why."""

    looks: list[RiverLook] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)


def read_looks(
    paths: Sequence[Path], place: RiverPlace, calibration: Calibration, settings: Settings, *, spool: Path, progress: Progress | None = None
) -> RiverLooks:
    """What the scenes of some folders or item files show of a river. A scene that is refused is named, and the others are read.

    Args:
        paths: items, or folders searched for them.
        place: the river.
        calibration: used for Sentinel-2 scenes with SWIR; others have NDTI only.
        settings: limits, and folders assets may lie in.
        spool: where copies lie while they are read.

    Raises:
        DataError: ASSET_MISSING when there is no item at all; the first refusal when every scene was refused.
        TransientError: STORE_BUSY when there is no room for copies; DECODER_FAILED when it is the first refusal.
    """
    found = ordered(find_items(paths, AlertTense.ARCHIVAL), "acquired")
    if not found:
        raise DataError(ErrorCode.ASSET_MISSING, f"no scene in {', '.join(map(str, paths))}; describe files with jagawana scene first")
    roots = [*settings.scene_roots, *roots_of(paths)]
    result, by_day, first, views = RiverLooks(), dict[date, RiverLook](), None, cache(place.views)
    for number, item in enumerate(_newest(found, result), 1):
        try:
            look = _look(item, views, calibration, settings, roots, spool)
            by_day[look.day] = _merged(by_day.get(look.day), look)
        except JagawanaError as e:
            if e.code is ErrorCode.STORE_BUSY:  # our own disk: the next scene will not fare better
                raise
            first = first or e
            result.refused.append({"scene": item.id, "code": e.code, "detail": e.detail})
        if progress is not None:
            progress(number, len(found))
    if first is not None and not by_day:
        raise first
    result.looks = [by_day[day] for day in sorted(by_day)]
    return result


def _newest(found: Sequence[FoundItem], result: RiverLooks) -> list[SceneItem]:
    """Of each acquisition the highest revision; what is no item at all is noted as refused."""
    newest: dict[str, SceneItem] = {}
    for file in found:
        try:
            item = decode_as(SceneAcquired, file.payload).item
        except DataError as e:
            result.refused.append({"scene": file.path.name, "code": e.code, "detail": e.detail})
            continue
        known = newest.get(item.acquisition_key)
        if known is None or known.revision < item.revision:
            newest[item.acquisition_key] = item
    return sorted(newest.values(), key=lambda i: (i.acquired_at, i.id))


def _look(item: SceneItem, views: Views, calibration: Calibration, settings: Settings, roots: Sequence[Path], spool: Path) -> RiverLook:
    item = _with_needed_assets(item)
    with (
        own_copies(item, roots=roots, spool=spool, max_bytes=settings.max_asset_bytes) as copies,
        decoder(copies, DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)) as child,
        block_rows(child) as pixels,
    ):
        values = _values(SceneImage(item, pixels), views, calibration)
    return RiverLook(item.acquired_at.date(), (item.id,), values)


def _with_needed_assets(item: SceneItem) -> SceneItem:
    """Without the files of other bands, which would be copied for nothing."""
    wanted = {*BANDS, SCL}
    assets = {key: a for key, a in item.assets.items() if any(b.common_name in wanted for b in a.bands)}
    has = {b.common_name for a in assets.values() for b in a.bands}
    if missing := NEEDED - has:
        raise DataError(ErrorCode.BANDS_MISSING, f"{item.id}: a river also needs {', '.join(sorted(missing))}")
    return item.model_copy(update={"assets": assets})


def _values(image: SceneImage, views: Views, calibration: Calibration) -> tuple[ReachValue, ...]:
    has_scl = SCL in image.bands
    clouds = SceneClassificationMask() if has_scl else BrightnessMask()
    bands = [b for b in BANDS if b in image.bands]
    known = calibration if image.item.properties.platform.lower().startswith("sentinel-2") else None
    found: dict[int, ReachValue] = {}
    for view in views(MARGIN_M if has_scl else SHADOW_MARGIN_M):
        reflectance, valid = image.reflectance(view.window, bands)
        check_values(reflectance, valid, where=f"{image.item.id}, reach {view.reach + 1}")
        layers = dict(zip(bands, reflectance, strict=True))
        sky = clouds(layers, valid, resolution_m=PIXEL_M, scene_class=image.scene_class(view.window))
        found |= reach_values(layers, sky, view.corridor, [view.reach], calibration=known)
    return tuple(found[n] for n in sorted(found))


def _merged(known: RiverLook | None, other: RiverLook) -> RiverLook:
    """Two granules of one day: of each reach the value with more water."""
    if known is None:
        return other
    better = tuple(max((a, b), key=_worth) for a, b in zip(known.values, other.values, strict=True))
    return RiverLook(known.day, (*known.scene_ids, *other.scene_ids), better)


def _worth(value: ReachValue) -> tuple[bool, bool, float, int]:
    return value.gap is None, value.gap is not Gap.OUTSIDE, value.clear_share, value.pixels


def _window(square: Square, bounds: tuple[float, float, float, float]) -> TileWindow:
    west, south, east, north = bounds
    row, column = floor((square.north + square.side - north) / PIXEL_M), floor((west - square.east) / PIXEL_M)
    bottom, right = ceil((square.north + square.side - south) / PIXEL_M), ceil((east - square.east) / PIXEL_M)
    return TileWindow(square, PIXEL_M, row, column, bottom - row, right - column)
