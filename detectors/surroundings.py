"""Each band again, less the mean of its surroundings: the same ground under another sun, haze or sensor stays the same number."""

import numpy as np
import numpy.typing as npt

BLOCK_PX = 4
"""Means are taken over whole blocks of this side, so that they do not depend on how a scene is cut into windows whose origins are
multiples of it."""
REACH_BLOCKS = 6
"""Blocks on each side of a pixel's own: its surroundings are a square of 52 px."""
REACH_PX = (REACH_BLOCKS + 1) * BLOCK_PX - 1
"""How far a pixel can be from another and still move its mean."""
Reflectance = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def with_surroundings(reflectance: Reflectance, seen: Flags) -> Reflectance:
    """The bands as they are, then each less the mean of what was seen in the 13 x 13 blocks around.

    Args:
        reflectance: float32 (..., B, H, W), finite where seen; its corner lies on the grid of blocks.
        seen: bool (..., H, W).

    Returns:
        float32 (..., 2 B, H, W); meaningless where not seen.
    """
    height, width = seen.shape[-2:]
    known = reflectance if seen.all() else np.where(seen[..., None, :, :], reflectance, np.float32(0))
    total, count = _around(_block_sums(known)), _around(_block_sums(seen[..., None, :, :].astype(np.float32)))
    mean = (total / np.maximum(count, 1)).astype(np.float32)
    bands = reflectance.shape[-3]
    both = np.empty((*reflectance.shape[:-3], 2 * bands, height, width), np.float32)
    both[..., :bands, :, :] = reflectance
    level = mean.repeat(BLOCK_PX, axis=-1)[..., :width]
    for row in range(0, height, BLOCK_PX):
        strip = slice(row, row + BLOCK_PX)
        np.subtract(reflectance[..., strip, :], level[..., row // BLOCK_PX, None, :], out=both[..., bands:, strip, :])
    return both


def _block_sums(layers: Reflectance) -> Reflectance:
    """(..., H, W) to sums over blocks, edges filled up with nothing. In one order always: sums must not depend on the window."""
    height, width = layers.shape[-2:]
    margin = [(0, 0)] * (layers.ndim - 2) + [(0, -height % BLOCK_PX), (0, -width % BLOCK_PX)]
    filled = np.pad(layers, margin) if any(after for _, after in margin) else layers
    rows = sum((filled[..., i::BLOCK_PX, :] for i in range(1, BLOCK_PX)), start=filled[..., ::BLOCK_PX, :])
    return sum((rows[..., i::BLOCK_PX] for i in range(1, BLOCK_PX)), start=rows[..., ::BLOCK_PX])


def _around(blocks: Reflectance) -> Reflectance:
    """Sums over the block itself and those within reach; beyond the edge there is nothing."""
    margin = [(0, 0)] * (blocks.ndim - 2) + [(REACH_BLOCKS, REACH_BLOCKS)] * 2
    framed, (height, width), across = np.pad(blocks, margin), blocks.shape[-2:], range(1, 2 * REACH_BLOCKS + 1)
    rows = sum((framed[..., i : i + height, :] for i in across), start=framed[..., :height, :])
    return sum((rows[..., i : i + width] for i in across), start=rows[..., :width])
