"""What a batch is mixed from: real images at their own scale, real images enlarged, simulated chips."""

from dataclasses import replace

import numpy as np

from jagawana.detectors.model_card import TrainingSource
from jagawana.detectors.training.augment import Augmentation
from jagawana.detectors.training.config import TrainConfig
from jagawana.detectors.training.labels import Images
from jagawana.detectors.training.loop import Pool
from jagawana.detectors.training.places import mined_images, unmined_images

ENLARGED = replace(Augmentation(), zoom=(1.5, 2.3), zoom_share=1.0)
"""A 10 m image as 4.3 to 6.7 m pixels would roughly show it: no finer detail, but shapes of the right size."""
TRAINING_SEED, TEST_SEED = 1_000_000, 500_000
"""Where the seeds of simulated worlds begin; those below are left to other uses."""
TEST_CHIPS = 240
FIVE_METRES, TEN_METRES = 5, 10
COPERNICUS = "pixels: Copernicus Sentinel data, free with attribution; labels: CC BY 4.0"


def pools_of(config: TrainConfig, real: Images | None) -> tuple[list[Pool], tuple[TrainingSource, ...]]:
    """The pools of one batch, and what the card says of them. Without real images everything is simulated."""
    simulated_n = config.batch if real is None else round(config.batch * config.simulated_share)
    simulated, simulated_sources = _simulated(config, simulated_n)
    if real is None:
        return simulated, simulated_sources
    enlarged_n = (config.batch - simulated_n) // 2 if config.model_id == "rgbn" else 0
    pools = [Pool(real, config.batch - simulated_n - enlarged_n, Augmentation())]
    if enlarged_n:
        pools.append(Pool(real, enlarged_n, ENLARGED))
    remarks = "Amazon, both dates of each pair, 10 m" + ("; half of them enlarged to about 5 m" if enlarged_n else "")
    source = TrainingSource(name="s2_amazon_pairs with s2_amazon_labels", licence=COPERNICUS, images=len(real), remarks=remarks)
    return pools + simulated, (source, *simulated_sources)


def _simulated(config: TrainConfig, per_batch: int) -> tuple[list[Pool], tuple[TrainingSource, ...]]:
    if per_batch == 0:
        return [], ()
    coarse = per_batch if config.model_id == "s2" else per_batch // 3
    shares = {metres: n for metres, n in ((TEN_METRES, coarse), (FIVE_METRES, per_batch - coarse)) if n}
    pools: list[Pool] = []
    for metres, of_scale in shares.items():
        unmined = round(of_scale * config.unmined_share)
        for make, of_kind in ((mined_images, of_scale - unmined), (unmined_images, unmined)):
            if of_kind:
                n = max(1, config.simulated_chips * of_kind // per_batch)
                seed = TRAINING_SEED + 10_000 * config.seed
                images = make(seed, n, sensor=config.model_id, resolution_m=metres, chip_px=config.chip_px)
                pools.append(Pool(images, of_kind, Augmentation()))
    huts = "the only source of huts" if FIVE_METRES in shares else "without huts, which cannot be seen at 10 m"
    places = f"{100 * config.unmined_share:g} % from worlds without mining"
    remarks = f"made up at {' and '.join(f'{metres:g} m' for metres in shares)}; {places}; {huts}"
    licence = "made by this package, Apache-2.0; class spectra after all labelled pairs, sizes after real sites"
    return pools, (TrainingSource(name="simulated chips", licence=licence, images=sum(len(p.images) for p in pools), remarks=remarks),)


def simulated_test_images(config: TrainConfig) -> Images:
    """Chips of worlds that no training run ever draws: half mined, half not."""
    metres = TEN_METRES if config.model_id == "s2" else FIVE_METRES
    parts = [
        make(TEST_SEED, TEST_CHIPS // 2, sensor=config.model_id, resolution_m=metres, chip_px=config.chip_px)
        for make in (mined_images, unmined_images)
    ]
    return Images(np.concatenate([p.reflectance for p in parts]), np.concatenate([p.labels for p in parts]))
