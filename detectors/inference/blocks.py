"""Cutting a window into the blocks that a network computes at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

CORE_PX = 504
"""Side of the part of a block that is kept. Smaller blocks compute more halo; larger ones leave the processor's caches
(benchmarks/README.md has the figures for 1,000)."""


@dataclass(frozen=True)
class Stretch:
    """A block along one axis of a window: pixels `start` to `stop` are read, `kept` of them are wanted.

    `mirror` is how many mirrored pixels the network needs before and after, where the block ends at the window's edge.
    """

    start: int
    stop: int
    kept: slice
    mirror: tuple[int, int]

    @property
    def length(self) -> int:
        """Pixels the network sees, the mirrored ones included."""
        return self.stop - self.start + sum(self.mirror)

    @property
    def spare(self) -> tuple[int, int]:
        """Pixels before and after what is wanted, the mirrored ones included."""
        return self.mirror[0] + self.kept.start - self.start, self.mirror[1] + self.stop - self.kept.stop


def stretches(length: int, keep: slice, *, halo_px: int, margin_px: int, grid_px: int) -> list[Stretch]:
    """Blocks along one axis that together cover `keep`, as even as they can be; `kept` in pixels of the window.

    Blocks at an edge read more on their other side than they need, so that all have one shape, for which a graph is compiled.

    Args:
        length: of the window.
        keep: what is wanted of it.
        halo_px: read around what is kept, as far as the window reaches; a multiple of `grid_px`.
        margin_px: mirrored pixels at the window's edge; a multiple of `grid_px`.
        grid_px: starts are multiples of it, else the poolings would fall on other pixels than without blocks.
    """
    first, wanted = keep.start // grid_px * grid_px, keep.stop - keep.start // grid_px * grid_px
    count = max(1, round(wanted / CORE_PX))
    core = -(-wanted // (count * grid_px)) * grid_px
    found = []
    for number in range(count):
        kept = slice(max(first + number * core, keep.start), min(first + (number + 1) * core, keep.stop))
        if kept.start >= kept.stop:
            break
        start = max(0, first + number * core - halo_px)
        stop = min(length, -(-kept.stop // grid_px) * grid_px + halo_px)
        whole = stop - kept.stop >= halo_px and stop % grid_px == 0
        before, after = (0 if kept.start - start >= halo_px else margin_px), (0 if whole else margin_px + -stop % grid_px)
        lacking = core + 2 * halo_px - (before + stop - start + after)
        if whole and before:
            stop = min(length // grid_px * grid_px, stop + lacking)
        elif before == 0:
            start = max(0, start - lacking)
        found.append(Stretch(start, stop, kept, (before, after)))
    return found


def blocks(
    shape: tuple[int, int], keep: tuple[slice, slice], *, halo_px: int, margin_px: int, grid_px: int
) -> Iterator[tuple[Stretch, Stretch]]:
    """Rows and columns of the blocks that cover `keep`, row by row; see `stretches`."""
    rows = stretches(shape[0], keep[0], halo_px=halo_px, margin_px=margin_px, grid_px=grid_px)
    return product(rows, stretches(shape[1], keep[1], halo_px=halo_px, margin_px=margin_px, grid_px=grid_px))
