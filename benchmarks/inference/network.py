"""Our network as a file that any peer's own code can run: raw numbers in, logits out.

Normalisation, the mirrored edge and the folded batch normalisation are inside, so every peer computes the same function of the
same pixels with the same weights. TorchScript, because one peer takes nothing else and the others take it too.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d, pad
from torch.nn.utils import fuse_conv_bn_eval

from jagawana.detectors.model_card import ModelCard
from jagawana.detectors.receptive import margin_px
from jagawana.detectors.surroundings import BLOCK_PX, REACH_BLOCKS
from jagawana.detectors.unet import UNet
from jagawana.services.detect.models import read_model_card

WEIGHTS = Path(__file__).parents[2] / "detectors/weights"
SCALE = 1e-4
"""Reflectance of one number of the benchmark's image."""


class Exported(nn.Module):
    """The plain U-Net of detectors/unet.py in words that TorchScript knows."""

    mean: Tensor
    std: Tensor

    def __init__(self, net: UNet, card: ModelCard) -> None:
        super().__init__()
        self.down, self.up, self.head = net.down, net.up, net.head
        self.grid, self.margin, self.scale = net.grid_px, margin_px(net.grid_px), SCALE
        self.temperature, self.surroundings = card.temperature, card.normalisation.surroundings
        self.block, self.reach = BLOCK_PX, REACH_BLOCKS
        self.register_buffer("mean", torch.tensor(card.normalisation.mean).reshape(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(card.normalisation.std).reshape(1, -1, 1, 1))

    def forward(self, numbers: Tensor) -> Tensor:
        """(N, 4, H, W) of any type, as in the file, to logits float32 (N, 6, H, W)."""
        height, width = numbers.shape[2], numbers.shape[3]
        x = (numbers.to(torch.float32) * self.scale - self.mean) / self.std
        if self.surroundings:
            x = torch.cat([x, x - self._level(x)], dim=1)
        right, below = self.margin + -width % self.grid, self.margin + -height % self.grid
        x = pad(x, [self.margin, right, self.margin, below], mode="reflect")
        skips: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for pair in self.up:
            x = pair(torch.cat([skips.pop(), interpolate(x, scale_factor=2.0, mode="nearest")], dim=1))
        logits: Tensor = self.head(x) / self.temperature
        return logits[:, :, self.margin : self.margin + height, self.margin : self.margin + width]

    def _level(self, x: Tensor) -> Tensor:
        """The mean of the blocks around, where everything was seen; see detectors/surroundings.py."""
        blocks = avg_pool2d(x, self.block, ceil_mode=True)
        around = avg_pool2d(blocks, 2 * self.reach + 1, stride=1, padding=self.reach, count_include_pad=False)
        return interpolate(around, scale_factor=float(self.block), mode="nearest")[:, :, : x.shape[2], : x.shape[3]]


def export(path: Path) -> None:
    """Write the shipped four-band network to `path`."""
    card = read_model_card("rgbn")
    shape = card.architecture
    net = UNet(bands=card.normalisation.channels, classes=len(card.classes), base=shape.base, poolings=shape.poolings)
    net.load_state_dict(load_file(WEIGHTS / "rgbn.safetensors"))
    net.eval()
    for pair in [*net.down, *net.up]:
        _fold(pair)
    torch.jit.save(torch.jit.script(Exported(net, card).eval()), str(path))


def _fold(pair: nn.Module) -> None:
    for name in ("a", "b"):
        convolution, norm = pair.get_submodule(f"conv_{name}"), pair.get_submodule(f"norm_{name}")
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        pair.add_module(f"conv_{name}", fuse_conv_bn_eval(convolution, norm))
        pair.add_module(f"norm_{name}", nn.Identity())
