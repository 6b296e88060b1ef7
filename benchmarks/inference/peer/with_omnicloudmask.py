"""OmniCloudMask: its predict_from_array with a custom model, which is what its documentation offers for networks of others."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from omnicloudmask import predict_from_array, raster_utils

PACKAGES = ("omnicloudmask", "torch", "rasterio", "numpy")
PATCH_PX = 1024
"""Instead of 1000, so that patches are whole steps of our network's pooling (8 px) apart; the overlap stays 300."""


def load(network: Path, *, precision: str, threads: int, scratch: Path) -> Callable[[Path], np.ndarray]:
    """Adapted: patches are not normalised by their own statistics, because our network's normalisation is fixed and inside it."""
    del precision, scratch  # it warns against anything but fp32 on a processor
    torch.set_num_threads(threads)
    raster_utils.channel_norm = _as_they_are
    model = torch.jit.load(network)

    def labels(image: Path) -> np.ndarray:
        with rasterio.open(image) as file:
            pixels = file.read()
        found: np.ndarray = predict_from_array(
            pixels, patch_size=PATCH_PX, inference_device="cpu", custom_models=model, pred_classes=6, no_data_value=0
        )
        return found[0]

    return labels


def _as_they_are(patch: np.ndarray, nodata_value: float | None = 0) -> np.ndarray:
    del nodata_value
    return patch.astype(np.float32)
