"""The reference runtime: plain torch, on a processor or a CUDA device."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from jagawana.detectors.detector import Mask, Probabilities, Reflectance, StoredBytes
from jagawana.detectors.history import FLOOR
from jagawana.detectors.inference.layers import Convolution, Layers, Merge, margins_at_levels
from jagawana.detectors.inference.runtime import STORED, WHOLE, Precision, Scaling, Spare

Pair = tuple[Tensor, Tensor | None]


class TorchRuntime:
    """See Runtime. Memory is channels last: convolutions then need no reordering."""

    def __init__(self, layers: Layers, scaling: Scaling, *, device: torch.device, precision: Precision) -> None:
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._device = device
        self._downs = [(self._placed(a), self._placed(b)) for a, b in layers.downs]
        self._ups = [(self._merge(a), self._placed(b)) for a, b in layers.ups]
        self._head = self._placed(layers.head)
        self._mean, self._std = (torch.from_numpy(v).to(device).view(-1, 1, 1) for v in (scaling.mean, scaling.std))
        self._temperature = scaling.temperature

    @property
    def name(self) -> str:
        """See Runtime."""
        return f"torch{torch.__version__.split('+')[0]}-{self._device.type}"

    def stored(self, pixels: Reflectance, seen: Mask, spare: Spare) -> StoredBytes:
        """See Runtime."""
        with torch.inference_mode():
            softmax = self._softmax(pixels, seen, spare)[STORED]
            scaled = torch.round(softmax * WHOLE)
            stored: StoredBytes = torch.where(scaled < FLOOR, 0, scaled).to(torch.uint8).cpu().numpy()
        return stored

    def probabilities(self, pixels: Reflectance, seen: Mask) -> Probabilities:
        """See Runtime."""
        with torch.inference_mode():
            softmax: Probabilities = self._softmax(pixels, seen, Spare(0, 0, 0, 0)).cpu().numpy()
        return softmax

    def _softmax(self, pixels: Reflectance, seen: Mask, spare: Spare) -> Tensor:
        logits = self._logits(self._normalised(pixels, seen), spare)
        return torch.softmax(logits[0].float() / self._temperature, dim=0)

    def _normalised(self, pixels: Reflectance, seen: Mask) -> Tensor:
        """(1, B, h, w); what was not seen becomes the mean of the training images, which is zero."""
        values = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        known = torch.from_numpy(np.ascontiguousarray(seen)).to(self._device)
        scaled = torch.where(known, (values - self._mean) / self._std, 0.0)
        return scaled.unsqueeze(0).to(dtype=self._dtype, memory_format=torch.channels_last)

    def _logits(self, x: Tensor, spare: Spare) -> Tensor:
        skips: list[Tensor] = []
        for level, (first, second) in enumerate(self._downs):
            x = _relu(second, _relu(first, functional.max_pool2d(x, 2) if level else x))
            skips.append(x)
        skips.pop()
        plan = _crops(spare, len(self._ups))
        cut = Spare(0, 0, 0, 0)
        for (merge, second), wanted in zip(self._ups, reversed(plan), strict=True):
            coarse = _cropped(x, _less(_half(wanted), cut))
            x = _relu(second, self._merged(merge, _cropped(skips.pop(), wanted), coarse))
            cut = wanted
        x = _cropped(x, _less(spare, cut))
        return functional.conv2d(x, *self._head)

    def _merged(self, merge: tuple[Pair, Tensor], skip: Tensor, coarse: Tensor) -> Tensor:
        fine = functional.conv2d(skip, *merge[0], padding=1)
        enlarged = functional.pixel_shuffle(functional.conv2d(coarse, merge[1], padding=1), 2)
        return torch.relu_(fine.add_(enlarged))

    def _placed(self, layer: Convolution) -> Pair:
        return self._kernel(layer.kernel), torch.from_numpy(layer.bias).to(self._device, self._dtype)

    def _merge(self, layer: Merge) -> tuple[Pair, Tensor]:
        return self._placed(layer.skip), self._kernel(layer.coarse)

    def _kernel(self, kernel: np.ndarray) -> Tensor:
        return torch.from_numpy(kernel).to(device=self._device, dtype=self._dtype, memory_format=torch.channels_last)


def _relu(layer: Pair, x: Tensor) -> Tensor:
    return torch.relu_(functional.conv2d(x, *layer, padding=1))


def _crops(spare: Spare, poolings: int) -> Sequence[Spare]:
    """What each decoder level leaves out, finest first."""
    edges = (margins_at_levels(e, poolings) for e in (spare.top, spare.bottom, spare.left, spare.right))
    return [Spare(*edge) for edge in zip(*edges, strict=True)]


def _half(spare: Spare) -> Spare:
    return Spare(spare.top // 2, spare.bottom // 2, spare.left // 2, spare.right // 2)


def _less(spare: Spare, cut: Spare) -> Spare:
    """What is still to be left out when `cut` already was."""
    return Spare(spare.top - cut.top, spare.bottom - cut.bottom, spare.left - cut.left, spare.right - cut.right)


def _cropped(x: Tensor, spare: Spare) -> Tensor:
    height, width = x.shape[-2:]
    return x[..., spare.top : height - spare.bottom, spare.left : width - spare.right]
