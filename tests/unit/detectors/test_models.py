import numpy as np
import pytest

from jagawana.detectors.classes import LandClass
from jagawana.detectors.known_answer import known_window, likeness
from jagawana.detectors.training.page import page
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.services.detect import models
from jagawana.services.detect.models import SHIPPED, choose_model, load_detector, read_model_card

SIX = {"blue", "green", "red", "nir", "swir16", "swir22"}
FOUR = {"blue", "green", "red", "nir"}


@pytest.mark.parametrize("model_id", SHIPPED)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_shipped_networks_answer_as_their_cards_say_with_room_to_spare(model_id: str, precision: str) -> None:
    card = read_model_card(model_id)
    detector = load_detector(model_id, device="cpu", precision=precision)
    assert detector.spec.bands == card.bands and detector.spec.ref.sha256 == card.sha256
    agreement, difference = likeness(detector(*known_window(card)), card.known_answer)
    assert agreement >= 0.998 and difference <= 0.015


@pytest.mark.parametrize("model_id", SHIPPED)
def test_known_answers_ask_something(model_id: str) -> None:
    digits = read_model_card(model_id).known_answer.classes
    called = [c for c in LandClass if digits.count(str(int(c))) > 40]
    assert len(called) >= 3 and digits.count("-") < 0.3 * len(digits)


@pytest.mark.parametrize("model_id", SHIPPED)
def test_cards_are_complete_and_their_pages_are_current(model_id: str) -> None:
    card = read_model_card(model_id)
    weights = models._packaged(f"{model_id}.safetensors")
    assert sha256_of(weights) == card.sha256 and len(weights) < 16_000_000
    assert card.calibrated and card.test is not None and card.baseline is not None and card.simulated is not None
    blocks = [block for fold in card.split.folds for block in fold]
    assert len(blocks) == len(set(blocks)) > 10
    assert models._packaged(f"{model_id}.md").decode() == page(card)


def test_the_network_is_quieter_than_the_spectral_baseline_on_the_test_blocks() -> None:
    card = read_model_card("s2")
    assert card.test is not None and card.baseline is not None
    assert card.test.mean_iou is not None and card.baseline.mean_iou is not None
    assert card.test.mean_iou > card.baseline.mean_iou + 0.05


@pytest.mark.parametrize(
    ("bands", "resolution_m", "expected"),
    [
        (SIX, 10.0, "s2"),
        (SIX | {"rededge071", "scl"}, 9.0, "s2"),
        (FOUR, 10.0, "rgbn"),
        (FOUR, 4.77, "rgbn"),
        (FOUR, 3.0, "rgbn"),
        (SIX, 5.0, "rgbn"),
    ],
)
def test_the_network_with_most_bands_that_reads_the_pixel_size_is_chosen(bands: set[str], resolution_m: float, expected: str) -> None:
    assert choose_model(bands, resolution_m) == expected


@pytest.mark.parametrize(
    ("bands", "resolution_m", "code"),
    [
        ({"red", "green", "blue"}, 10.0, ErrorCode.BANDS_MISSING),
        (set(), 10.0, ErrorCode.BANDS_MISSING),
        (SIX, 30.0, ErrorCode.GRID_UNSUPPORTED),
        (FOUR, 0.5, ErrorCode.GRID_UNSUPPORTED),
    ],
)
def test_scenes_no_network_reads_are_refused(bands: set[str], resolution_m: float, code: ErrorCode) -> None:
    with pytest.raises(DataError) as refused:
        choose_model(bands, resolution_m)
    assert refused.value.code == code


def test_a_spectral_detector_loads_by_name_and_an_unknown_model_does_not() -> None:
    assert load_detector("spectral-6").spec.ref.model_id == "spectral-6"
    with pytest.raises(DataError, match="rgbn") as refused:
        load_detector("resnet")
    assert refused.value.code == ErrorCode.SETTINGS_INVALID


def test_swapped_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = models._packaged
    swap = {"s2.safetensors": "rgbn.safetensors"}
    monkeypatch.setattr(models, "_packaged", lambda name: honest(swap.get(name, name)))
    with pytest.raises(DataError) as refused:
        load_detector("s2", device="cpu")
    assert refused.value.code == ErrorCode.MODEL_INVALID


def test_forest_is_background_and_a_bright_pit_with_ponds_in_it_is_found() -> None:
    detector = load_detector("s2", device="cpu", precision="fp32")
    rng = np.random.default_rng(0)
    forest = np.array([0.025, 0.045, 0.025, 0.29, 0.15, 0.065], np.float32)[:, None, None]
    window = forest * rng.normal(1, 0.05, (6, 160, 160)).astype(np.float32)
    quiet = detector(window, np.ones((160, 160), bool)).argmax(axis=0)
    assert (quiet == LandClass.BACKGROUND).mean() > 0.99
    pit = np.array([0.13, 0.18, 0.22, 0.28, 0.26, 0.17], np.float32)[:, None, None]
    window[:, 60:100, 60:100] = pit * rng.normal(1, 0.12, (6, 40, 40)).astype(np.float32)
    pond = np.array([0.09, 0.13, 0.12, 0.08, 0.03, 0.02], np.float32)[:, None, None]
    for row, column in ((64, 66), (72, 84), (84, 70), (90, 88), (66, 92)):
        window[:, row : row + 6, column : column + 5] = pond
    found = detector(window, np.ones((160, 160), bool)).argmax(axis=0) == LandClass.MINING
    assert found[65:95, 65:95].mean() > 0.5 and found[:50].mean() < 0.01
