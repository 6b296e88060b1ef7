"""What a training run is: everything that decides the weights, besides the images."""

import json
from typing import Literal

from pydantic import Field

from jagawana.schemas.base import Model

BANDS = {
    "s2": ("blue", "green", "red", "nir", "swir16", "swir22"),
    "rgbn": ("blue", "green", "red", "nir"),
}
RESOLUTION_M = {"s2": (9.0, 11.0), "rgbn": (2.5, 10.5)}
"""Pixel sizes each network is trained for, finest and coarsest."""


class TrainConfig(Model):
    """One training run. The defaults are the recipe of the shipped networks (docs/detector.md)."""

    model_id: Literal["s2", "rgbn"] = "s2"
    version: str = Field(default="3", description="goes up whenever weights are published")
    steps: int = Field(default=7_000, ge=1, description="of each network")
    batch: int = Field(default=16, ge=2, description="images, both dates of a pair counted")
    chip_px: int = Field(default=48, ge=48, description="side of a training chip")
    seed: int = Field(default=0, ge=0)
    base: int = Field(default=24, ge=4)
    poolings: int = Field(default=3, ge=1, le=4)
    surroundings: bool = Field(default=True, description="whether every band is also read less the mean of its surroundings")
    learning_rate: float = Field(default=3e-3, gt=0)
    average_decay: float = Field(default=0.995, ge=0, lt=1, description="of the running mean of the weights")
    consistency: float = Field(default=0.2, ge=0, description="weight of the difference between two dates where the label stayed")
    simulated_share: float = Field(default=0.25, ge=0, le=1, description="of every batch; all of it where there are no labels")
    simulated_chips: int = Field(default=2000, ge=0, description="drawn once, before training")
    unmined_share: float = Field(default=0.5, ge=0, le=1, description="of the simulated chips: from worlds without any mining")
    folds: int = Field(default=3, ge=2, description="networks that measure: each is tested on the blocks it never saw")
    stopping_share: float = Field(default=0.1, ge=0, lt=1, description="of a fold's training pairs, by block: they say when to stop")
    check_every: int = Field(default=500, ge=1, description="steps between two looks at the stopping blocks")
    patience: int = Field(default=20, ge=1, description="looks without progress after which a network is done")

    @property
    def bands(self) -> tuple[str, ...]:
        """STAC common names, in order."""
        return BANDS[self.model_id]

    def command(self, *, labelled: bool) -> str:
        """What to type for the same weights. Options without a flag of their own stand in a JSON file, printed behind."""
        default = TrainConfig(model_id=self.model_id)
        changed = {name: value for name, value in self if value != getattr(default, name)}
        flags = [f"--{name} {changed.pop(name)}" for name in ("steps", "seed", "version") if name in changed]
        folder = ["--labels FOLDER"] if labelled else []
        file = [f"--config FILE, where FILE holds {json.dumps(changed)}"] if changed else []
        return " ".join(["jagawana train --model", self.model_id, "--out FOLDER", *folder, *flags, *file])
