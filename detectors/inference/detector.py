"""A trained U-Net as a Detector: pinned weights in, calibrated class probabilities out."""

from collections.abc import Callable
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from jagawana.detectors.decision import LIKELIEST
from jagawana.detectors.detector import DetectorSpec, Mask, Probabilities, Reflectance, StoredBytes, Window
from jagawana.detectors.history import STORED_CLASSES
from jagawana.detectors.inference.blocks import Stretch, blocks
from jagawana.detectors.inference.layers import Layers, shapes_of
from jagawana.detectors.inference.runtime import Precision, Runtime, Scaling, Spare
from jagawana.detectors.known_answer import known_window, same_answer
from jagawana.detectors.model_card import ModelCard, Normalisation
from jagawana.detectors.receptive import halo_px, margin_px
from jagawana.detectors.surroundings import REACH_PX, with_surroundings
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import ModelRef

MIN_SIDE_PX = 48
RuntimeOf = Callable[[Layers, Scaling, int], Runtime]
"""Makes the runtime of some layers, given the halo in px."""


class UNetDetector:
    """One network on one runtime. Windows go through it in blocks that overlap by the halo, so nothing depends on how they are cut."""

    def __init__(self, layers: Layers, card: ModelCard, runtime_of: RuntimeOf, *, precision: Precision) -> None:
        self._card, self._grid_px = card, 2**layers.poolings
        self._halo_px, self._margin_px = halo_px(layers.poolings), margin_px(self._grid_px)
        self._runtime = runtime_of(layers, _scaling(card.normalisation, card.temperature), self._halo_px)
        self._spec = _spec(card, runtime=self._runtime.name, precision=precision, halo=_window_halo_px(layers, card))

    @classmethod
    def from_weights(cls, weights: bytes, card: ModelCard, runtime_of: RuntimeOf, *, precision: Precision) -> Self:
        """Build the network and check that it answers the known window as it did when it was trained.

        Args:
            weights: a safetensors file; nothing in it can run.
            card: the card that pins it.
            runtime_of: see `choosing.runtime_of`.
            precision: of the runtime; part of the fingerprint.

        Raises:
            DataError: MODEL_INVALID when the bytes are not the pinned ones, do not fit the network or give other answers.
        """
        detector = cls(_layers(weights, card), card, runtime_of, precision=precision)
        detector.check()
        return detector

    @property
    def spec(self) -> DetectorSpec:
        """What it reads, and its fingerprint."""
        return self._spec

    def check(self) -> None:
        """Ask for the known answer again; memory and devices fail while a service runs.

        Raises:
            DataError: MODEL_INVALID.
        """
        same_answer(self(*known_window(self._card)), self._card)

    def __call__(self, reflectance: Reflectance, valid: Mask) -> Probabilities:
        """Class probabilities of one window; see detector.Detector.

        Raises:
            DataError: BANDS_MISMATCH or GRID_UNSUPPORTED for a window this network does not read,
                MODEL_INVALID when the network answers with something that is not a number.
        """
        _check_window(reflectance, valid, bands=len(self._card.bands))
        seen = valid & np.isfinite(reflectance).all(axis=0)
        whole, channels = (slice(0, valid.shape[0]), slice(0, valid.shape[1])), self._channels(reflectance, seen)
        probabilities = np.empty((len(self._card.classes), *valid.shape), np.float32)
        for rows, columns in self._blocks(valid.shape, whole):
            answer = self._runtime.probabilities(*_block(channels, seen, rows, columns))
            probabilities[:, rows.kept, columns.kept] = answer[:, _inner(rows), _inner(columns)]
        if not np.isfinite(probabilities[0]).all():
            raise DataError(ErrorCode.MODEL_INVALID, f"{self._card.model_id} answered with not-a-number; weights or device are damaged")
        return probabilities

    def stored(self, window: Window) -> StoredBytes:
        """What an observation keeps of a window; see detector.Detector. Blocks without a clear pixel never reach the network.

        Raises:
            DataError: as for a call.
        """
        _check_window(window.reflectance, window.valid, bands=len(self._card.bands))
        top, left = window.keep[0].start, window.keep[1].start
        wanted = window.clear[window.keep]
        kept = np.zeros((len(STORED_CLASSES), *wanted.shape), np.uint8)
        channels = self._channels(window.reflectance, window.valid & window.clear) if wanted.any() else window.reflectance
        for rows, columns in self._blocks(window.valid.shape, window.keep):
            place = slice(rows.kept.start - top, rows.kept.stop - top), slice(columns.kept.start - left, columns.kept.stop - left)
            clear = wanted[place]
            if clear.any():
                block = _block(channels, window.valid, rows, columns)
                np.multiply(self._runtime.stored(*block, Spare(*rows.spare, *columns.spare)), clear, out=kept[:, place[0], place[1]])
        return kept

    def _channels(self, reflectance: Reflectance, seen: Mask) -> Reflectance:
        return with_surroundings(reflectance, seen) if self._card.normalisation.surroundings else reflectance

    def _blocks(self, shape: tuple[int, ...], keep: tuple[slice, slice]) -> list[tuple[Stretch, Stretch]]:
        height, width = shape
        return list(blocks((height, width), keep, halo_px=self._halo_px, margin_px=self._margin_px, grid_px=self._grid_px))


def _block(channels: Reflectance, valid: Mask, rows: Stretch, columns: Stretch) -> tuple[Reflectance, Mask]:
    """The pixels of a block as the network sees them, and which of them were seen."""
    part = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
    pixels, seen = channels[:, part[0], part[1]], valid[part]
    if any(rows.mirror + columns.mirror):
        pixels = np.pad(pixels, ((0, 0), rows.mirror, columns.mirror), mode="reflect")
        seen = np.pad(seen, (rows.mirror, columns.mirror), mode="reflect")
    return pixels, seen


def _inner(stretch: Stretch) -> slice:
    return slice(stretch.spare[0], stretch.length - stretch.spare[1])


def _layers(weights: bytes, card: ModelCard) -> Layers:
    if sha256_of(weights) != card.sha256:
        raise DataError(ErrorCode.MODEL_INVALID, f"the weights of {card.model_id} are not the pinned ones (SHA-256 differs); install again")
    try:
        state = load_safetensors(weights)
    except (SafetensorError, KeyError, ValueError) as error:
        raise _unfit(card, str(error)) from error
    shapes = shapes_of(
        bands=card.normalisation.channels, classes=len(card.classes), base=card.architecture.base, poolings=card.architecture.poolings
    )
    wrong = [name for name, shape in shapes.items() if name not in state or state[name].shape != shape or state[name].dtype != np.float32]
    if wrong:
        found = f"{state[wrong[0]].dtype} {state[wrong[0]].shape}" if wrong[0] in state else "missing"
        raise _unfit(card, f"{wrong[0]} is {found} where {shapes[wrong[0]]} belongs; {len(wrong)} of {len(shapes)} arrays are wrong")
    return Layers.of(state, card.architecture.poolings)


def _unfit(card: ModelCard, why: str) -> DataError:
    return DataError(ErrorCode.MODEL_INVALID, f"the weights of {card.model_id} do not fit its card ({why[:200]}); install again")


def _scaling(normalisation: Normalisation, temperature: float) -> Scaling:
    mean, std = np.array(normalisation.mean, np.float32), np.array(normalisation.std, np.float32)
    if normalisation.surroundings:
        mean, std = np.concatenate([mean, np.zeros_like(mean)]), np.concatenate([std, std])
    return Scaling(mean, std, temperature)


def _window_halo_px(layers: Layers, card: ModelCard) -> int:
    """What the network looks at, and what that is compared with."""
    return halo_px(layers.poolings, beyond_px=REACH_PX if card.normalisation.surroundings else 0)


def _spec(card: ModelCard, *, runtime: str, precision: Precision, halo: int) -> DetectorSpec:
    name = f"{card.model_id}-{card.version}/{card.sha256[:8]}/{precision}/{runtime}/halo{halo}/norm{card.normalisation_id}"
    return DetectorSpec(
        ref=ModelRef(model_id=card.model_id, sha256=card.sha256, fingerprint=name),
        bands=card.bands,
        min_resolution_m=card.min_resolution_m,
        max_resolution_m=card.max_resolution_m,
        halo_px=halo,
        calibrated=card.calibrated,
        decision=card.decision.decision if card.decision else LIKELIEST,
    )


def _check_window(reflectance: Reflectance, valid: Mask, *, bands: int) -> None:
    if reflectance.ndim != 3 or reflectance.shape[0] != bands:
        raise DataError(ErrorCode.BANDS_MISMATCH, f"a window of shape {reflectance.shape} where ({bands}, H, W) is read")
    if reflectance.shape[1:] != valid.shape:
        raise DataError(ErrorCode.GRID_MISMATCH, f"window {reflectance.shape[1:]} and valid mask {valid.shape} differ")
    if min(valid.shape) < MIN_SIDE_PX:
        raise DataError(ErrorCode.GRID_UNSUPPORTED, f"a window of {valid.shape} px; at least {MIN_SIDE_PX} by {MIN_SIDE_PX} is needed")
