"""Probabilities that mean what they say: temperature and one bias per class, fitted on places the network never saw.

Training weighs rare classes up; the biases take that out again (vector scaling with one temperature, Guo et al. 2017).
Both are written into the network's last layer, so that whatever runs it gives calibrated probabilities without knowing of them.
"""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.unet import UNet

Logits = npt.NDArray[np.float32]
"""float32 (N, 6, H, W), not normalised."""
FITTED = (LandClass.MINING, LandClass.ROAD, LandClass.WATER, LandClass.BARE)
"""Classes with a bias; background is what they are set against, and nobody can label huts in real images."""
EVERY_PX = 3
"""Of the labelled pixels one in nine is used: neighbours say the same."""
PULL = 1e-3
"""Weight of the squares of log temperature and biases: decides only where a class is hardly there."""


@dataclass(frozen=True)
class Calibration:
    """Logits are divided by `temperature`, then `biases` (one per LandClass) are added."""

    temperature: float
    biases: tuple[float, ...]

    def of(self, logits: Logits) -> npt.NDArray[np.float32]:
        """Probabilities, float32 (N, 6, H, W)."""
        scaled = torch.from_numpy(logits) / self.temperature + torch.tensor(self.biases).view(1, -1, 1, 1)
        result: npt.NDArray[np.float32] = torch.softmax(scaled, dim=1).numpy()
        return result


UNCALIBRATED = Calibration(1.0, (0.0,) * len(LandClass))


def fitted_calibration(logits: Logits, labels: npt.NDArray[np.uint8]) -> Calibration:
    """The calibration under which the labels are likeliest.

    Args:
        logits: of images the network did not learn from.
        labels: uint8 (N, H, W).
    """
    thin = slice(EVERY_PX // 2, None, EVERY_PX)
    known = labels[:, thin, thin] != NOT_OBSERVED
    rows = torch.from_numpy(logits[:, :, thin, thin].transpose(0, 2, 3, 1)[known].astype(np.float64))
    truth = torch.from_numpy(labels[:, thin, thin][known].astype(np.int64))
    if len(truth) == 0:
        return UNCALIBRATED

    def surprise(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        free = torch.tensor(x, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(rows * torch.exp(-free[0]) + _spread(free[1:]), truth) + PULL * (free**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert free.grad is not None
        return loss.item(), free.grad.numpy()

    best = minimize(surprise, np.zeros(1 + len(FITTED)), jac=True, method="L-BFGS-B", bounds=[(-1.4, 1.4)] + [(-4, 4)] * len(FITTED)).x
    biases = _spread(torch.tensor(best[1:])).tolist()
    return Calibration(round(float(np.exp(best[0])), 4), tuple(round(float(b), 4) for b in biases))


def _spread(biases: torch.Tensor) -> torch.Tensor:
    """One bias per LandClass from those of FITTED."""
    whole = torch.zeros(len(LandClass), dtype=torch.float64)
    return whole.index_put((torch.tensor([int(c) for c in FITTED]),), biases.double())


def calibrated(network: UNet, calibration: Calibration) -> UNet:
    """A copy whose logits are calibrated."""
    result = copy.deepcopy(network)
    with torch.no_grad():
        result.head.weight.div_(calibration.temperature)
        assert result.head.bias is not None
        result.head.bias.div_(calibration.temperature).add_(torch.tensor(calibration.biases))
    return result
