"""Images to cut chips from: which belong together as two dates of one place, and their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from affine import Affine

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelled.places import DATES, images_in, read_name
from jagawana.services.raster.bands import band_names, reflectance_scale
from jagawana.services.raster.decoding import Decoder, RasterHeader

NEEDED = ("blue", "green", "red", "nir")


@dataclass(frozen=True)
class Source:
    """One place: a single image, or two dates of it. `files` by the end of their name: "" or "_t0" and "_t1"."""

    name: str
    files: dict[str, Path]


def sources(given: Sequence[Path]) -> list[Source]:
    """The places in files and folders, by name.

    Raises:
        DataError: ASSET_MISSING when there is no image, or only one of a pair; SETTINGS_INVALID when two have one name.
    """
    files = [f for path in given for f in ([path] if path.is_file() else images_in(path))]
    if not files:
        raise DataError(ErrorCode.ASSET_MISSING, f"no GeoTIFF at {', '.join(map(str, given))}")
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        said = read_name(file.stem)
        name, ending = said.place, f"_{said.date}" if said.date else ""
        if ending in found.setdefault(name, {}) or (found[name] and "" in (ending, *found[name])):
            raise DataError(
                ErrorCode.SETTINGS_INVALID, f"{file} and {next(iter(found[name].values()))} would make chips of one name; rename one"
            )
        found[name][ending] = file
    for name, one in found.items():
        for ending in sorted({f"_{date}" for date in DATES} - set(one)) if "" not in one else ():
            there = next(iter(one.values())).name
            raise DataError(ErrorCode.ASSET_MISSING, f"{name}{ending}.tif is missing beside {there}; for one date leave out _t0 or _t1")
    return [Source(name, dict(sorted(one.items()))) for name, one in sorted(found.items())]


@dataclass(frozen=True)
class Window:
    """A part of an image, in its pixels."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Pixels:
    """What one image shows in a window, as it is in the file, (B, H, W), and how to read it."""

    raw: npt.NDArray[np.generic]
    header: RasterHeader
    names: tuple[str | None, ...]
    transform: Affine

    @property
    def observed(self) -> npt.NDArray[np.bool_]:
        """Where something was recorded in every known band: bool (H, W). Undeclared fill of integers is 0 in all bands."""
        known = self.raw[[n is not None for n in self.names]]
        if known.dtype.kind == "f":
            is_fill = ~np.isfinite(known) if self.header.nodata is None else ~np.isfinite(known) | (known == self.header.nodata)
            return np.asarray(~is_fill.any(axis=0))
        if self.header.nodata is not None:
            return np.asarray((known != self.header.nodata).all(axis=0))
        return np.asarray((known != 0).any(axis=0))

    def reflectance(self) -> dict[str, npt.NDArray[np.float32]]:
        """By STAC common name, float32 (H, W), NaN where nothing was recorded."""
        layers, observed = {}, self.observed
        for number, name in enumerate(self.names):
            if name is not None and name != "scl":
                scale, offset = reflectance_scale(self.header, number)
                layers[name] = np.where(observed, self.raw[number].astype(np.float32) * scale + offset, np.nan).astype(np.float32)
        return layers


class Image:
    """An open image."""

    def __init__(self, key: str, pixels: Decoder) -> None:
        self._pixels, self._key = pixels, key
        self.header = pixels.header(key)
        self.names = band_names(self.header, key)
        if missing := [b for b in NEEDED if b not in self.names]:
            raise DataError(ErrorCode.BANDS_MISSING, f"{key}: pictures also need {', '.join(missing)}")

    def read(self, window: Window) -> Pixels:
        """The pixels of a window, all bands."""
        w = window
        raw = self._pixels.read(
            self._key, bands=range(1, len(self.names) + 1), window=(w.row, w.column, w.rows, w.columns)
        )  # fmt: skip
        return Pixels(raw, self.header, self.names, self.header.transform @ Affine.translation(w.column, w.row))


def same_grid(images: Sequence[Image], files: Sequence[Path]) -> None:
    """Both dates of a pair lie pixel on pixel and have the same bands.

    Raises:
        DataError: GRID_MISMATCH or BANDS_MISMATCH.
    """
    first = images[0]
    for image, file in zip(images[1:], files[1:], strict=True):
        for what, mine, theirs, code in (
            ("coordinate system", first.header.epsg, image.header.epsg, ErrorCode.GRID_MISMATCH),
            ("size", first.header.shape, image.header.shape, ErrorCode.GRID_MISMATCH),
            ("position", first.header.transform, image.header.transform, ErrorCode.GRID_MISMATCH),
            ("bands", first.names, image.names, ErrorCode.BANDS_MISMATCH),
        ):
            if mine != theirs:
                raise DataError(code, f"{file.name} has another {what} than {files[0].name}; resample or cut both to one grid first")
