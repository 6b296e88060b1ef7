"""Chips, segment numbers and masks as GeoTIFF, all on the grid of the image they came from."""

import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from jagawana.services.labelling.sources import Pixels


def write_chip(path: Path, pixels: Pixels) -> None:
    """All bands as they were in the image, with their descriptions, scales and fill."""
    header = pixels.header
    _write(path, pixels.raw, header.epsg, pixels.transform, header.nodata, {
        "descriptions": tuple(d or None for d in header.descriptions), "scales": header.scales, "offsets": header.offsets,
    })  # fmt: skip


def write_layer(path: Path, values: npt.NDArray[np.unsignedinteger[Any]], on: Pixels, *, nodata: int) -> None:
    """Segment numbers or a mask, (H, W), on the grid of a chip."""
    _write(path, values[None], on.header.epsg, on.transform, nodata, {})


def _write(path: Path, pixels: npt.NDArray[Any], epsg: int | None, transform: Affine, nodata: float | None, more: dict[str, Any]) -> None:
    """Under another name first, so that a file is whole or is not there."""
    temporary = path.with_name(f".{path.name}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # an image without a place has chips without one
        with rasterio.open(
            temporary, "w", driver="GTiff", height=pixels.shape[1], width=pixels.shape[2], count=len(pixels), dtype=pixels.dtype,
            crs=None if epsg is None else f"EPSG:{epsg}", transform=transform, nodata=nodata, compress="deflate",
        ) as file:  # fmt: skip
            file.write(pixels)
            for name, value in more.items():
                setattr(file, name, value)
    temporary.replace(path)
