"""A run is several networks after one another; each is watched on blocks it does not learn from, and kept between steps."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from jagawana.detectors.classes import LandClass
from jagawana.detectors.model_card import Normalisation
from jagawana.detectors.scoring.pixels import confusion
from jagawana.detectors.training.labels import Images
from jagawana.detectors.training.loop import Fit, State, normalised
from jagawana.detectors.unet import UNet

Progress = Callable[[str, int, int, float], None]
"""Told after every step: which network, its steps done, its steps in all, running loss."""
Checked = Callable[[UNet], float]
"""What a network is worth on blocks it does not learn from: the smaller, the better."""


class Keeper(Protocol):
    """Where a run lays its state aside."""

    def kept(self, stage: str) -> State | None:
        """The last state of a network, or None."""

    def keep(self, stage: str, state: State) -> None:
        """Keep it instead of the one before."""


@dataclass
class Watch:
    """Stops a network when `patience` looks in a row found nothing better; remembers the best."""

    patience: int
    loss: float = float("inf")
    at: int = 0
    looks_since: int = 0
    weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def see(self, loss: float, step: int, network: UNet) -> None:
        """A look at the stopping blocks after `step` steps."""
        self.looks_since += 1
        if loss < self.loss:
            self.loss, self.at, self.looks_since = loss, step, 0
            self.weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    @property
    def over(self) -> bool:
        """Whether to go no further."""
        return self.looks_since >= self.patience


@dataclass(frozen=True)
class Stage:
    """What is the same for every network of a run."""

    check_every: int
    patience: int
    keeper: Keeper | None = None
    progress: Progress | None = None

    def fitted(self, name: str, fit: Fit, *, check: Checked | None) -> tuple[UNet, int]:
        """The network to use and how many steps it took: of the last step, or the best one seen by `check` where that ended it early.

        At the end of the cycle the last network is better than any before it; which of the looks was best is chance by then.
        """
        watch = Watch(self.patience)
        self._take_up(name, fit, watch)
        while fit.done < fit.steps and not watch.over:
            fit.step()
            if self.progress:
                self.progress(name, fit.done, fit.steps, fit.loss)
            if fit.done % self.check_every == 0 or fit.done == fit.steps:
                if check:
                    watch.see(check(fit.network), fit.done, fit.network)
                self._lay_aside(name, fit, watch)
        result = copy.deepcopy(fit.network)
        if not watch.over:
            return result, fit.done
        result.load_state_dict(watch.weights)
        return result, watch.at

    def _take_up(self, name: str, fit: Fit, watch: Watch) -> None:
        state: dict[str, Any] | None = self.keeper.kept(name) if self.keeper else None
        if state is not None:
            fit.restore(state["fit"])
            watch.loss, watch.at, watch.looks_since, watch.weights = (state[n] for n in ("loss", "at", "looks_since", "weights"))

    def _lay_aside(self, name: str, fit: Fit, watch: Watch) -> None:
        if self.keeper:
            seen = {"loss": watch.loss, "at": watch.at, "looks_since": watch.looks_since, "weights": watch.weights}
            self.keeper.keep(name, {"fit": fit.state(), **seen})


def overlap_missed(images: Images, normalisation: Normalisation, *, batch: int = 32) -> Checked:
    """One minus the mean IoU of the classes labelled in these images.

    Not the loss: that rises with confidence while outlines still improve.
    """

    def check(network: UNet) -> float:
        table = np.zeros((len(LandClass), len(LandClass)), np.int64)
        for at in range(0, len(images), batch):
            with torch.inference_mode():
                classes = network(normalised(images.reflectance[at : at + batch], normalisation)).argmax(dim=1).numpy()
            table += confusion(images.labels[at : at + batch], classes.astype(np.uint8))
        hits, labelled, called = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
        there = labelled > 0
        return 1 - float((hits / np.maximum(labelled + called - hits, 1))[there].mean()) if there.any() else 1.0

    return check
