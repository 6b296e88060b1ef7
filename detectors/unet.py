"""Our own U-Net in plain torch: thin, so that a whole tile takes seconds on two CPU cores (after Ronneberger et al. 2015)."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from jagawana.detectors.receptive import margin_px


class ConvPair(nn.Module):
    """Twice 3x3 convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm_a = nn.BatchNorm2d(outputs)
        self.conv_b = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm_b = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        x = functional.relu(self.norm_a(self.conv_a(x)), inplace=True)
        return functional.relu(self.norm_b(self.conv_b(x)), inplace=True)


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
        top = margin_px(self.grid_px)
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


def _margins(height: int, width: int, grid_px: int) -> list[int]:
    """Left, right, top, bottom: the margin, and to the right and below whatever completes the pooling grid."""
    margin = margin_px(grid_px)
    return [margin, margin + -width % grid_px, margin, margin + -height % grid_px]
