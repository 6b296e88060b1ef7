"""What is known of a network, as data: what it reads, what it was trained on, how well it does where, and what it cannot do."""

from typing import Annotated

from pydantic import Field, ValidationError

from jagawana.detectors.decision import Decision
from jagawana.schemas.base import Model, Sha256
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of

Share = Annotated[float, Field(ge=0, le=1)]


class Architecture(Model):
    """The arguments of unet.UNet that the weights belong to."""

    base: int = Field(ge=1, description="channels of the first level")
    poolings: int = Field(ge=1, le=5, description="how often a window is halved")


class Normalisation(Model):
    """Reflectance minus mean over std, per band, with fixed numbers."""

    mean: tuple[float, ...] = Field(description="reflectance 0..1 per band, over the training images")
    std: tuple[float, ...] = Field(description="reflectance per band")
    surroundings: bool = Field(
        default=False, description="whether the network also reads every band less the mean of its surroundings, over the same std"
    )

    @property
    def channels(self) -> int:
        """How many the network reads."""
        return len(self.mean) * (2 if self.surroundings else 1)


class DecisionRule(Model):
    """How probabilities become one class per pixel in masks; see decision.Decision. Alerts come from the probabilities themselves."""

    bonus: tuple[float, ...] = Field(description="one per class, added to the logarithm of its probability before the largest wins")
    mining_peak: Share = Field(description="a patch of mining is one only if some pixel of it reaches this probability")
    road_peak: Share = Field(default=0.0, description="the same of roads")

    @property
    def decision(self) -> Decision:
        """The same, to decide with."""
        return Decision(self.bonus, self.mining_peak, self.road_peak)


class TrainingSource(Model):
    """Where training images came from."""

    name: str
    licence: str
    attribution: str | None = Field(default=None, description="whom to name, and how; none: not stated here")
    redistribution: bool | None = Field(default=None, description="whether the images may be passed on; none: not stated here")
    images: int = Field(ge=0, description="images of this source seen in training")
    remarks: str


class Split(Model):
    """Which places were used for what. Neighbouring images look alike, so whole 2-degree blocks go one way."""

    method: str
    folds: tuple[tuple[str, ...], ...] = Field(
        description="blocks of each fold; the figures of a fold are of a network that saw none of them"
    )


class Ratio(Model):
    """A share with what it is a share of, and its 95 % interval from resampling whole blocks."""

    share: Share | None = Field(description="none where there was nothing to count")
    n: int = Field(ge=0, description="denominator: pixels, images or events, as the name of the field says")
    low: Share | None = None
    high: Share | None = None


NOTHING = Ratio(share=None, n=0)
"""Where there was nothing to count, or nobody counted."""


class ClassScore(Model):
    """How one class fares, counted in labelled pixels."""

    land_class: str
    iou: Ratio = Field(description="intersection over union")
    f1: Ratio = Field(default=NOTHING, description="twice the intersection over labelled and called pixels together")
    precision: Ratio
    recall: Ratio


class ReliabilityBin(Model):
    """Pixels of about one probability of mining."""

    n: int = Field(ge=1, description="pixels")
    probability: Share = Field(description="mean of what was said")
    frequency: Share = Field(description="how many of them truly are mining")


class BlockScore(Model):
    """One block alone; the fields are those of the whole."""

    block: str
    images: int = Field(ge=0)
    mining_iou: Ratio
    mining_precision: Ratio
    mining_recall: Ratio
    road_completeness: Ratio
    road_correctness: Ratio
    images_without_mining_called: Ratio
    event_precision: Ratio
    event_recall: Ratio


class Evaluation(Model):
    """Figures of one detector on one set of images."""

    data: str
    images: int = Field(ge=0)
    pairs: int = Field(default=0, ge=0, description="places labelled at two dates; both are among the images")
    classes: tuple[ClassScore, ...]
    mean_iou: float | None = Field(description="over the classes present")
    confusion: tuple[tuple[int, ...], ...] = Field(default=(), description="pixels: a row per labelled class, a column per called one")
    road_precision_2px: Ratio = Field(description="of pixels called road, within 2 px of a labelled road")
    road_recall_2px: Ratio = Field(description="of labelled road pixels, within 2 px of a pixel called road")
    road_correctness: Ratio = Field(default=NOTHING, description="of metres of called centre-line, within 2 px of a labelled one")
    road_completeness: Ratio = Field(default=NOTHING, description="of metres of labelled centre-line, within 2 px of a called one")
    images_without_mining_called: Ratio = Field(description="of images labelled free of mining: with 0.1 ha or more called mining")
    mining_images_found: Ratio = Field(description="of images with 0.1 ha of labelled mining or more: with 0.1 ha or more called mining")
    event_precision: Ratio = Field(description="of pairs where 0.3 ha or more turned to mining as called: truly so")
    event_recall: Ratio = Field(description="of pairs where 0.3 ha or more truly turned to mining: called so")
    unchanged_pairs_with_event: Ratio = Field(description="of pairs labelled as unchanged: with such an event called")
    new_mining_iou: Ratio = Field(default=NOTHING, description="of pixels that turned to mining, truly or as called: both")
    new_mining_precision: Ratio = Field(default=NOTHING, description="of pixels that turned to mining as called: truly so")
    new_mining_recall: Ratio = Field(default=NOTHING, description="of pixels that truly turned to mining: called so")
    patch_precision: Ratio = Field(default=NOTHING, description="of connected new mining of 0.3 ha as called: touching true new mining")
    patch_recall: Ratio = Field(default=NOTHING, description="of connected true new mining of 0.3 ha: touching called new mining")
    new_road_precision_2px: Ratio = Field(default=NOTHING, description="of pixels called new road, within 2 px of a true new road")
    new_road_recall_2px: Ratio = Field(default=NOTHING, description="of true new road pixels, within 2 px of one called new road")
    new_road_correctness: Ratio = Field(
        default=NOTHING, description="as road_correctness, of road more than 2 px from any at the first date"
    )
    new_road_completeness: Ratio = Field(default=NOTHING, description="as road_completeness, of the same")
    road_event_precision: Ratio = Field(
        default=NOTHING, description="of pairs with 200 m (below 8 m pixels 150 m) of called new road: truly so"
    )
    road_event_recall: Ratio = Field(default=NOTHING, description="of pairs with as much true new road: called so")
    unchanged_pairs_with_road_event: Ratio = Field(
        default=NOTHING, description="of pairs labelled as unchanged: with as much called new road"
    )
    flipped: Ratio = Field(default=NOTHING, description="of pixels labelled alike at both dates: called differently")
    calibration_error: float | None = Field(description="expected calibration error of the mining probability, 10 bins")
    reliability: tuple[ReliabilityBin, ...] = Field(default=(), description="its curve, from low to high probability")
    blocks: tuple[BlockScore, ...] = Field(default=(), description="each block alone, where blocks hold more than one place")


class KnownAnswer(Model):
    """A made-up window and what the network says of it: shows that this machine computes what the training machine did."""

    seed: int
    size_px: int = Field(ge=48)
    classes: str = Field(pattern=r"^[0-9-]+$", description="class of every pixel, one digit each, row by row; - where it was close")
    pixels: tuple[tuple[int, int], ...] = Field(description="row, column of the pixels whose probabilities are kept")
    probabilities: tuple[tuple[float, ...], ...] = Field(description="per kept pixel, in the order of the classes")


class ModelCard(Model):
    """One network. The weights file stands beside it and must have this `sha256`."""

    model_id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    version: str
    sha256: Sha256
    architecture: Architecture
    bands: tuple[str, ...] = Field(description="STAC common names, in the order of the first axis")
    min_resolution_m: float = Field(gt=0)
    max_resolution_m: float = Field(gt=0)
    classes: tuple[str, ...]
    normalisation: Normalisation
    temperature: float = Field(default=1.0, gt=0, description="logits are divided by it")
    calibrated: bool = Field(description="whether probabilities were fitted to frequencies on places the network did not learn from")
    decision: DecisionRule | None = Field(default=None, description="none: the likeliest class wins")
    sources: tuple[TrainingSource, ...]
    split: Split
    test: Evaluation | None = Field(description="on the test blocks")
    baseline: Evaluation | None = Field(description="the spectral detector on the same test blocks")
    simulated: Evaluation | None = Field(description="on simulated chips of seeds never trained on; says nothing of real ones")
    seed: int
    command: str
    limits: tuple[str, ...]
    known_answer: KnownAnswer

    @property
    def normalisation_id(self) -> str:
        """Eight digits that change with anything done to reflectance or logits outside the weights."""
        done = self.normalisation
        return sha256_of([list(done.mean), list(done.std), done.surroundings, self.temperature])[:8]


def read_card(text: str | bytes, *, name: str) -> ModelCard:
    """A card from its JSON.

    Raises:
        DataError: MODEL_INVALID when it is not a card, or its parts contradict each other.
    """
    try:
        card = ModelCard.model_validate_json(text)
    except ValidationError as error:
        raise DataError(
            ErrorCode.MODEL_INVALID, f"{name} is not a model card ({error.errors()[0]['loc']}: {error.errors()[0]['msg']}); install again"
        ) from error
    lengths = {len(card.bands), len(card.normalisation.mean), len(card.normalisation.std)}
    answer = card.known_answer
    if len(lengths) != 1 or len(answer.classes) != answer.size_px**2 or len(answer.pixels) != len(answer.probabilities):
        raise DataError(ErrorCode.MODEL_INVALID, f"{name}: bands, normalisation or known answer do not fit together; install again")
    if min(card.normalisation.std) <= 0 or card.min_resolution_m > card.max_resolution_m:
        raise DataError(ErrorCode.MODEL_INVALID, f"{name}: standard deviation or resolution range makes no sense; install again")
    return card
