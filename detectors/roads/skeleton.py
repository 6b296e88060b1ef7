"""Masks to middle lines, a pixel wide, between ends and junctions."""

import numpy as np
import numpy.typing as npt
import shapely
from skimage.morphology import skeletonize

Lines = npt.NDArray[np.object_]
"""shapely LineStrings (N,) in pixels: column and row; the middle of the first pixel is (0.5, 0.5)."""


def skeleton_lines(mask: npt.NDArray[np.bool_]) -> Lines:
    """Lines along the middle of what is set, bool (H, W); they meet at junctions only."""
    skeleton = skeletonize(np.pad(mask, 1))[1:-1, 1:-1]  # type: ignore[no-untyped-call]
    return merged(_links(skeleton))


def merged(lines: Lines) -> Lines:
    """Lines that meet two by two become one."""
    if not len(lines):
        return lines
    parts = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines)))
    return np.asarray(parts[~shapely.is_empty(parts)], object)


def _links(skeleton: npt.NDArray[np.bool_]) -> Lines:
    """Unit links between neighbouring skeleton pixels; diagonal links only where no straight way exists."""
    width = skeleton.shape[1]
    framed = np.pad(skeleton, 1)
    own, east, south = framed[1:-1, 1:-1], framed[1:-1, 2:], framed[2:, 1:-1]
    ways = {
        (0, 1): own & east,
        (1, 0): own & south,
        (1, 1): own & framed[2:, 2:] & ~east & ~south,
        (1, -1): own & framed[2:, :-2] & ~framed[1:-1, :-2] & ~south,
    }
    found = [(np.flatnonzero(links), number, step) for number, (step, links) in enumerate(ways.items())]
    at = np.concatenate([pixels for pixels, _, _ in found])
    number = np.concatenate([np.full_like(pixels, n) for pixels, n, _ in found])
    step = np.concatenate([np.broadcast_to(step, (len(pixels), 2)) for pixels, _, step in found])
    order = np.lexsort((number, at))
    begin = np.column_stack([at % width, at // width])[order] + 0.5
    return np.asarray(shapely.linestrings(np.stack([begin, begin + step[order, ::-1]], axis=1)), object)
