"""One network on its way: batches in, weights out; can be laid aside after any step and taken up again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.inference.choosing import has_bf16
from jagawana.detectors.model_card import Normalisation
from jagawana.detectors.surroundings import with_surroundings
from jagawana.detectors.training.augment import Augmentation, Rng, augmented
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import Places
from jagawana.detectors.unet import UNet

State = dict[str, Any]
"""Everything a run needs to go on as if it had never stopped: tensors, numbers and text."""
CLASS_WEIGHTS = {
    LandClass.BACKGROUND: 1.0,
    LandClass.MINING: 1.2,
    LandClass.ROAD: 4.0,
    LandClass.WATER: 1.5,
    LandClass.BARE: 2.0,
    LandClass.HUT: 12.0,
}
"""Without them no road pixel is ever called: roads are 0.7 % of the labelled pixels, huts 0.3 % of the simulated ones at 5 m
(with 4 for huts, one hut pixel in seven was called). Calibration takes them out of the probabilities again."""


@dataclass(frozen=True)
class Pool:
    """Places drawn from with one share of every batch, varied in one way."""

    places: Places
    per_batch: int
    how: Augmentation


class Fit:
    """AdamW with one cosine cycle. The same config, pools, torch and number of threads give the same weights.

    Args:
        pools: what a batch is mixed from.
        config: of the run.
        normalisation: of the images.
        steps: how long the cycle is.
        seed: of the first weights and of every chance after them.
        device: "cpu" or "cuda".
    """

    def __init__(
        self, pools: Sequence[Pool], config: TrainConfig, normalisation: Normalisation, *, steps: int, seed: int, device: str = "cpu"
    ) -> None:
        self._pools, self._config, self._normalisation, self._device = pools, config, normalisation, device
        self.steps, self.done, self.loss = steps, 0, float("nan")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = UNet(bands=normalisation.channels, classes=len(LandClass), base=config.base, poolings=config.poolings)
        self._network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        keep = get_ema_multi_avg_fn(config.average_decay)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self._network, multi_avg_fn=keep, use_buffers=True)
        self._optimiser = torch.optim.AdamW(self._network.parameters(), lr=config.learning_rate, weight_decay=0.01)
        self._cycle = torch.optim.lr_scheduler.OneCycleLR(self._optimiser, config.learning_rate, total_steps=steps, pct_start=0.15)
        self._rng = np.random.default_rng(seed)
        self._orders: list[list[int]] = [[] for _ in pools]

    @property
    def network(self) -> UNet:
        """The running mean of the weights, on the CPU, ready for evaluation."""
        result = self._average.module
        assert isinstance(result, UNet)
        return result.eval()

    def step(self) -> None:
        """One batch."""
        pixels, labels, twins = self._batch()
        loss = self._loss(pixels.to(self._device), labels.to(self._device), twins)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), 1.0)
        self._optimiser.step()
        self._cycle.step()
        self._average.update_parameters(self._network)
        self.loss = loss.item() if self.done == 0 else 0.98 * self.loss + 0.02 * loss.item()
        self.done += 1

    def state(self) -> State:
        """To be given to `restore` of a run made from the same arguments."""
        parts = {name: getattr(self, f"_{name}").state_dict() for name in ("network", "average", "optimiser", "cycle")}
        return parts | {"done": self.done, "loss": self.loss, "orders": self._orders, "rng": self._rng.bit_generator.state}

    def restore(self, state: State) -> None:
        """Go on from there."""
        for name in ("network", "average", "optimiser", "cycle"):
            getattr(self, f"_{name}").load_state_dict(state[name])
        self.done, self.loss = state["done"], state["loss"]
        self._orders = [list(order) for order in state["orders"]]
        self._rng.bit_generator.state = state["rng"]

    def _batch(self) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        """Pixels (N, B, S, S), labels (N, S, S), and which two of them are one place at two dates."""
        pixels, labels, twins, n = [], [], [], 0
        for pool, order in zip(self._pools, self._orders, strict=True):
            dates = pool.places.labels.shape[1]
            chosen = pool.places.picked(_taken(order, pool.per_batch // dates, len(pool.places), self._rng))
            images = augmented(chosen, self._rng, bands=self._config.bands, how=pool.how).images()
            if dates > 1:
                twins += [(n + i, n + i + 1) for i in range(0, len(images), dates)]
            pixels.append(images.reflectance)
            labels.append(images.labels)
            n += len(images)
        return normalised(np.concatenate(pixels), self._normalisation), torch.from_numpy(np.concatenate(labels).astype(np.int64)), twins

    def _loss(self, pixels: Tensor, labels: Tensor, twins: list[tuple[int, int]]) -> Tensor:
        weights = torch.tensor([CLASS_WEIGHTS[c] for c in LandClass], device=pixels.device)
        with torch.autocast(self._device, dtype=torch.bfloat16, enabled=has_bf16(self._device)):
            logits = self._network.train()(pixels)
        logits = logits.float()
        loss = functional.cross_entropy(logits, labels, weight=weights, ignore_index=NOT_OBSERVED)
        if twins and self._config.consistency:
            loss = loss + self._config.consistency * inconsistency(logits, labels, twins)
        return loss


def inconsistency(logits: Tensor, labels: Tensor, twins: list[tuple[int, int]]) -> Tensor:
    """Mean symmetric Kullback-Leibler divergence between two dates, over the pixels whose label stayed the same."""
    first, second = (list(side) for side in zip(*twins, strict=True))
    a, b = functional.log_softmax(logits[first], 1), functional.log_softmax(logits[second], 1)
    same = (labels[first] == labels[second]) & (labels[first] != NOT_OBSERVED)
    divergence = ((a.exp() - b.exp()) * (a - b)).sum(1)
    return (divergence * same).sum() / same.sum().clamp(min=1)


def _taken(order: list[int], n: int, of: int, rng: Rng) -> list[int]:
    """The next `n` of `of`; every one once in a random order, then again in another. Takes them out of `order`."""
    while len(order) < n:
        order += [int(i) for i in rng.permutation(of)]
    taken = order[:n]
    del order[:n]
    return taken


def normalised(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]], normalisation: Normalisation) -> Tensor:
    """(N, B, H, W) reflectance to what the network reads; NaN becomes zero, the mean of the training images."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (normalisation.mean, normalisation.std))
    if normalisation.surroundings:
        pixels = with_surroundings(pixels, np.asarray(np.isfinite(pixels).all(axis=1)))
        mean, std = torch.cat([mean, torch.zeros_like(mean)], 1), torch.cat([std, std], 1)
    scaled = torch.nan_to_num((torch.from_numpy(pixels) - mean) / std, nan=0.0)
    return scaled.contiguous(memory_format=torch.channels_last)
