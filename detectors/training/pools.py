"""What a batch is mixed from: real pairs at their own scale, real pairs enlarged, simulated chips."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from jagawana.detectors.model_card import TrainingSource
from jagawana.detectors.training.augment import Augmentation
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import Images, Pairs, seen_once
from jagawana.detectors.training.loop import Pool
from jagawana.detectors.training.simulated import mined_images, unmined_images

ENLARGED = replace(Augmentation(), zoom=(1.5, 2.3), zoom_share=1.0)
"""A 10 m image as 4.3 to 6.7 m pixels would roughly show it: no finer detail, but shapes of the right size."""
TRAINING_SEED, TEST_SEED = 1_000_000, 500_000
"""Where the seeds of simulated worlds begin; those below are left to other uses."""
TEST_CHIPS = 240
FIVE_METRES, TEN_METRES = 5, 10
DATES = 2


class Mixture(NamedTuple):
    """Images of a batch by kind. Real ones come in pairs."""

    plain: int
    enlarged: int
    simulated: int


def mixture_of(config: TrainConfig, *, labelled: bool) -> Mixture:
    """What a batch is mixed from."""
    if not labelled:
        return Mixture(0, 0, config.batch)
    pairs = round(config.batch * (1 - config.simulated_share)) // DATES
    enlarged = pairs // 2 if config.model_id == "rgbn" else 0
    return Mixture(DATES * (pairs - enlarged), DATES * enlarged, config.batch - DATES * pairs)


def real_pools(config: TrainConfig, pairs: Pairs) -> list[Pool]:
    """Pairs, half of them enlarged where the network also reads finer pixels."""
    mixture, places = mixture_of(config, labelled=True), pairs.places()
    return [Pool(places, n, how) for n, how in ((mixture.plain, Augmentation()), (mixture.enlarged, ENLARGED)) if n]


def simulated_pools(config: TrainConfig, *, labelled: bool) -> list[Pool]:
    """Chips of worlds with mining and of worlds without."""
    of_batch = mixture_of(config, labelled=labelled).simulated
    coarse = of_batch if config.model_id == "s2" else of_batch // 3
    pools: list[Pool] = []
    for metres, of_scale in ((TEN_METRES, coarse), (FIVE_METRES, of_batch - coarse)):
        unmined = round(of_scale * config.unmined_share)
        for make, of_kind in ((mined_images, of_scale - unmined), (unmined_images, unmined)):
            if of_kind:
                n = max(1, config.simulated_chips * of_kind // of_batch)
                seed = TRAINING_SEED + 10_000 * config.seed
                images = make(seed, n, sensor=config.model_id, resolution_m=metres, chip_px=config.chip_px)
                pools.append(Pool(seen_once(images), of_kind, Augmentation()))
    return pools


def sources_of(config: TrainConfig, pairs: Pairs | None, simulated: list[Pool]) -> tuple[TrainingSource, ...]:
    """What the card says of the images a network learnt from."""
    enlarged = "; half of every batch's enlarged to about 5 m" if config.model_id == "rgbn" else ""
    real = [source.model_copy(update={"remarks": source.remarks + enlarged}) for source in pairs.sources] if pairs else []
    return (*real, _simulated_source(config, simulated)) if simulated else tuple(real)


def _simulated_source(config: TrainConfig, simulated: list[Pool]) -> TrainingSource:
    fine = config.model_id == "rgbn"
    huts = "the only source of huts" if fine else "without huts, which cannot be seen at 10 m"
    places = f"{100 * config.unmined_share:g} % from worlds without mining"
    return TrainingSource(
        name="simulated chips",
        licence="made by this package, Apache-2.0; class spectra after all labelled pairs, sizes after real sites",
        images=sum(len(pool.places) for pool in simulated),
        remarks=f"made up at {'10 and 5' if fine else '10'} m; {places}; {huts}",
    )


def simulated_test_images(config: TrainConfig) -> Images:
    """Chips of worlds that no training run ever draws: half mined, half not."""
    metres = TEN_METRES if config.model_id == "s2" else FIVE_METRES
    parts = [
        make(TEST_SEED, TEST_CHIPS // 2, sensor=config.model_id, resolution_m=metres, chip_px=config.chip_px)
        for make in (mined_images, unmined_images)
    ]
    return Images(np.concatenate([p.reflectance for p in parts]), np.concatenate([p.labels for p in parts]))
