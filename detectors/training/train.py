"""`train`: the whole run, from labelled images to a model and its card."""

from pathlib import Path

import numpy as np

from jagawana.detectors.classes import LandClass
from jagawana.detectors.known_answer import SIZE_PX, answer_of, window_of
from jagawana.detectors.model_card import Architecture, Evaluation, KnownAnswer, ModelCard, Normalisation, Split
from jagawana.detectors.scoring.called import Predict
from jagawana.detectors.scoring.evaluation import evaluate_images, evaluate_pairs
from jagawana.detectors.spectral import spectral_detector
from jagawana.detectors.training.blocks import Blocks, split_blocks
from jagawana.detectors.training.card import TrainedModel, fitted_temperature, predictor, weights_of
from jagawana.detectors.training.config import RESOLUTION_M, TrainConfig
from jagawana.detectors.training.labels import Images, Pairs, read_pairs
from jagawana.detectors.training.loop import Progress, fitted
from jagawana.detectors.training.pools import pools_of, simulated_test_images
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

KNOWN_ANSWER_SEED = 5
LIMITS = (
    "Called mining is possible mining. Bright sandbars, turbid lakes, fields and building sites are called mining too: see precision.",
    "Real images are of the Amazon only, 10 m and nearly cloud-free. Elsewhere, and at 3-6 m, nothing real was measured.",
    "Mining under canopy, under cloud, or smaller than about ten pixels is missed. Large workings may be split into water and bare ground.",
    "Old, half-regrown workings are found less often than fresh ones.",
    "Roads were drawn to about a pixel; narrow tracks under trees are missed.",
    "Simulated chips take their class spectra from all labelled pairs, those of the test blocks included (means and spread only).",
)
HUTS = {
    "s2": "Huts are never called: they cannot be seen at 10 m, and there was nothing to learn them from.",
    "rgbn": "Huts were learnt from simulated chips at 5 m only: no figure for real huts exists. At 10 m huts should not be believed.",
}


def train(config: TrainConfig, *, labels: Path | None, progress: Progress | None = None) -> TrainedModel:
    """Train one network and measure it on places it never saw.

    Args:
        config: everything that decides the weights besides the images.
        labels: folder that holds `s2_amazon_pairs` and `s2_amazon_labels`; without it only simulated chips are used and
            nothing real is measured.
        progress: told after every step.

    Raises:
        DataError: SETTINGS_INVALID when the labels are not there or no image is left to train on.
    """
    pairs = read_pairs(labels).with_bands(config.bands) if labels else None
    blocks = _blocks(config, pairs)
    real = pairs.within(blocks.training).images() if pairs else None
    if real is not None and len(real) == 0:
        raise DataError(ErrorCode.SETTINGS_INVALID, "no pair is left to train on; lower test_share or calibration_share")
    pools, sources = pools_of(config, real)
    normalisation = normalisation_of(real if real is not None else pools[0].images)
    network = fitted(pools, config, normalisation, progress=progress)
    held_out = pairs.within(blocks.calibration).images() if pairs else None
    calibrated = held_out is not None and len(held_out) > 0
    temperature = fitted_temperature(network, held_out, normalisation) if held_out is not None and calibrated else 1.0
    predict = predictor(network, normalisation, temperature=temperature)
    weights = weights_of(network)
    card = ModelCard(
        model_id=config.model_id,
        version=config.version,
        sha256=sha256_of(weights),
        architecture=Architecture(base=config.base, poolings=config.poolings),
        bands=config.bands,
        min_resolution_m=RESOLUTION_M[config.model_id][0],
        max_resolution_m=RESOLUTION_M[config.model_id][1],
        classes=tuple(c.name.lower() for c in LandClass),
        normalisation=normalisation,
        temperature=temperature,
        calibrated=calibrated,
        sources=sources,
        split=_split(blocks),
        **_evaluations(config, predict, pairs, blocks),
        seed=config.seed,
        command=config.command(labelled=labels is not None),
        limits=(*LIMITS, HUTS[config.model_id]),
        known_answer=_known_answer(predict, normalisation),
    )
    return TrainedModel(weights, card)


def normalisation_of(images: Images) -> Normalisation:
    """Mean and standard deviation of every band over what was seen."""
    flat = images.reflectance.transpose(1, 0, 2, 3).reshape(images.reflectance.shape[1], -1).astype(np.float64)
    mean, std = np.nanmean(flat, axis=1), np.nanstd(flat, axis=1)
    return Normalisation(mean=tuple(round(float(v), 5) for v in mean), std=tuple(round(float(v), 5) for v in std))


def _blocks(config: TrainConfig, pairs: Pairs | None) -> Blocks:
    block = pairs.block if pairs else ()
    return split_blocks(block, seed=config.split_seed, test_share=config.test_share, calibration_share=config.calibration_share)


def _split(blocks: Blocks) -> Split:
    parts = (tuple(sorted(part)) for part in (blocks.training, blocks.calibration, blocks.test))
    training, calibration, test = parts
    method = "Whole 2-degree blocks in the order of a seeded hash; both dates of a pair on one side. Test blocks chose nothing."
    return Split(method=method, training_blocks=training, calibration_blocks=calibration, test_blocks=test)


def _evaluations(config: TrainConfig, predict: Predict, pairs: Pairs | None, blocks: Blocks) -> dict[str, Evaluation | None]:
    test = pairs.within(blocks.test) if pairs else None
    spectral = spectral_detector(f"spectral-{len(config.bands)}")
    unseen = simulated_test_images(config) if config.simulated_chips else None
    what = "Hand-labelled Sentinel-2 pairs of the Amazon (10 m, both dates), blocks never trained on."
    return {
        "test": evaluate_pairs(predict, test, data=what) if test else None,
        "baseline": evaluate_pairs(spectral, test, data=what) if test else None,
        "simulated": evaluate_images(predict, unseen, data="Made-up chips, half of them from worlds without mining.") if unseen else None,
    }


def _known_answer(predict: Predict, normalisation: Normalisation) -> KnownAnswer:
    return answer_of(predict(*window_of(KNOWN_ANSWER_SEED, SIZE_PX, normalisation)), seed=KNOWN_ANSWER_SEED)
