"""TerraTorch: its tiled_inference with its defaults, which its segmentation task calls the same way on a whole image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from terratorch.tasks.tiled_inference import tiled_inference

PACKAGES = ("terratorch", "torch", "rasterio", "numpy")


def load(network: Path, *, precision: str, threads: int, scratch: Path) -> Callable[[Path], np.ndarray]:
    """Adapted: the image is read by rasterio instead of a data module, which would read the same file the same way."""
    del precision, scratch
    torch.set_num_threads(threads)
    model = torch.jit.load(network)

    def labels(image: Path) -> np.ndarray:
        with rasterio.open(image) as file:
            pixels = torch.from_numpy(file.read().astype(np.float32))
        logits = tiled_inference(model, pixels.unsqueeze(0))
        chosen: np.ndarray = logits.argmax(dim=1)[0].to(torch.uint8).numpy()
        return chosen

    return labels
