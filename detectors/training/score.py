"""How well a detector does on labelled images: counts per image, then shares with intervals from resampling whole blocks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.detector import Mask, Probabilities, Reflectance
from jagawana.detectors.model_card import ClassScore, Evaluation, Ratio
from jagawana.detectors.training.labels import Images, Pairs

Predict = Callable[[Reflectance, Mask], Probabilities]
Counts = npt.NDArray[np.int64]
Classes = npt.NDArray[np.uint8]
MIN_MINING_PX = 10
"""From here on an image counts as showing mining, or as called mining."""
EVENT_PX = 30
"""0.3 ha at 10 m: the smallest new mining counted as an event."""
ROAD_TOLERANCE_PX = 2
RESAMPLES = 1000


@dataclass(frozen=True)
class Called:
    """One set of images with what was called on them: uint8 classes and float32 mining probability, both (N, H, W)."""

    truth: Classes
    classes: Classes
    mining: npt.NDArray[np.float32]
    block: tuple[str, ...]


def called(predict: Predict, images: Images, block: Sequence[str]) -> Called:
    """Every image through the detector; highest probability wins."""
    classes, mining = [], []
    for picture in images.reflectance:
        probabilities = predict(picture, np.isfinite(picture).all(axis=0))
        classes.append(probabilities.argmax(axis=0).astype(np.uint8))
        mining.append(probabilities[LandClass.MINING])
    return Called(images.labels, np.stack(classes), np.stack(mining), tuple(block))


def evaluate_pairs(predict: Predict, pairs: Pairs, *, data: str) -> Evaluation:
    """All figures of the card on labelled pairs."""
    before, after = (called(predict, images, pairs.block) for images in (pairs.before, pairs.after))
    both = Called(
        truth=np.concatenate([before.truth, after.truth]),
        classes=np.concatenate([before.classes, after.classes]),
        mining=np.concatenate([before.mining, after.mining]),
        block=pairs.block * 2,
    )
    return evaluation(both, data=data).model_copy(update=event_figures(before, after, pairs.unchanged))


def evaluate_images(predict: Predict, images: Images, *, data: str) -> Evaluation:
    """The figures of single images; every image is its own block, and there are no events."""
    return evaluation(called(predict, images, [str(i) for i in range(len(images))]), data=data)


def evaluation(seen: Called, *, data: str) -> Evaluation:
    """Figures of images, without events."""
    known = seen.truth != NOT_OBSERVED
    classes = tuple(_class_score(seen, known, c) for c in LandClass)
    ious = [c.iou.share for c in classes if c.recall.n and c.iou.share is not None]
    mining_px = _per_image((seen.truth == LandClass.MINING) & known)
    called_px = _per_image((seen.classes == LandClass.MINING) & known)
    free, mined, alarm = mining_px == 0, mining_px >= MIN_MINING_PX, called_px >= MIN_MINING_PX
    nothing = Ratio(share=None, n=0)
    road_hits, road_called, road_found, road_labelled = _road_counts(seen, known)
    return Evaluation(
        data=data,
        images=len(seen.truth),
        classes=classes,
        mean_iou=round(float(np.mean(ious)), 3) if ious else None,
        road_precision_2px=ratio(road_hits, road_called, seen.block),
        road_recall_2px=ratio(road_found, road_labelled, seen.block),
        images_without_mining_called=ratio(free & alarm, free, seen.block),
        mining_images_found=ratio(mined & alarm, mined, seen.block),
        event_precision=nothing,
        event_recall=nothing,
        unchanged_pairs_with_event=nothing,
        calibration_error=calibration_error(seen.mining[known], seen.truth[known] == LandClass.MINING),
    )


def event_figures(before: Called, after: Called, unchanged: npt.NDArray[np.bool_]) -> dict[str, Ratio]:
    """New mining, mask against mask, where both dates are labelled."""
    known = (before.truth != NOT_OBSERVED) & (after.truth != NOT_OBSERVED)

    def new(first: Classes, second: Classes) -> Mask:
        appeared = (second == LandClass.MINING) & (first != LandClass.MINING) & known
        return np.asarray(_per_image(appeared) >= EVENT_PX)

    true, said = new(before.truth, after.truth), new(before.classes, after.classes)
    return {
        "event_precision": ratio(true & said, said, after.block),
        "event_recall": ratio(true & said, true, after.block),
        "unchanged_pairs_with_event": ratio(unchanged & ~true & said, unchanged & ~true, after.block),
    }


def ratio(numerator: npt.NDArray[np.generic], denominator: npt.NDArray[np.generic], block: Sequence[str]) -> Ratio:
    """Sum over sum, with the central 95 % of the same on blocks drawn with replacement.

    Args:
        numerator: one count per image.
        denominator: one count per image.
        block: the block of each image.
    """
    top, bottom = numerator.astype(np.int64), denominator.astype(np.int64)
    total = int(bottom.sum())
    if total == 0:
        return Ratio(share=None, n=0)
    _, member = np.unique(np.asarray(block), return_inverse=True)
    top_of, bottom_of = np.bincount(member, top), np.bincount(member, bottom)
    draws = np.random.default_rng(0).integers(0, len(top_of), (RESAMPLES, len(top_of)))
    sums = bottom_of[draws].sum(axis=1)
    shares = top_of[draws].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return Ratio(share=round(int(top.sum()) / total, 3), n=total, low=round(float(low), 3), high=round(float(high), 3))


def calibration_error(probability: npt.NDArray[np.float32], truth: npt.NDArray[np.bool_], *, bins: int = 10) -> float | None:
    """Expected calibration error: mean gap between probability and frequency, weighted by the pixels of each bin."""
    if probability.size == 0:
        return None
    index = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(index, probability, minlength=bins) - np.bincount(index, truth, minlength=bins)
    return round(float(np.abs(gap).sum() / probability.size), 4)


def _class_score(seen: Called, known: Mask, land_class: LandClass) -> ClassScore:
    true, said = (seen.truth == land_class) & known, (seen.classes == land_class) & known
    hits, labelled, named = _per_image(true & said), _per_image(true), _per_image(said)
    return ClassScore(
        land_class=land_class.name.lower(),
        iou=ratio(hits, labelled + named - hits, seen.block),
        precision=ratio(hits, named, seen.block),
        recall=ratio(hits, labelled, seen.block),
    )


def _road_counts(seen: Called, known: Mask) -> tuple[Counts, Counts, Counts, Counts]:
    """Per image: called near a labelled one, called, labelled near a called one, labelled. Tracks are drawn to about a pixel."""
    true, said = (seen.truth == LandClass.ROAD) & known, (seen.classes == LandClass.ROAD) & known
    near_true, near_said = (_grown(m, ROAD_TOLERANCE_PX) for m in (true, said))
    return _per_image(said & near_true), _per_image(said), _per_image(true & near_said), _per_image(true)


def _grown(masks: Mask, radius_px: int) -> Mask:
    square = np.ones((1, 2 * radius_px + 1, 2 * radius_px + 1), bool)
    return np.asarray(ndimage.binary_dilation(masks, square))


def _per_image(masks: Mask) -> Counts:
    return np.asarray(masks.sum(axis=(1, 2)), np.int64)
