"""Classes pixel by pixel: the confusion matrix and what follows from it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.model_card import ClassScore
from jagawana.detectors.scoring.intervals import ratio

Classes = npt.NDArray[np.uint8]
"""uint8 (H, W), values of LandClass; 255 where unsure or not seen."""
Confusion = npt.NDArray[np.int64]
"""int64 (..., 6, 6), labelled pixels by labelled class and by called class."""
N = len(LandClass)


def confusion(truth: Classes, called: Classes) -> Confusion:
    """Pixels of every pair of labelled and called class, int64 (6, 6); unsure pixels are not counted."""
    known = truth != NOT_OBSERVED
    pair = truth[known].astype(np.int64) * N + called[known]
    return np.bincount(pair, minlength=N * N).reshape(N, N).astype(np.int64)


def class_scores(counts: Confusion, block: Sequence[str]) -> tuple[ClassScore, ...]:
    """IoU, F1, precision and recall of every class.

    Args:
        counts: int64 (images, 6, 6).
        block: the block of each image.
    """
    return tuple(_class_score(counts, block, c) for c in LandClass)


def _class_score(counts: Confusion, block: Sequence[str], land_class: LandClass) -> ClassScore:
    hits, labelled, named = counts[:, land_class, land_class], counts[:, land_class].sum(axis=1), counts[:, :, land_class].sum(axis=1)
    return ClassScore(
        land_class=land_class.name.lower(),
        iou=ratio(hits, labelled + named - hits, block),
        f1=ratio(2 * hits, labelled + named, block),
        precision=ratio(hits, named, block),
        recall=ratio(hits, labelled, block),
    )
