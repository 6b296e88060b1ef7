"""Cross-fitting: every labelled place is called by a network that saw nothing of its block, and calibrated on the others' places."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from jagawana.detectors.classes import LandClass
from jagawana.detectors.decision import Classes, Decision, decided
from jagawana.detectors.model_card import Evaluation, Normalisation
from jagawana.detectors.scoring.called import Called
from jagawana.detectors.scoring.evaluation import evaluate_called
from jagawana.detectors.training.blocks import block_folds, stopping_blocks
from jagawana.detectors.training.calibrate import Calibration, Logits, fitted_calibration
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.deciding import Trials, trials
from jagawana.detectors.training.labels import Pairs
from jagawana.detectors.training.loop import Fit, Pool, normalised
from jagawana.detectors.training.pools import real_pools
from jagawana.detectors.training.stages import Stage, overlap_missed
from jagawana.detectors.unet import UNet

N = TypeVar("N", bound=np.generic)
FOLD = "fold {} of {}"
"""Name of the stage that trains a fold's network."""


@dataclass(frozen=True)
class Calls:
    """What was called of every labelled pair by a network that had not seen its block.

    Attributes:
        classes: uint8 (N, 2, S, S), LandClass; both dates.
        mining: float32 (N, 2, S, S), calibrated probability.
    """

    classes: Classes
    mining: npt.NDArray[np.float32]


@dataclass(frozen=True)
class CrossFit:
    """What the networks of the folds said of the places they had not seen.

    Attributes:
        pairs: all labelled pairs.
        fold: int64 (N,), which network called each pair.
        logits: float32 (N, 2, 6, S, S), before calibration.
        folds: the blocks of each fold.
        steps: how many each network took.
        networks: of the folds, before calibration.
    """

    pairs: Pairs
    fold: npt.NDArray[np.int64]
    logits: Logits
    folds: tuple[tuple[str, ...], ...]
    steps: tuple[int, ...]
    networks: tuple[UNet, ...]

    @property
    def calibration(self) -> Calibration:
        """Fitted on all of it: for the network that learns from every place."""
        return self._calibration_on(np.ones(len(self.fold), bool))

    def calibration_without(self, fold: int) -> Calibration:
        """Fitted on the other folds: for the network of this one."""
        return self._calibration_on(self.fold != fold)

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """float32 (N, 2, 6, S, S); each fold under the calibration fitted on the others."""
        result = np.empty_like(self.logits)
        for fold in range(len(self.folds)):
            calibration, own = self.calibration_without(fold), self.fold == fold
            result[own] = calibration.of(_flat(self.logits[own])).reshape(self.logits[own].shape)
        return result

    @cached_property
    def calls(self) -> Calls:
        """Each fold is decided as is best on the others."""
        found = self.probabilities
        decision = [self.decision_without(fold) for fold in range(len(self.folds))]
        classes = np.empty((len(found), 2, *found.shape[3:]), np.uint8)
        for at, fold in enumerate(self.fold):
            for date in (0, 1):
                classes[at, date] = decided(found[at, date], np.ones(found.shape[3:], bool), decision[fold])
        return Calls(classes, found[:, :, LandClass.MINING])

    def evaluation(self, *, data: str) -> Evaluation:
        """All figures of the card."""
        dates = [
            Called(images.labels, self.calls.classes[:, date], self.calls.mining[:, date], self.pairs.block)
            for date, images in enumerate((self.pairs.before, self.pairs.after))
        ]
        return evaluate_called(dates[0], dates[1], self.pairs.unchanged, data=data)

    @property
    def decision(self) -> Decision:
        """Chosen on all of it."""
        return self._trials.best(np.ones(len(self.fold), bool))

    def decision_without(self, fold: int) -> Decision:
        """Chosen on the other folds."""
        return self._trials.best(self.fold != fold)

    @cached_property
    def _trials(self) -> Trials:
        return trials(self.probabilities, self.pairs)

    def _calibration_on(self, where: npt.NDArray[np.bool_]) -> Calibration:
        return fitted_calibration(_flat(self.logits[where]), _flat(self.pairs.where(where).places().labels))


def cross_fitted(
    config: TrainConfig, pairs: Pairs, simulated: Sequence[Pool], normalisation: Normalisation, stage: Stage, device: str
) -> CrossFit:
    """Train a network per fold and let it call the fold's pairs."""
    fold_of = block_folds(pairs.block, folds=config.folds, seed=config.seed)
    fold = np.array([fold_of[block] for block in pairs.block])
    logits = np.zeros((len(pairs), 2, len(LandClass), config.chip_px, config.chip_px), np.float32)
    steps, networks = [], []
    for number in range(config.folds):
        network, taken = _fold_network(config, pairs.where(fold != number), simulated, normalisation, stage, device, number)
        steps.append(taken)
        networks.append(network)
        logits[fold == number] = logits_of(network, pairs.where(fold == number), normalisation)
    folds = tuple(tuple(sorted(b for b, n in fold_of.items() if n == number)) for number in range(config.folds))
    return CrossFit(pairs, fold, logits, folds, tuple(steps), tuple(networks))


def _fold_network(
    config: TrainConfig, seen: Pairs, simulated: Sequence[Pool], normalisation: Normalisation, stage: Stage, device: str, number: int
) -> tuple[UNet, int]:
    stopping = stopping_blocks(seen.block, seed=config.seed, share=config.stopping_share)
    learnt = seen.within(frozenset(seen.block) - stopping)
    fit = Fit([*real_pools(config, learnt), *simulated], config, normalisation, steps=config.steps, seed=config.seed, device=device)
    watched = seen.within(stopping).places().images()
    check = overlap_missed(watched, normalisation) if len(watched) else None
    return stage.fitted(FOLD.format(number + 1, config.folds), fit, check=check)


def logits_of(network: UNet, pairs: Pairs, normalisation: Normalisation, *, batch: int = 32) -> Logits:
    """float32 (N, 2, 6, S, S)."""
    images = pairs.places().images()
    with torch.inference_mode():
        parts = [network(normalised(images.reflectance[at : at + batch], normalisation)) for at in range(0, len(images), batch)]
    result: Logits = torch.cat(parts).numpy()
    return result.reshape(len(pairs), 2, *result.shape[1:])


def _flat(array: npt.NDArray[N]) -> npt.NDArray[N]:
    """(N, 2, ...) to (2 N, ...)."""
    return array.reshape(-1, *array.shape[2:])
