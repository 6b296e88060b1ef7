"""Training: labelled pairs and simulated chips in, weights and a model card out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.inference.choosing import has_bf16
from jagawana.detectors.model_card import Normalisation
from jagawana.detectors.training.augment import Augmentation, Rng, augmented
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import Images
from jagawana.detectors.unet import UNet

Progress = Callable[[int, int, float], None]
"""Told after every step: steps done, steps in all, mean loss of the last steps."""
CLASS_WEIGHTS = {
    LandClass.BACKGROUND: 1.0,
    LandClass.MINING: 1.2,
    LandClass.ROAD: 4.0,
    LandClass.HUT: 12.0,
    LandClass.WATER: 1.5,
    LandClass.BARE: 2.0,
}
"""Without them no road pixel is ever called: roads are 0.7 % of the labelled pixels, huts 0.3 % of the simulated ones at 5 m
(with 4 for huts, one hut pixel in seven was called)."""


@dataclass(frozen=True)
class Pool:
    """Images drawn from with one share of every batch, varied in one way."""

    images: Images
    per_batch: int
    how: Augmentation


def fitted(pools: list[Pool], config: TrainConfig, normalisation: Normalisation, *, progress: Progress | None) -> UNet:
    """A network fitted to the pools; the running mean of its weights, ready for evaluation.

    AdamW with one cosine cycle. The same config, pools, torch and number of threads give the same weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = UNet(bands=len(config.bands), classes=len(LandClass), base=config.base, poolings=config.poolings)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.average_decay), use_buffers=True)  # type: ignore[no-untyped-call]
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.01)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=config.steps, pct_start=0.15)
    recent = 0.0
    for step, (pixels, labels) in enumerate(_batches(pools, config, normalisation), start=1):
        loss = _loss(network.train(), pixels, labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        cycle.step()
        average.update_parameters(network)
        recent = loss.item() if step == 1 else 0.98 * recent + 0.02 * loss.item()
        if progress:
            progress(step, config.steps, recent)
    result = average.module
    assert isinstance(result, UNet)
    return result.eval()


def _loss(network: UNet, pixels: Tensor, labels: Tensor) -> Tensor:
    weights = torch.tensor([CLASS_WEIGHTS[c] for c in LandClass])
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16("cpu")):
        logits = network(pixels)
    return functional.cross_entropy(logits.float(), labels, weight=weights, ignore_index=NOT_OBSERVED)


def _batches(pools: list[Pool], config: TrainConfig, normalisation: Normalisation) -> Iterator[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(config.seed)
    orders = [_endless(len(pool.images), rng) for pool in pools]
    for _ in range(config.steps):
        parts = [
            augmented(_picked(pool, [next(order) for _ in range(pool.per_batch)]), rng, bands=config.bands, how=pool.how)
            for pool, order in zip(pools, orders, strict=True)
            if pool.per_batch
        ]
        pixels = np.concatenate([part.reflectance for part in parts])
        yield normalised(pixels, normalisation), torch.from_numpy(np.concatenate([part.labels for part in parts]).astype(np.int64))


def _picked(pool: Pool, index: list[int]) -> Images:
    return Images(pool.images.reflectance[index], pool.images.labels[index])


def _endless(n: int, rng: Rng) -> Iterator[int]:
    """Every image once in a random order, then again in another."""
    while True:
        yield from (int(i) for i in rng.permutation(n))


def normalised(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]], normalisation: Normalisation) -> Tensor:
    """(N, B, H, W) reflectance to what the network reads; NaN becomes zero, the mean of the training images."""
    mean = torch.tensor(normalisation.mean).view(1, -1, 1, 1)
    std = torch.tensor(normalisation.std).view(1, -1, 1, 1)
    scaled = torch.nan_to_num((torch.from_numpy(pixels) - mean) / std, nan=0.0)
    return scaled.contiguous(memory_format=torch.channels_last)
