"""geo-inference: its GeoInference, as its README calls it, with its own patch size and worker count."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from geo_inference.geo_inference import GeoInference

PACKAGES = ("geo-inference", "torch", "dask", "rasterio", "numpy")
PATCH_PX, CLASSES = 1024, 6


def load(network: Path, *, precision: str, threads: int, scratch: Path) -> Callable[[Path], np.ndarray]:
    """Nothing is adapted: TorchScript is its own format, and it leaves numbers as they are in the file."""
    del precision  # it knows fp32 only
    torch.set_num_threads(threads)
    infer = GeoInference(model=str(network), work_dir=str(scratch), device="cpu", num_classes=CLASSES)

    def labels(image: Path) -> np.ndarray:
        # As many patches at a time as it chooses itself: the cores less one.
        name = infer(inference_input=str(image), bands_requested=[], patch_size=PATCH_PX, workers=0)
        with rasterio.open(scratch / name) as file:
            mask: np.ndarray = file.read(1)
        (scratch / name).unlink()
        return mask

    return labels
