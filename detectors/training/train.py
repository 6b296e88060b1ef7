"""`train`: the whole run, from labelled images to a model and its card.

Networks of the folds measure: each is tested on blocks it never saw, and what they say together is calibrated. The one that is
shipped then learns from every place, for as many steps as the others needed.
"""

from dataclasses import dataclass
from statistics import median

import numpy as np

from jagawana.detectors.classes import LandClass
from jagawana.detectors.decision import Decision
from jagawana.detectors.known_answer import SIZE_PX, answer_of, window_of
from jagawana.detectors.model_card import Architecture, DecisionRule, Evaluation, KnownAnswer, ModelCard, Normalisation, Split
from jagawana.detectors.scoring.called import Predict
from jagawana.detectors.scoring.evaluation import evaluate_images, evaluate_pairs
from jagawana.detectors.spectral import spectral_detector
from jagawana.detectors.training.calibrate import UNCALIBRATED, calibrated
from jagawana.detectors.training.card import TrainedModel, predictor, weights_of
from jagawana.detectors.training.config import RESOLUTION_M, TrainConfig
from jagawana.detectors.training.cross import CrossFit, cross_fitted
from jagawana.detectors.training.labels import Images, Pairs
from jagawana.detectors.training.loop import Fit, Pool
from jagawana.detectors.training.pools import real_pools, simulated_pools, simulated_test_images, sources_of
from jagawana.detectors.training.stages import Keeper, Progress, Stage
from jagawana.detectors.unet import UNet
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

KNOWN_ANSWER_SEED = 5
ALL_PLACES = "all places"
"""Name of the stage that trains the network to ship."""
LIMITS = (
    "Called mining is possible mining. Fish ponds, bright sandbars, turbid lakes, fields and building sites can be called mining too.",
    "Real images are of the Amazon only, 10 m and nearly cloud-free. Elsewhere, and at 3-6 m, nothing real was measured.",
    "Mining under canopy, under cloud, or smaller than about ten pixels is missed. Large workings may be split into water and bare ground.",
    "Old, half-regrown workings are found less often than fresh ones.",
    "Roads were drawn to about a pixel; narrow tracks under trees are missed.",
    "Simulated chips take their class spectra from all labelled pairs, those of the tested blocks included (means and spread only).",
)
HUTS = {
    "s2": "Huts are never called: they cannot be seen at 10 m, and there was nothing to learn them from.",
    "rgbn": "Huts were learnt from simulated chips at 5 m only, roofs of 36 to 108 m2: no figure for real huts exists. On simulated images "
    "(docs/detector.md) half of the roofs are found from 36 m2 on at 3 and 4 m and from 50 m2 on at 5 m, but in groups of two to five, as "
    "camps are, at no size; three of five to three of four pieces called hut at 5 m are none (one of three at 3 m), and fewer than half of "
    "the clusters are found in one look. At 10 m believe clusters at most.",
}
METHOD = (
    "Whole 2-degree blocks, both dates of a pair on one side. Each fold's figures come from a network that saw none of its blocks, "
    "calibrated on the other folds; the shipped network learnt from all blocks in the same way and was not measured itself."
)


@dataclass(frozen=True)
class _Result:
    """The network to ship, calibrated where that could be, and what was learnt about its kind on the way."""

    network: UNet
    normalisation: Normalisation
    simulated: list[Pool]
    cross: CrossFit | None


def train(
    config: TrainConfig,
    *,
    labelled: Pairs | None,
    keeper: Keeper | None = None,
    progress: Progress | None = None,
    device: str = "cpu",
) -> TrainedModel:
    """Train one network and measure its kind on places it never saw.

    Args:
        config: everything that decides the weights besides the images.
        labelled: pairs of `chip_px` with at least the bands of the network; without them only simulated chips are used and
            nothing real is measured.
        keeper: where the state is laid aside, so that a run that was cut off goes on.
        progress: told after every step.
        device: "cpu" or "cuda".

    Raises:
        DataError: SETTINGS_INVALID when there are fewer blocks than folds, or no image to train on.
    """
    pairs = labelled.with_bands(config.bands) if labelled is not None else None
    if pairs is not None and len(set(pairs.block)) < config.folds:
        raise DataError(
            ErrorCode.SETTINGS_INVALID,
            f"{len(pairs)} labelled pairs in {len(set(pairs.block))} blocks of 2 degrees cannot make {config.folds} folds; "
            "label places farther apart or lower `folds`",
        )
    stage = Stage(config.check_every, config.patience, keeper, progress)
    result = _result(config, pairs, stage, device)
    predict = predictor(result.network, result.normalisation)
    weights = weights_of(result.network)
    card = _card(config, result, pairs, predict, sha256_of(weights))
    if result.cross is None:
        return TrainedModel(weights, card)
    return TrainedModel(weights, card, result.cross.calls, _of_folds(card, result.cross))


def _of_folds(card: ModelCard, cross: CrossFit) -> tuple[TrainedModel, ...]:
    return tuple(_of_fold(card, cross, number) for number in range(len(cross.folds)))


def _of_fold(card: ModelCard, cross: CrossFit, number: int) -> TrainedModel:
    """A network that measured, to be tried on the blocks it did not learn from."""
    network = calibrated(cross.networks[number], cross.calibration_without(number))
    weights = weights_of(network)
    own = {
        "version": f"{card.version}.fold{number + 1}",
        "sha256": sha256_of(weights),
        "decision": _rule(cross.decision_without(number)),
        "split": Split(method="Learnt from all labelled blocks but these.", folds=(cross.folds[number],)),
        "known_answer": _known_answer(predictor(network, card.normalisation), card.normalisation),
    }
    return TrainedModel(weights, card.model_copy(update=own | dict.fromkeys(("test", "baseline", "simulated"))))


def _result(config: TrainConfig, pairs: Pairs | None, stage: Stage, device: str) -> _Result:
    simulated = simulated_pools(config, labelled=pairs is not None)
    if pairs is None and not simulated:
        raise DataError(ErrorCode.SETTINGS_INVALID, "nothing to train on: no labelled pairs and no simulated chips")
    seen = (pairs.places() if pairs is not None else simulated[0].places).images()
    normalisation = normalisation_of(seen, surroundings=config.surroundings)
    cross = cross_fitted(config, pairs, simulated, normalisation, stage, device) if pairs is not None else None
    pools = [*(real_pools(config, pairs) if pairs is not None else []), *simulated]
    steps = round(median(cross.steps)) if cross else config.steps
    fit = Fit(pools, config, normalisation, steps=steps, seed=config.seed, device=device)
    network, _ = stage.fitted(ALL_PLACES, fit, check=None)
    return _Result(calibrated(network, cross.calibration if cross else UNCALIBRATED), normalisation, simulated, cross)


def _card(config: TrainConfig, result: _Result, pairs: Pairs | None, predict: Predict, sha256: str) -> ModelCard:
    cross = result.cross
    return ModelCard(
        model_id=config.model_id,
        version=config.version,
        sha256=sha256,
        architecture=Architecture(base=config.base, poolings=config.poolings),
        bands=config.bands,
        min_resolution_m=RESOLUTION_M[config.model_id][0],
        max_resolution_m=RESOLUTION_M[config.model_id][1],
        classes=tuple(c.name.lower() for c in LandClass),
        normalisation=result.normalisation,
        temperature=1.0,
        calibrated=cross is not None,
        decision=_rule(cross.decision) if cross else None,
        sources=sources_of(config, pairs, result.simulated),
        split=Split(method=METHOD if cross else "No real place was used.", folds=cross.folds if cross else ()),
        **_evaluations(config, cross, predict, pairs),
        seed=config.seed,
        command=config.command(labelled=pairs is not None),
        limits=(*LIMITS, HUTS[config.model_id]),
        known_answer=_known_answer(predict, result.normalisation),
    )


def _rule(decision: Decision) -> DecisionRule:
    return DecisionRule(bonus=decision.bonus, mining_peak=decision.mining_peak, road_peak=decision.road_peak)


def normalisation_of(images: Images, *, surroundings: bool = False) -> Normalisation:
    """Mean and standard deviation of every band over what was seen."""
    flat = images.reflectance.transpose(1, 0, 2, 3).reshape(images.reflectance.shape[1], -1).astype(np.float64)
    mean, std = np.nanmean(flat, axis=1), np.nanstd(flat, axis=1)
    return Normalisation(
        mean=tuple(round(float(v), 5) for v in mean), std=tuple(round(float(v), 5) for v in std), surroundings=surroundings
    )


def _evaluations(config: TrainConfig, cross: CrossFit | None, predict: Predict, pairs: Pairs | None) -> dict[str, Evaluation | None]:
    spectral = spectral_detector(f"spectral-{len(config.bands)}")
    unseen = simulated_test_images(config) if config.simulated_chips else None
    what = (
        "Hand-labelled Sentinel-2 pairs of the Amazon (10 m, both dates), each called by a network that saw no place of its 2-degree block."
    )
    return {
        "test": cross.evaluation(data=what) if cross else None,
        "baseline": evaluate_pairs(spectral, pairs, data="The same pairs.") if pairs is not None else None,
        "simulated": evaluate_images(predict, unseen, data="Made-up chips, half of them from worlds without mining.") if unseen else None,
    }


def _known_answer(predict: Predict, normalisation: Normalisation) -> KnownAnswer:
    return answer_of(predict(*window_of(KNOWN_ANSWER_SEED, SIZE_PX, normalisation)), seed=KNOWN_ANSWER_SEED)
