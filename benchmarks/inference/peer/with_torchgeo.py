"""torchgeo: the loop of its tutorials, RasterDataset, GridGeoSampler and a DataLoader; it ships no function that makes a mask."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import torch
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler

PACKAGES = ("torchgeo", "torch", "rasterio", "numpy")
CHIP_PX, BATCH = 256, 16


def load(network: Path, *, precision: str, threads: int, scratch: Path) -> Callable[[Path], np.ndarray]:
    """Adapted: labels are put in place here, by the bounds that each sample brings. Chips do not overlap, so their seams stay."""
    del precision, scratch
    torch.set_num_threads(threads)
    model = torch.jit.load(network)

    def labels(image: Path) -> np.ndarray:
        with rasterio.open(image) as file:
            mask, corner, pixel_m = np.zeros(file.shape, np.uint8), file.transform @ (0, 0), file.res[0]
        dataset = RasterDataset(paths=[str(image)])
        loader = DataLoader(dataset, batch_size=BATCH, sampler=GridGeoSampler(dataset, size=CHIP_PX), collate_fn=stack_samples)
        for batch in loader:
            with torch.inference_mode():
                chosen = model(batch["image"]).argmax(dim=1).to(torch.uint8).numpy()
            for chip, (x, y, _) in zip(chosen, batch["bounds"], strict=True):
                _place(mask, chip, round((corner[1] - y.stop) / pixel_m), round((x.start - corner[0]) / pixel_m))
        return mask

    return labels


def _place(mask: np.ndarray, chip: np.ndarray, top: int, left: int) -> None:
    """Chips of the first column and the last row may reach beyond the image."""
    rows, columns = slice(max(0, top), top + chip.shape[0]), slice(max(0, left), left + chip.shape[1])
    inside = mask[rows, columns]
    from_top, from_left = rows.start - top, columns.start - left
    inside[:] = chip[from_top : from_top + inside.shape[0], from_left : from_left + inside.shape[1]]
