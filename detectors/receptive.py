"""How far a U-Net looks: receptive radius, halo and the mirrored margin at a window's edge. All lengths in pixels."""

EDGE_MARGIN_PX = 8
"""Every window is widened by its own mirror image before the first convolution, in training and in service alike:
the zero padding of the convolutions then lies outside the window, and a 48 px chip looks like a piece of a tile."""


def margin_px(grid_px: int) -> int:
    """The mirrored margin in whole cells of the pooling grid, so that a window's phase on the grid is kept."""
    return -(-EDGE_MARGIN_PX // grid_px) * grid_px


def receptive_radius_px(poolings: int) -> int:
    """How far an input pixel can be from an output pixel and still move it, in px.

    The interval of inputs behind one output is carried backwards through the layers, for every phase on the pooling grid.
    Windows overlapping by this much, with origins on the grid of 2**poolings px, agree where they meet, whatever their size.
    """
    reach = 0
    for phase in range(1 << poolings):
        low, high = _inputs_of(phase, poolings)
        reach = max(reach, phase - low, high - phase)
    return reach


def halo_px(poolings: int, *, beyond_px: int = 0) -> int:
    """The receptive radius and `beyond_px`, rounded up to the pooling grid: 56 px for 3 poolings and nothing beyond."""
    grid = 1 << poolings
    return -(-(receptive_radius_px(poolings) + beyond_px) // grid) * grid


def _inputs_of(pixel: int, poolings: int) -> tuple[int, int]:
    """First and last input column that output column `pixel` depends on; two 3x3 convolutions reach 2 px.

    The path through the deepest level always reaches farthest, so the skip connections need no account of their own.
    """
    low = high = pixel
    for _ in range(poolings):
        low, high = (low - 2) // 2, (high + 2) // 2
    low, high = low - 2, high + 2
    for _ in range(poolings):
        low, high = 2 * low - 2, 2 * high + 1 + 2
    return low, high
