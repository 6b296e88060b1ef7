"""From counts to the figures of a model card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.model_card import BlockScore, Evaluation, Ratio
from jagawana.detectors.scoring.calibration import Reliability, calibration_error, curve, reliability
from jagawana.detectors.scoring.called import Called, Predict, called
from jagawana.detectors.scoring.changes import Dates, PairCounts, count_pair, pixels_of
from jagawana.detectors.scoring.intervals import Numbers, ratio
from jagawana.detectors.scoring.pixels import Classes, Confusion, class_scores, confusion
from jagawana.detectors.scoring.roads import RoadCounts, count_roads
from jagawana.detectors.training.labels import Images, Pairs

SHOWN_HA = 0.1
"""From here on an image counts as showing mining, or as called mining: 10 pixels at 10 m."""


class ImageCounts(NamedTuple):
    """One labelled image: `shown` and `alarm` say whether SHOWN_HA of mining or more is labelled, or called."""

    confusion: Confusion
    road: RoadCounts
    reliability: Reliability
    shown: bool
    alarm: bool

    @property
    def free(self) -> bool:
        """Whether something is labelled, and nothing of it mining."""
        return int(self.confusion[LandClass.MINING].sum()) == 0 < int(self.confusion.sum())


@dataclass
class Counts:
    """All that is kept of a set of images: an entry per image, and one per pair of them that was labelled at both dates."""

    images: list[ImageCounts] = field(default_factory=list)
    block: list[str] = field(default_factory=list)
    pairs: list[PairCounts] = field(default_factory=list)
    pair_block: list[str] = field(default_factory=list)
    unchanged: list[bool] = field(default_factory=list)

    def add(self, image: ImageCounts, block: str) -> None:
        """One more image."""
        self.images.append(image)
        self.block.append(block)

    def add_pair(self, pair: PairCounts, block: str, *, unchanged: bool) -> None:
        """One more pair; its two images are added on their own."""
        self.pairs.append(pair)
        self.pair_block.append(block)
        self.unchanged.append(unchanged)

    def of_block(self, block: str) -> "Counts":
        """The part that lies in one block."""
        images = [i for i, b in zip(self.images, self.block, strict=True) if b == block]
        pairs = [(p, u) for p, u, b in zip(self.pairs, self.unchanged, self.pair_block, strict=True) if b == block]
        return Counts(images, [block] * len(images), [p for p, _ in pairs], [block] * len(pairs), [u for _, u in pairs])


def count_image(truth: Classes, classes: Classes, mining: npt.NDArray[np.float32], *, resolution_m: float) -> ImageCounts:
    """Counts of one image; see Called for the arrays."""
    known, enough = truth != NOT_OBSERVED, pixels_of(SHOWN_HA, resolution_m)
    table = confusion(truth, classes)
    roads = [(of == LandClass.ROAD) & known for of in (truth, classes)]
    return ImageCounts(
        confusion=table,
        road=count_roads(*roads, resolution_m=resolution_m),
        reliability=reliability(mining[known], truth[known] == LandClass.MINING),
        shown=int(table[LandClass.MINING].sum()) >= enough,
        alarm=int(table[:, LandClass.MINING].sum()) >= enough,
    )


def evaluate_pairs(predict: Predict, pairs: Pairs, *, data: str) -> Evaluation:
    """All figures of the card on labelled pairs."""
    before, after = (called(predict, images, pairs.block) for images in (pairs.before, pairs.after))
    return evaluate_called(before, after, pairs.unchanged, data=data)


def evaluate_images(predict: Predict, images: Images, *, data: str) -> Evaluation:
    """The figures of single images; every image is its own block, and there is no change."""
    counts = Counts()
    _add_images(counts, called(predict, images, [str(i) for i in range(len(images))]))
    return evaluation(counts, data=data)


def evaluate_called(before: Called, after: Called, unchanged: npt.NDArray[np.bool_], *, data: str) -> Evaluation:
    """All figures of what was called on pairs, by one network or by several of which each called what it had not seen.

    Args:
        before, after: the same places in the same order.
        unchanged: bool (N,), the pairs labelled as without change.
        data: what the images are, in words.
    """
    counts = Counts()
    _add_images(counts, before)
    _add_images(counts, after)
    for i, block in enumerate(after.block):
        truth, said = Dates(before.truth[i], after.truth[i]), Dates(before.classes[i], after.classes[i])
        counts.add_pair(count_pair(truth, said, resolution_m=after.resolution_m), block, unchanged=bool(unchanged[i]))
    return evaluation(counts, data=data)


def evaluation(counts: Counts, *, data: str) -> Evaluation:
    """The figures; per block where a block holds more than one place."""
    tables = np.array([i.confusion for i in counts.images]).reshape(-1, len(LandClass), len(LandClass))
    classes = class_scores(tables, counts.block)
    ious = [c.iou.share for c in classes if c.recall.n and c.iou.share is not None]
    bins = np.sum([i.reliability for i in counts.images], axis=0) if counts.images else np.zeros((1, 3))
    return Evaluation(
        data=data,
        images=len(counts.images),
        pairs=len(counts.pairs),
        classes=classes,
        mean_iou=round(float(np.mean(ious)), 3) if ious else None,
        confusion=tuple(tuple(row) for row in tables.sum(axis=0).tolist()),
        **_road_figures([i.road for i in counts.images], counts.block),
        **_image_figures(counts),
        **_change_figures(counts),
        calibration_error=calibration_error(bins),
        reliability=curve(bins),
        blocks=_blocks(counts),
    )


def _road_figures(roads: Sequence[RoadCounts], block: Sequence[str]) -> dict[str, Ratio]:
    share = _sharing(lambda name: np.array([getattr(r, name) for r in roads]), block)
    return {
        "road_precision_2px": share("right_px", "called_px"),
        "road_recall_2px": share("found_px", "labelled_px"),
        "road_correctness": share("right_m", "called_m"),
        "road_completeness": share("found_m", "labelled_m"),
    }


def _image_figures(counts: Counts) -> dict[str, Ratio]:
    free, shown, alarm = (np.array([getattr(i, name) for i in counts.images], bool) for name in ("free", "shown", "alarm"))
    return {
        "images_without_mining_called": ratio(free & alarm, free, counts.block),
        "mining_images_found": ratio(shown & alarm, shown, counts.block),
    }


def _change_figures(counts: Counts) -> dict[str, Ratio]:
    """Of pairs; shares of nothing where there are none."""
    columns = {name: np.array([getattr(p, name) for p in counts.pairs], int) for name in PairCounts._fields if name != "road"}
    true, said, unchanged = columns["event"], columns["event_called"], np.array(counts.unchanged, int)
    road, road_said, quiet = columns["road_event"], columns["road_event_called"], unchanged * (1 - columns["road_event"])
    share = _sharing(columns.__getitem__, counts.pair_block)
    roads = _road_figures([p.road for p in counts.pairs], counts.pair_block)
    either = columns["new_px"] + columns["new_called_px"] - columns["new_both_px"]
    return {
        "event_precision": ratio(true * said, said, counts.pair_block),
        "event_recall": ratio(true * said, true, counts.pair_block),
        "unchanged_pairs_with_event": ratio(unchanged * (1 - true) * said, unchanged * (1 - true), counts.pair_block),
        "new_mining_iou": ratio(columns["new_both_px"], either, counts.pair_block),
        "new_mining_precision": share("new_both_px", "new_called_px"),
        "new_mining_recall": share("new_both_px", "new_px"),
        "patch_precision": share("patches_right", "patches_called"),
        "patch_recall": share("patches_found", "patches"),
        **{f"new_{name}": value for name, value in roads.items()},
        "road_event_precision": ratio(road * road_said, road_said, counts.pair_block),
        "road_event_recall": ratio(road * road_said, road, counts.pair_block),
        "unchanged_pairs_with_road_event": ratio(quiet * road_said, quiet, counts.pair_block),
        "flipped": share("flipped_px", "alike_px"),
    }


def _sharing(column: Callable[[str], Numbers], block: Sequence[str]) -> Callable[[str, str], Ratio]:
    return lambda top, bottom: ratio(column(top), column(bottom), block)


def _blocks(counts: Counts) -> tuple[BlockScore, ...]:
    places = len(counts.images) - len(counts.pairs)
    names = sorted(set(counts.block))
    return tuple(_block_score(name, counts.of_block(name)) for name in names) if 1 < len(names) < places else ()


def _block_score(name: str, counts: Counts) -> BlockScore:
    mining = class_scores(np.array([i.confusion for i in counts.images]), counts.block)[LandClass.MINING]
    roads, change, images = _road_figures([i.road for i in counts.images], counts.block), _change_figures(counts), _image_figures(counts)
    return BlockScore(
        block=name,
        images=len(counts.images),
        mining_iou=mining.iou,
        mining_precision=mining.precision,
        mining_recall=mining.recall,
        road_completeness=roads["road_completeness"],
        road_correctness=roads["road_correctness"],
        images_without_mining_called=images["images_without_mining_called"],
        event_precision=change["event_precision"],
        event_recall=change["event_recall"],
    )


def _add_images(counts: Counts, seen: Called) -> None:
    for truth, classes, mining, block in zip(seen.truth, seen.classes, seen.mining, seen.block, strict=True):
        counts.add(count_image(truth, classes, mining, resolution_m=seen.resolution_m), block)
