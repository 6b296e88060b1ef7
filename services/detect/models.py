"""The networks shipped with this package or kept beside it, and which of the shipped ones reads a scene."""

from collections.abc import Set
from importlib import resources
from pathlib import Path

from jagawana.detectors.detector import Detector
from jagawana.detectors.inference.choosing import choose
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.model_card import ModelCard, read_card
from jagawana.detectors.spectral import DEFINITIONS, spectral_detector
from jagawana.schemas.errors import DataError, ErrorCode

SHIPPED = ("s2", "rgbn")
"""In the order of preference: six bands say more than four."""


def load_detector(model_id: str, *, device: str = "auto", precision: str = "auto", runtime: str = "auto", threads: int = 0) -> Detector:
    """A network, checked against its card, or one of the weightless spectral detectors.

    Args:
        model_id: s2, rgbn, spectral-6 or spectral-4, or the path of a card that `jagawana train` wrote beside its weights.
        device: auto, cpu, cuda or cuda:N; a spectral detector has none.
        precision: auto, fp32 or bf16; a spectral detector has none.
        runtime: auto, openvino or torch; a spectral detector has none.
        threads: for the processor; 0 is all of them.

    Raises:
        DataError: SETTINGS_INVALID for an unknown model, device, precision or runtime; MODEL_INVALID for damaged weights or a
            machine that does not compute the known answer.
    """
    if model_id in DEFINITIONS:
        return spectral_detector(model_id)
    card = read_model_card(model_id)
    runtime_of, exact = choose(device, precision, runtime, threads=threads)
    weights = _own(Path(model_id).with_suffix(".safetensors")) if _is_path(model_id) else _packaged(f"{model_id}.safetensors")
    return UNetDetector.from_weights(weights, card, runtime_of, precision=exact)


def read_model_card(model_id: str) -> ModelCard:
    """The card of a shipped network, or of one at a path.

    Raises:
        DataError: SETTINGS_INVALID for an unknown model, MODEL_INVALID for a damaged card.
    """
    if _is_path(model_id):
        return read_card(_own(Path(model_id)), name=model_id)
    if model_id not in SHIPPED:
        there = ", ".join([*SHIPPED, *DEFINITIONS])
        raise DataError(ErrorCode.SETTINGS_INVALID, f"no model {model_id!r}; there are {there}, and cards by their path, e.g. out/s2.json")
    return read_card(_packaged(f"{model_id}.json"), name=f"{model_id}.json")


def choose_model(band_common_names: Set[str], resolution_m: float) -> str:
    """The shipped network that reads these bands at this pixel size, by STAC common names.

    Raises:
        DataError: BANDS_MISSING when no network reads these bands at any pixel size, GRID_UNSUPPORTED when one does, but not at this one.
    """
    cards = [read_model_card(model_id) for model_id in SHIPPED]
    readable = [card for card in cards if band_common_names >= set(card.bands)]
    if not readable:
        needed = "; or ".join(f"{', '.join(card.bands)} ({card.model_id})" for card in cards)
        raise DataError(ErrorCode.BANDS_MISSING, f"no model reads {', '.join(sorted(band_common_names)) or 'no bands'}; needed: {needed}")
    for card in readable:
        if card.min_resolution_m <= resolution_m <= card.max_resolution_m:
            return card.model_id
    ranges = "; ".join(f"{card.model_id} {card.min_resolution_m:g}-{card.max_resolution_m:g} m" for card in readable)
    raise DataError(ErrorCode.GRID_UNSUPPORTED, f"no model reads pixels of {resolution_m:g} m; there are {ranges}; resample the scene")


def _is_path(model_id: str) -> bool:
    return model_id.endswith(".json")


def _own(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{path}: {error.strerror}; a model is MODEL.json with MODEL.safetensors") from error


def _packaged(name: str) -> bytes:
    try:
        return resources.files("jagawana.detectors").joinpath("weights", name).read_bytes()
    except FileNotFoundError as error:
        raise DataError(ErrorCode.MODEL_INVALID, f"{name} is not in this installation; install the package again") from error
