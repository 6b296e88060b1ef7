"""From pixel phases to things: mining patches, road networks, camps of huts, each with its pixels and from how many it is reported."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from jagawana.detectors import shapes
from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.fold import Phase, TileState
from jagawana.detectors.grid import Square
from jagawana.detectors.roads.mask import road_networks
from jagawana.schemas.alert import ChangeClass

EIGHT = np.ones((3, 3), bool)
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MinimumMappingUnit:
    """Smallest thing reported, per class, for one pixel size (docs/concepts.md has the table and its reasons)."""

    mining_ha: float
    road_m: float
    huts: int
    hut_cluster_m: float = 150.0

    @classmethod
    def at(cls, resolution_m: int) -> "MinimumMappingUnit":
        """Mining from 0.3 ha at any pixel size: 30 pixels at 10 m; at 5 m smaller patches were field edges and haze as often.

        Huts at 10 m only as clusters.
        """
        return cls(0.3, 200.0, 3) if resolution_m >= 8 else cls(0.3, 150.0, 2)


@dataclass(frozen=True)
class Thing:
    """What hangs together and is large enough.

    Attributes:
        kind: its class.
        geometry: MultiPolygon, MultiLineString or MultiPoint, in metres of the tile's UTM zone.
        at: its entries, int64 (N,), indices into the arrays of the TileState.
        enough: how many of its entries make something that is reported.
    """

    kind: ChangeClass
    geometry: BaseGeometry
    at: Places
    enough: int


class ClassEntries:
    """The entries of one class, and their places in the tile."""

    def __init__(self, state: TileState, kind: ChangeClass) -> None:
        part = state.of_class(ALERTABLE[kind])
        self.kind, self.resolution_m, self.begin = kind, state.resolution_m, part.start
        pixels = state.positions[part] % (state.side * state.side)
        self.rows, self.columns = pixels // state.side, pixels % state.side
        self.phase = state.phase[part]

    def is_in(self, *phases: Phase) -> Flags:
        """Which entries are in one of these phases."""
        return np.isin(self.phase, phases)

    def raster(self, where: Flags, margin: int = 3) -> "Raster":
        """The chosen entries as a mask just large enough."""
        if not where.any():
            return Raster(np.zeros((1, 1), bool), (0, 0))
        rows, columns = self.rows[where], self.columns[where]
        top, left = int(rows.min()) - margin, int(columns.min()) - margin
        mask = np.zeros((int(rows.max()) - top + margin + 1, int(columns.max()) - left + margin + 1), bool)
        mask[rows - top, columns - left] = True
        return Raster(mask, (top, left))


class Raster(NamedTuple):
    """bool (H, W), and its origin (row, column) in the tile."""

    mask: Flags
    origin: tuple[int, int]

    def moved_to(self, other: "Raster") -> Flags:
        """This mask in the window of another."""
        height, width = other.mask.shape
        out = np.zeros((height, width), bool)
        r, c = np.nonzero(self.mask)
        r, c = r + self.origin[0] - other.origin[0], c + self.origin[1] - other.origin[1]
        inside = (r >= 0) & (c >= 0) & (r < height) & (c < width)
        out[r[inside], c[inside]] = True
        return out


class _Traced(NamedTuple):
    """Labels int32 (H, W), 0 where nothing is; of each label that is large enough its geometry and how many pixels are enough."""

    labels: Labels
    found: Sequence[tuple[int, BaseGeometry, int]]


def things(of_class: ClassEntries, phases: Sequence[Phase], square: Square, unit: MinimumMappingUnit) -> Iterator[Thing]:
    """The things of one class among the entries in some phases, in a deterministic order.

    Args:
        of_class: the class.
        phases: what counts as there.
        square: the tile's square, for coordinates.
        unit: smallest things reported.
    """
    chosen = np.flatnonzero(where := of_class.is_in(*phases))
    if not len(chosen):
        return
    raster = of_class.raster(where)
    labels, found = _traced(of_class, raster, square, unit)
    label = labels[of_class.rows[chosen] - raster.origin[0], of_class.columns[chosen] - raster.origin[1]]
    order = np.argsort(label, kind="stable")
    ends = np.searchsorted(label[order], np.arange(int(labels.max()) + 2))
    for number, geometry, enough in found:
        yield Thing(of_class.kind, geometry, of_class.begin + chosen[order[ends[number] : ends[number + 1]]], enough)


def known_mining(of_class: ClassEntries, square: Square, unit: MinimumMappingUnit) -> BaseGeometry:
    """Mining of the inventory, from the minimum mapping unit on, as one MultiPolygon."""
    mask, origin = of_class.raster(of_class.is_in(Phase.INVENTORY))
    labels, _ = ndimage.label(mask, EIGHT)
    large = np.bincount(labels.ravel()) >= _enough_mining(unit, of_class.resolution_m)
    return shapes.polygons(mask & large[labels], shapes.corner(square, of_class.resolution_m, origin), of_class.resolution_m)


def _traced(of_class: ClassEntries, raster: Raster, square: Square, unit: MinimumMappingUnit) -> _Traced:
    north_west = shapes.corner(square, of_class.resolution_m, raster.origin)
    if of_class.kind is ChangeClass.MINING:
        old = of_class.raster(of_class.is_in(Phase.INVENTORY)).moved_to(raster)
        return _patches(raster.mask, old, north_west, of_class.resolution_m, unit)
    trace = _roads if of_class.kind is ChangeClass.ROAD else _camps
    return trace(raster.mask, north_west, of_class.resolution_m, unit)


def _patches(mask: Flags, old: Flags, north_west: tuple[float, float], resolution_m: int, unit: MinimumMappingUnit) -> _Traced:
    """Connected mining that stands clear of old mining.

    A one-pixel rim around what was already there is co-registration, not growth: it joins a patch but cannot be one.
    """
    rim = ndimage.binary_dilation(old, EIGHT)
    core, _ = ndimage.label(mask & ~rim, EIGHT)
    grown = ndimage.grey_dilation(core, size=(3, 3)) if rim.any() else core
    labels = np.where(mask, np.where(core > 0, core, grown), 0).astype(np.int32)
    enough = _enough_mining(unit, resolution_m)
    large = _boxes(labels, north_west, resolution_m, enough)
    return _Traced(labels, [(number, shapes.polygons(inside, corner, resolution_m), enough) for number, inside, corner in large])


def _camps(mask: Flags, north_west: tuple[float, float], resolution_m: int, unit: MinimumMappingUnit) -> _Traced:
    """Roofs no farther apart than a camp is wide."""
    reach = max(1, round(unit.hut_cluster_m / 2 / resolution_m))
    joined, _ = ndimage.label(ndimage.binary_dilation(mask, EIGHT, iterations=reach), EIGHT)
    labels = np.where(mask, joined, 0).astype(np.int32)

    large = _boxes(labels, north_west, resolution_m, unit.huts)
    roofs = [(number, shapes.cluster(inside, corner, resolution_m, at_least=unit.huts), unit.huts) for number, inside, corner in large]
    return _Traced(labels, [found for found in roofs if not found[1].is_empty])


def _roads(mask: Flags, north_west: tuple[float, float], resolution_m: int, unit: MinimumMappingUnit) -> _Traced:
    """Networks that hang together after their gaps are closed; enough of them is as many pixels as the least road is long, or all."""
    lines, network, seen_m, labels = road_networks(mask, resolution_m, at_least_m=unit.road_m)
    pixels = np.bincount(labels.ravel(), minlength=len(seen_m) + 1)[1:]
    traced = [shapes.placed_lines(lines[network == number], north_west, resolution_m) for number in range(len(seen_m))]
    enough = np.minimum(pixels, ceil(unit.road_m / resolution_m - 1e-9)).tolist()
    return _Traced(labels, list(zip(range(1, len(seen_m) + 1), traced, enough, strict=True)))


def _boxes(
    labels: Labels, north_west: tuple[float, float], resolution_m: int, at_least: int
) -> Iterator[tuple[int, Flags, tuple[float, float]]]:
    """Each label of so many pixels: its number, its mask in its own box, and the box's corner."""
    pixels = np.bincount(labels.ravel())
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box is not None and pixels[number] >= at_least:
            west, north = north_west[0] + box[1].start * resolution_m, north_west[1] - box[0].start * resolution_m
            yield number, labels[box] == number, (west, north)


def _enough_mining(unit: MinimumMappingUnit, resolution_m: int) -> int:
    return ceil(unit.mining_ha * 10_000 / resolution_m**2 - 1e-9)
