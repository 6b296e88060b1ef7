"""A trained U-Net as plain arrays, rewritten so that inference does less: the same function, up to rounding.

Batch normalisation is multiplied into the convolutions. The first convolution after an upsampling is split in two: over the skip
connection at full size, and over the coarser level *before* it is enlarged, where one convolution with four times the channels
gives the four pixels that each coarse pixel becomes. The arithmetic is the same, but nothing is concatenated or enlarged any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
EPSILON = 1e-5
"""Of torch's BatchNorm2d."""
TAPS = ((0, 1, 1), (1, 1, 2))
"""Which coarse neighbour (left 0, own 1, right 2) a tap of a 3x3 kernel falls on, for the first and the second fine pixel."""


@dataclass(frozen=True)
class Convolution:
    """Kernel float32 (outputs, inputs, k, k) and bias float32 (outputs,)."""

    kernel: Array
    bias: Array


@dataclass(frozen=True)
class Merge:
    """The first convolution of a decoder level: `skip` at full size, `coarse` (4 x outputs) before enlarging."""

    skip: Convolution
    coarse: Array


@dataclass(frozen=True)
class Layers:
    """All layers of a U-Net, in the order they are computed; `ups` from the deepest level to the finest."""

    downs: Sequence[tuple[Convolution, Convolution]]
    ups: Sequence[tuple[Merge, Convolution]]
    head: Convolution

    @classmethod
    def of(cls, state: Mapping[str, Array], poolings: int) -> Self:
        """The layers of a state dict of `unet.UNet`.

        Args:
            state: float32 arrays by torch's names.
            poolings: of the network.

        Raises:
            KeyError: a name is missing.
        """
        downs = [(_folded(state, f"down.{level}", "a"), _folded(state, f"down.{level}", "b")) for level in range(poolings + 1)]
        ups = [(_split(_folded(state, f"up.{level}", "a")), _folded(state, f"up.{level}", "b")) for level in range(poolings)]
        return cls(downs, ups, Convolution(state["head.weight"], state["head.bias"]))

    @property
    def poolings(self) -> int:
        """How often a window is halved."""
        return len(self.ups)

    @property
    def bands(self) -> int:
        """Input channels."""
        return int(self.downs[0][0].kernel.shape[1])

    @property
    def classes(self) -> int:
        """Output channels."""
        return int(self.head.kernel.shape[0])


def shapes_of(*, bands: int, classes: int, base: int, poolings: int) -> dict[str, tuple[int, ...]]:
    """The shapes that the arrays of `unet.UNet` have, by torch's names; all are float32."""
    widths = [base * 2**level for level in range(poolings + 1)]
    pairs = {f"down.{n}": pair for n, pair in enumerate(zip([bands, *widths[:-1]], widths, strict=True))}
    pairs |= {f"up.{n}": (widths[i] + widths[i + 1], widths[i]) for n, i in enumerate(reversed(range(poolings)))}
    shapes: dict[str, tuple[int, ...]] = {"head.weight": (classes, base, 1, 1), "head.bias": (classes,)}
    for pair, (inputs, outputs) in pairs.items():
        for which, channels in (("a", inputs), ("b", outputs)):
            shapes[f"{pair}.conv_{which}.weight"] = (outputs, channels, 3, 3)
            shapes |= {f"{pair}.norm_{which}.{part}": (outputs,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes


def _folded(state: Mapping[str, Array], pair: str, which: str) -> Convolution:
    norm = f"{pair}.norm_{which}"
    gain = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + np.float32(EPSILON))
    kernel = state[f"{pair}.conv_{which}.weight"] * gain[:, None, None, None]
    return Convolution(np.ascontiguousarray(kernel), state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * gain)


def _split(whole: Convolution) -> Merge:
    """The skip connection comes first in the concatenation, and has as many channels as the level's output."""
    outputs = whole.kernel.shape[0]
    skip = Convolution(np.ascontiguousarray(whole.kernel[:, :outputs]), whole.bias)
    return Merge(skip, _before_enlarging(whole.kernel[:, outputs:]))


def _before_enlarging(kernel: Array) -> Array:
    """(O, I, 3, 3) over the enlarged level as (4 O, I, 3, 3) over the coarse one; channel 4 o + 2 row + column, as pixel_shuffle reads."""
    outputs, inputs = kernel.shape[:2]
    coarse = np.zeros((outputs, 2, 2, inputs, 3, 3), np.float32)
    for row, column in np.ndindex(2, 2):
        for y, x in np.ndindex(3, 3):
            coarse[:, row, column, :, TAPS[row][y], TAPS[column][x]] += kernel[:, :, y, x]
    return coarse.reshape(outputs * 4, inputs, 3, 3)


def margins_at_levels(margin_px: int, poolings: int) -> list[int]:
    """How much of each edge of each decoder level is not needed, finest level first, in that level's pixels; always even.

    Args:
        margin_px: pixels at the edge of a block that nobody asks for. Two 3x3 convolutions need 2 pixels around what they give.
        poolings: of the network.
    """
    spare, margins = margin_px, []
    for _ in range(poolings):
        spare = max(0, (spare - 2) // 2 * 2)
        margins.append(spare)
        spare //= 2
    return margins
