"""Our own U-Net in plain torch: thin, so that a whole tile takes seconds on two CPU cores (after Ronneberger et al. 2015)."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

EDGE_MARGIN_PX = 8
"""Every window is widened by its own mirror image before the first convolution, in training and in service alike:
the zero padding of the convolutions then lies outside the window, and a 48 px chip looks like a piece of a tile."""


class ConvPair(nn.Module):
    """Twice 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_a: nn.Module = nn.BatchNorm2d(outputs)
        self.conv_b = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm_b: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        x = functional.relu(self.norm_a(self.conv_a(x)), inplace=True)
        return functional.relu(self.norm_b(self.conv_b(x)), inplace=True)

    def fold_norms(self) -> None:
        """Multiply the batch normalisation into the convolutions: the same function for inference, a third faster."""
        for conv, norm in (("conv_a", "norm_a"), ("conv_b", "norm_b")):
            setattr(self, conv, fuse_conv_bn_eval(getattr(self, conv), getattr(self, norm)))
            setattr(self, norm, nn.Identity())


class UNet(nn.Module):
    """Encoder, decoder and skip connections; nearest upsampling, so that no learned upsampling can leave a checkerboard.

    Args:
        bands: input channels.
        classes: output channels.
        base: channels of the first level, doubled at every pooling. 16 with 3 poolings is 0.49 M parameters.
        poolings: how often the window is halved.
    """

    def __init__(self, *, bands: int, classes: int, base: int = 16, poolings: int = 3) -> None:
        super().__init__()
        widths = [base * 2**level for level in range(poolings + 1)]
        self.grid_px = 2**poolings
        self.down = nn.ModuleList(ConvPair(a, b) for a, b in zip([bands, *widths[:-1]], widths, strict=True))
        self.up = nn.ModuleList(ConvPair(widths[i] + widths[i + 1], widths[i]) for i in reversed(range(poolings)))
        self.head = nn.Conv2d(base, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of a batch of windows.

        Args:
            x: normalised reflectance, float (N, B, H, W), H and W at least 16.

        Returns:
            float (N, classes, H, W), not normalised.
        """
        height, width = x.shape[-2:]
        x = functional.pad(x, _margins(height, width, self.grid_px), mode="reflect")
        top = _margin(self.grid_px)
        logits: Tensor = self.head(self._features(x))
        return logits[..., top : top + height, top : top + width]

    def _features(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for pair in self.up:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = pair(torch.cat([skips.pop(), x], dim=1))
        return x

    def fold_norms(self) -> None:
        """See ConvPair.fold_norms. Only in evaluation mode; the network cannot be trained afterwards."""
        for pair in [*self.down, *self.up]:
            if isinstance(pair, ConvPair):
                pair.fold_norms()


def _margin(grid_px: int) -> int:
    """The mirrored margin in whole cells of the pooling grid, so that a window's phase on the grid is kept."""
    return -(-EDGE_MARGIN_PX // grid_px) * grid_px


def _margins(height: int, width: int, grid_px: int) -> list[int]:
    """Left, right, top, bottom: the margin, and to the right and below whatever completes the pooling grid."""
    margin = _margin(grid_px)
    return [margin, margin + -width % grid_px, margin, margin + -height % grid_px]


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


def halo_px(poolings: int) -> int:
    """The receptive radius rounded up to the pooling grid: 48 px for 3 poolings."""
    grid = 1 << poolings
    return -(-receptive_radius_px(poolings) // grid) * grid


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
