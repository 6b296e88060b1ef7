"""The ground grid of a world: UTM metres, a fine sub-grid, and windows in it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely.geometry import Polygon, box

SUB_M = 2.5
"""Sub-grid step in metres: divides 5 and 10, and a 7 m road is still three sub-pixels wide."""

Grid = npt.NDArray[np.float32]
"""float32 (H, W) on the sub-grid or a window of it."""


@dataclass(frozen=True)
class Window:
    """Rows and columns of the sub-grid: row, col of the upper left corner, and size."""

    row: int
    col: int
    rows: int
    cols: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this window in a sub-grid array."""
        return slice(self.row, self.row + self.rows), slice(self.col, self.col + self.cols)


@dataclass(frozen=True)
class Frame:
    """Extent of a world in metres of its UTM zone; row 0 is north."""

    epsg: int
    west: float
    south: float
    width_m: float
    height_m: float

    @property
    def east(self) -> float:
        """Eastern edge, m."""
        return self.west + self.width_m

    @property
    def north(self) -> float:
        """Northern edge, m."""
        return self.south + self.height_m

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the sub-grid."""
        return round(self.height_m / SUB_M), round(self.width_m / SUB_M)

    @property
    def extent(self) -> Polygon:
        """The whole world as a rectangle."""
        return box(self.west, self.south, self.east, self.north)

    def place(self, x_share: float, y_share: float) -> tuple[float, float]:
        """UTM metres of a place given as shares of width (from west) and height (from south)."""
        return self.west + x_share * self.width_m, self.south + y_share * self.height_m

    def window(self, bounds: tuple[float, float, float, float], *, margin_m: float = 0.0) -> Window | None:
        """The window that covers `bounds` (west, south, east, north), clipped to the world; None when outside."""
        rows, cols = self.shape
        c0 = max(0, int(np.floor((bounds[0] - margin_m - self.west) / SUB_M)))
        c1 = min(cols, int(np.ceil((bounds[2] + margin_m - self.west) / SUB_M)))
        r0 = max(0, int(np.floor((self.north - bounds[3] - margin_m) / SUB_M)))
        r1 = min(rows, int(np.ceil((self.north - bounds[1] + margin_m) / SUB_M)))
        return Window(r0, c0, r1 - r0, c1 - c0) if r1 > r0 and c1 > c0 else None

    def centres(self, window: Window) -> tuple[Grid, Grid]:
        """x (1, W) and y (H, 1) of sub-pixel centres, metres *from the world's south-west corner* (float32 is exact enough there)."""
        x = (np.arange(window.col, window.col + window.cols, dtype=np.float32) + 0.5) * np.float32(SUB_M)
        y = np.float32(self.height_m) - (np.arange(window.row, window.row + window.rows, dtype=np.float32) + 0.5) * np.float32(SUB_M)
        return x[None, :], y[:, None]

    def index(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the sub-pixel that holds a place, clipped to the world."""
        rows, cols = self.shape
        return (
            min(rows - 1, max(0, int((self.north - y) / SUB_M))),
            min(cols - 1, max(0, int((x - self.west) / SUB_M))),
        )


def frame_across_tiles(*, width_km: float, height_km: float, epsg: int, corner: tuple[float, float]) -> Frame:
    """A world laid across a corner of four MGRS 10 km squares, on the 10 m grid, a little off centre: no two tiles get the same share."""
    width_m, height_m = round(width_km * 100) * 10.0, round(height_km * 100) * 10.0
    west = corner[0] - round(width_m * 0.055) * 10.0
    south = corner[1] - round(height_m * 0.052) * 10.0
    return Frame(epsg, west, south, width_m, height_m)
