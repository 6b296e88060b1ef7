"""A folder of labelled images: each through the detector, counted, and forgotten; only counts are kept."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jagawana.detectors.classes import LandClass
from jagawana.detectors.detector import DetectorSpec
from jagawana.detectors.model_card import Evaluation
from jagawana.detectors.scoring.changes import Dates, PairCounts, count_pair
from jagawana.detectors.scoring.evaluation import Counts, ImageCounts, count_image, evaluation
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.evaluation.dataset.looking import Looked, Looker
from jagawana.services.labelled.places import Labelled, Place, places_of
from jagawana.services.labelled.tables import Written, written_blocks

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImageScore:
    """One image. `mining_iou` is None where mining is neither labelled nor called."""

    labelled: Labelled
    block: str
    labelled_px: int
    mining_px: int
    called_mining_px: int
    mining_iou: float | None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"name": self.labelled.name} | {k: v for k, v in vars(self).items() if k != "labelled"}


@dataclass(frozen=True)
class DatasetScore:
    """How a detector did on a folder."""

    spec: DetectorSpec
    evaluation: Evaluation
    images: tuple[ImageScore, ...]
    unlabelled: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.spec.ref.model_dump(mode="json"),
            "evaluation": self.evaluation.model_dump(mode="json"),
            "images": [i.as_dict() for i in self.images],
            "unlabelled": list(self.unlabelled),
        }


def score_folder(folder: Path, looker: Looker, *, progress: Progress | None = None) -> DatasetScore:
    """Score every labelled image of a folder; see docs/evaluation.md for its layout.

    Raises:
        DataError: the first file that cannot be scored, with what to do about it.
    """
    found = places_of(folder)
    written = written_blocks(folder, frozenset(p.name for p in found.places))
    counts, images = Counts(), list[ImageScore]()
    for number, place in enumerate(found.places, 1):
        images += _count(place, written.get(place.name, Written()), looker, counts)
        if progress is not None:
            progress(number, len(found.places))
    data = f"{len(found.places)} places of {folder.resolve().name}, {len(set(counts.block))} blocks."
    return DatasetScore(looker.spec, evaluation(counts, data=data), tuple(images), found.unlabelled)


def _count(place: Place, written: Written, looker: Looker, counts: Counts) -> list[ImageScore]:
    dates = [looker.look(labelled) for labelled in place.dates]
    block = written.block or dates[0].block or f"place {place.name}"
    scores = []
    for labelled, look in zip(place.dates, dates, strict=True):
        image = count_image(look.truth, look.classes, look.mining, resolution_m=look.resolution_m)
        counts.add(image, block)
        scores.append(_image_score(labelled, block, image))
    if len(dates) == 2:
        pair = _pair(place, *dates)
        unchanged = _is_unchanged(pair) if written.unchanged is None else written.unchanged
        counts.add_pair(pair, block, unchanged=unchanged)
    return scores


def _pair(place: Place, before: Looked, after: Looked) -> PairCounts:
    if before.grid != after.grid:
        names = " and ".join(d.image.name for d in place.dates)
        raise DataError(ErrorCode.GRID_MISMATCH, f"{names} are not on one grid; resample one to the other, or leave out _t0 and _t1")
    truth, called = Dates(before.truth, after.truth), Dates(before.classes, after.classes)
    return count_pair(truth, called, resolution_m=after.resolution_m)


def _is_unchanged(pair: PairCounts) -> bool:
    """Where nobody says: no pixel is labelled as new mining or as new road."""
    return pair.new_px == 0 and pair.road.labelled_px == 0


def _image_score(labelled: Labelled, block: str, image: ImageCounts) -> ImageScore:
    table, mining = image.confusion, LandClass.MINING
    true, said, both = int(table[mining].sum()), int(table[:, mining].sum()), int(table[mining, mining])
    iou = round(both / (true + said - both), 3) if true + said else None
    return ImageScore(labelled, block, int(table.sum()), true, said, iou)
