"""The ground of one cell, read from a tile's fold, one of its observations, and the picture of that observation."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.fold import Phase, TileState
from jagawana.detectors.grid import Square
from jagawana.detectors.hints.colour import LEAST_HA
from jagawana.detectors.hints.ground import EIGHT, Flags, Ground, Reflectance
from jagawana.detectors.history import Observation
from jagawana.detectors.quicklook import reflectance

AROUND_M = 500
"""Diggings of a cell are followed this far into its neighbours, so that its edge is no outline."""
NEW = (Phase.PROVISIONAL, Phase.CONFIRMED)
KNOWN = (*NEW, Phase.INVENTORY)
Picture = npt.NDArray[np.uint8]
Block = tuple[slice, slice]


def ground_at(state: TileState, tile: Square, cell: Square, after: Observation, picture: Picture | None) -> Ground:
    """Mining of a cell with what hangs together with it, new and old, as `after` showed it.

    Args:
        state: the fold that the observation belongs to.
        tile: the tile's square.
        cell: a square inside the tile.
        after: the observation whose water and colours count.
        picture: its quicklook, uint8 (h, w, 3), over the observed window; None when it is lost.
    """
    window, inner = _window(tile, cell, state.resolution_m)
    phase, first = _mining(state, window)
    mining = _touching(np.isin(phase, KNOWN), inner)
    new = mining & np.isin(phase, NEW) & _mask(mining.shape, inner)
    return Ground(
        pixel_m=float(state.resolution_m),
        mining=mining,
        water=_water(state, after, window),
        front=_newest(new, first, state.resolution_m),
        colours=None if picture is None else _colours(after, picture, window),
    )


def _window(tile: Square, cell: Square, pixel_m: int) -> tuple[Block, Block]:
    """Rows and columns in the tile of the cell with its surroundings, and of the cell in that window."""
    side = tile.side // pixel_m
    top, left = (tile.north + tile.side - cell.north - cell.side) // pixel_m, (cell.east - tile.east) // pixel_m
    size, margin = cell.side // pixel_m, AROUND_M // pixel_m
    rows, columns = (slice(max(0, at - margin), min(side, at + size + margin)) for at in (top, left))
    within = [slice(at - of.start, at - of.start + size) for at, of in ((top, rows), (left, columns))]
    return (rows, columns), (within[0], within[1])


def _mask(shape: tuple[int, ...], where: Block) -> Flags:
    mask = np.zeros(shape, bool)
    mask[where] = True
    return mask


def _touching(mining: Flags, inner: Block) -> Flags:
    labels, _ = ndimage.label(mining, EIGHT)
    here = np.unique(labels[inner])
    return mining & np.isin(labels, here)


def _mining(state: TileState, window: Block) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int16]]:
    """Phase and first look of mining, by pixel of the window."""
    part = state.of_class(LandClass.MINING)
    rows, columns = np.divmod(state.positions[part] - LandClass.MINING * state.side**2, state.side)
    inside = (rows >= window[0].start) & (rows < window[0].stop) & (columns >= window[1].start) & (columns < window[1].stop)
    at = rows[inside] - window[0].start, columns[inside] - window[1].start
    shape = window[0].stop - window[0].start, window[1].stop - window[1].start
    phase, first = np.zeros(shape, np.uint8), np.full(shape, -1, np.int16)
    phase[at], first[at] = state.phase[part][inside], state.first[part][inside]
    return phase, first


def _newest(new: Flags, first: npt.NDArray[np.int16], pixel_m: int) -> Flags:
    """Pixels first seen last: of as many of the latest looks as make a front large enough to have a colour."""
    looks = np.sort(first[new])[::-1]
    enough = round(LEAST_HA * 1e4 / pixel_m**2)
    return new if len(looks) < enough else new & (first >= looks[enough - 1])


def _water(state: TileState, after: Observation, window: Block) -> Flags:
    """Where the observation stored any probability of water."""
    rows, columns = (np.arange(of.start, of.stop) for of in window)
    positions = (LandClass.WATER * state.side + rows[:, None]) * state.side + columns
    return (after.values_at(positions.ravel()) > 0).reshape(positions.shape)


def _colours(after: Observation, picture: Picture, window: Block) -> Reflectance:
    """Reflectance in the window, NaN where the observation did not see the ground."""
    rows, columns = (np.arange(of.start, of.stop) for of in window)
    r, c = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    seen = after.sky_at(r, c) == SkyClass.CLEAR
    colours = np.full((3, len(r)), np.nan, np.float32)
    colours[:, seen] = reflectance(picture[r[seen] - after.origin[0], c[seen] - after.origin[1]]).T
    return colours.reshape(3, len(rows), len(columns))
