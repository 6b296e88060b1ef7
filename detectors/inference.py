"""A trained U-Net as a Detector: pinned weights in, calibrated class probabilities out."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from jagawana.detectors.detector import DetectorSpec, Mask, Probabilities, Reflectance
from jagawana.detectors.known_answer import known_window, same_answer
from jagawana.detectors.model_card import ModelCard
from jagawana.detectors.unet import UNet, halo_px
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import ModelRef

Precision = Literal["fp32", "bf16"]
MIN_SIDE_PX = 48
BLOCK_PX = 640
"""A window wider than this goes through the network in overlapping blocks: a third faster than at once, because the activations
of a block stay near the processor, and memory no longer grows with the window. Blocks overlap by the halo, so nothing else changes."""


class UNetDetector:
    """One network on one device. Deterministic for a given window, device and number of threads."""

    def __init__(self, network: UNet, card: ModelCard, *, device: torch.device, precision: Precision) -> None:
        network.eval().fold_norms()
        self._dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._network = network.to(device=device, dtype=self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = device
        self._card = card
        self._mean = torch.tensor(card.normalisation.mean, device=device).view(-1, 1, 1)
        self._std = torch.tensor(card.normalisation.std, device=device).view(-1, 1, 1)
        self._spec = _spec(card, device=device, precision=precision)

    @classmethod
    def from_weights(cls, weights: bytes, card: ModelCard, *, device: str = "auto", precision: str = "auto") -> Self:
        """Build the network and check that it answers the known window as it did when it was trained.

        Args:
            weights: a safetensors file; nothing in it can run.
            card: the card that pins it.
            device: auto (CUDA where there is one), cpu, cuda or cuda:N.
            precision: auto (bf16 where the hardware multiplies it), fp32 or bf16.

        Raises:
            DataError: MODEL_INVALID when the bytes are not the pinned ones, do not fit the network or give other answers;
                SETTINGS_INVALID for a device or precision this machine does not have.
        """
        chosen = choose_device(device)
        detector = cls(_network(weights, card), card, device=chosen, precision=choose_precision(precision, chosen))
        same_answer(detector(*known_window(card)), card)
        return detector

    @property
    def spec(self) -> DetectorSpec:
        """What it reads, and its fingerprint."""
        return self._spec

    def __call__(self, reflectance: Reflectance, valid: Mask) -> Probabilities:
        """Class probabilities of one window; see detector.Detector.

        Raises:
            DataError: BANDS_MISMATCH or GRID_UNSUPPORTED for a window this network does not read,
                MODEL_INVALID when the network answers with something that is not a number.
        """
        _check_window(reflectance, valid, bands=len(self._card.bands))
        probabilities = np.empty((len(self._card.classes), *valid.shape), np.float32)
        for rows in blocks(valid.shape[0], halo_px=self._spec.halo_px, grid_px=self._network.grid_px):
            for columns in blocks(valid.shape[1], halo_px=self._spec.halo_px, grid_px=self._network.grid_px):
                block = self._block(reflectance[:, rows.read, columns.read], valid[rows.read, columns.read])
                probabilities[:, rows.write, columns.write] = block[:, rows.inner, columns.inner]
        if not np.isfinite(probabilities[0]).all():
            raise DataError(ErrorCode.MODEL_INVALID, f"{self._card.model_id} answered with not-a-number; weights or device are damaged")
        return probabilities

    def _block(self, reflectance: Reflectance, valid: Mask) -> Probabilities:
        with torch.inference_mode():
            logits = self._network(self._normalised(reflectance, valid))[0].float() / self._card.temperature
            probabilities: Probabilities = torch.softmax(logits, dim=0).cpu().numpy()
        return probabilities

    def _normalised(self, reflectance: Reflectance, valid: Mask) -> torch.Tensor:
        """(1, B, H, W), channels last; what was not seen becomes the mean of the training images, which is zero."""
        pixels = torch.from_numpy(np.ascontiguousarray(reflectance, dtype=np.float32)).to(self._device)
        seen = torch.from_numpy(np.ascontiguousarray(valid)).to(self._device)
        scaled = (pixels - self._mean) / self._std
        scaled = torch.where(seen & torch.isfinite(scaled), scaled, 0.0)
        return scaled.unsqueeze(0).to(dtype=self._dtype, memory_format=torch.channels_last)


@dataclass(frozen=True)
class Block:
    """One stretch of a window along one axis: what is read, what of it is kept (`inner`), and where that is written."""

    read: slice
    inner: slice
    write: slice


def blocks(length: int, *, halo_px: int, grid_px: int) -> list[Block]:
    """Cut one axis of a window into stretches of equal length, on the pooling grid, each read with its halo.

    Args:
        length: of the axis in px.
        halo_px: read on both sides, where the window reaches so far; a multiple of `grid_px`.
        grid_px: origins are multiples of it, else the poolings would fall on other pixels than without blocks.
    """
    count = max(1, round(length / BLOCK_PX))
    core = -(-length // (count * grid_px)) * grid_px
    result = []
    for start in range(0, length, core):
        stop = min(start + core, length)
        low, high = max(0, start - halo_px), min(length, stop + halo_px)
        result.append(Block(slice(low, high), slice(start - low, stop - low), slice(start, stop)))
    return result


def choose_device(device: str) -> torch.device:
    """`auto` is CUDA where there is one.

    Raises:
        DataError: SETTINGS_INVALID when the device is unknown or not in this machine.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device != "cpu" and not (device.split(":")[0] == "cuda" and torch.cuda.is_available()):
        raise DataError(
            ErrorCode.SETTINGS_INVALID, f"device {device!r}: this machine offers {'cpu, cuda' if torch.cuda.is_available() else 'cpu'}"
        )
    return torch.device(device)


def choose_precision(precision: str, device: torch.device) -> Precision:
    """`auto` is bf16 where the hardware multiplies it (AVX-512 BF16 or AMX, CUDA from Ampere on), else fp32.

    Raises:
        DataError: SETTINGS_INVALID for anything but auto, fp32 and bf16.
    """
    if precision == "fp32":
        return "fp32"
    if precision == "bf16":
        return "bf16"
    if precision != "auto":
        raise DataError(ErrorCode.SETTINGS_INVALID, f"precision {precision!r}: choose auto, fp32 or bf16")
    return "bf16" if has_bf16(device) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 is computed by the hardware; emulated, it is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Private names of the pinned torch; an older or other build without them simply runs in fp32.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)


def _network(weights: bytes, card: ModelCard) -> UNet:
    if sha256_of(weights) != card.sha256:
        raise DataError(ErrorCode.MODEL_INVALID, f"the weights of {card.model_id} are not the pinned ones (SHA-256 differs); install again")
    network = UNet(bands=len(card.bands), classes=len(card.classes), base=card.architecture.base, poolings=card.architecture.poolings)
    try:
        network.load_state_dict(load_safetensors(weights))
    except (SafetensorError, RuntimeError) as error:
        raise DataError(
            ErrorCode.MODEL_INVALID, f"the weights of {card.model_id} do not fit its card ({str(error)[:200]}); install again"
        ) from error
    return network


def _spec(card: ModelCard, *, device: torch.device, precision: Precision) -> DetectorSpec:
    halo = halo_px(card.architecture.poolings)
    runtime = f"torch{torch.__version__.split('+')[0]}-{device.type}"
    name = f"{card.model_id}-{card.version}/{card.sha256[:8]}/{precision}/{runtime}/halo{halo}/norm{card.normalisation_id}"
    return DetectorSpec(
        ref=ModelRef(model_id=card.model_id, sha256=card.sha256, fingerprint=name),
        bands=card.bands,
        min_resolution_m=card.min_resolution_m,
        max_resolution_m=card.max_resolution_m,
        halo_px=halo,
        calibrated=card.calibrated,
    )


def _check_window(reflectance: Reflectance, valid: Mask, *, bands: int) -> None:
    if reflectance.ndim != 3 or reflectance.shape[0] != bands:
        raise DataError(ErrorCode.BANDS_MISMATCH, f"a window of shape {reflectance.shape} where ({bands}, H, W) is read")
    if reflectance.shape[1:] != valid.shape:
        raise DataError(ErrorCode.GRID_MISMATCH, f"window {reflectance.shape[1:]} and valid mask {valid.shape} differ")
    if min(valid.shape) < MIN_SIDE_PX:
        raise DataError(ErrorCode.GRID_UNSUPPORTED, f"a window of {valid.shape} px; at least {MIN_SIDE_PX} by {MIN_SIDE_PX} is needed")
