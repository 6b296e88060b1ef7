"""A folder of labelled images as pairs to learn from: every image is cut into chips, bands by their names."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED
from jagawana.detectors.model_card import TrainingSource
from jagawana.detectors.scoring.pixels import Classes
from jagawana.detectors.training.labels import BANDS, Images, Pairs
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelled.blocks import block_at
from jagawana.services.labelled.masks import read_mask
from jagawana.services.labelled.places import Labelled, Place, places_of
from jagawana.services.labelled.tables import MaskValues, Written, mask_values, written_blocks
from jagawana.services.labelled.terms import Terms, terms_of
from jagawana.services.labelling.sources import Image, Window
from jagawana.services.raster.decoding import DecoderLimits, decoder

RESOLUTION_M = (9.0, 11.0)
"""What both networks take for 10 m; images of 3 to 5 m would need a training scale of their own."""
Layers = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Dated:
    """A labelled image: `layers` float32 (B, H, W) by name, `truth` uint8 (H, W)."""

    bands: tuple[str, ...]
    layers: Layers
    truth: Classes
    block: str | None


@dataclass(frozen=True)
class Chip:
    """One window at two dates; of a place seen once the first date is empty."""

    reflectance: Layers
    labels: npt.NDArray[np.uint8]
    block: str
    unchanged: bool


def read_labelled_folder(folder: Path, *, chip_px: int, limits: DecoderLimits) -> Pairs:
    """Every place of a folder in chips; see docs/evaluation.md for its layout.

    Args:
        folder: NAME.tif with NAME.mask.tif, or NAME_t0 and NAME_t1 of both.
        chip_px: side of a chip.
        limits: of the decoder.

    Raises:
        DataError: the first file that cannot be learnt from, with what to do about it.
    """
    found, values, terms = places_of(folder), mask_values(folder), terms_of(folder)
    written = written_blocks(folder, frozenset(p.name for p in found.places))
    places = [(place, [_dated(one, values, limits) for one in place.dates]) for place in found.places]
    bands = tuple(b for b in BANDS if all(b in date.bands for _, dates in places for date in dates))
    chips = [chip for place, dates in places for chip in _chips(place, dates, written.get(place.name, Written()), bands, chip_px)]
    reflectance, labels = np.stack([c.reflectance for c in chips]), np.stack([c.labels for c in chips])
    before, after = (Images(reflectance[:, date], labels[:, date]) for date in (0, 1))
    unchanged = np.array([c.unchanged for c in chips])
    return Pairs(
        before, after, tuple(c.block for c in chips), unchanged, bands, (_source(folder, terms, places=len(places), chips=len(chips)),)
    )


def _source(folder: Path, terms: Terms, *, places: int, chips: int) -> TrainingSource:
    return TrainingSource(
        name=terms.name or folder.resolve().name,
        licence=terms.licence,
        attribution=terms.attribution,
        redistribution=terms.redistribution,
        images=2 * chips,
        remarks=f"{places} labelled places of the user's own",
    )


def _dated(labelled: Labelled, values: MaskValues, limits: DecoderLimits) -> Dated:
    with decoder({labelled.image.name: labelled.image, labelled.mask.name: labelled.mask}, limits) as pixels:
        image = Image(labelled.image.name, pixels)
        side = abs(image.header.transform.a)
        if image.header.epsg is not None and not RESOLUTION_M[0] <= side <= RESOLUTION_M[1]:
            raise DataError(
                ErrorCode.GRID_UNSUPPORTED, f"{labelled.image.name}: pixels of {side:g}; training reads 10 m in metres; resample the image"
            )
        truth = read_mask(labelled, pixels, image.header, values)
        layers = image.read(Window(0, 0, *image.header.shape)).reflectance()
        return Dated(tuple(layers), np.stack(list(layers.values())), truth, block_at(image.header))


def _chips(place: Place, dates: list[Dated], written: Written, bands: tuple[str, ...], chip_px: int) -> Iterator[Chip]:
    if len({date.truth.shape for date in dates}) > 1:
        names = " and ".join(d.image.name for d in place.dates)
        raise DataError(ErrorCode.GRID_MISMATCH, f"{names} are not on one grid; resample one to the other, or leave out _t0 and _t1")
    height, width = dates[0].truth.shape
    if min(height, width) < chip_px:
        raise DataError(ErrorCode.GRID_UNSUPPORTED, f"{place.name} is {height} x {width} px; at least {chip_px} x {chip_px} are needed")
    layers = [date.layers[[date.bands.index(b) for b in bands]] for date in dates]
    truth = [np.where(np.isnan(of).any(axis=0), NOT_OBSERVED, date.truth) for of, date in zip(layers, dates, strict=True)]
    if len(dates) == 1:
        layers, truth = [np.full_like(layers[0], np.nan), *layers], [np.full_like(truth[0], NOT_OBSERVED), *truth]
    whole, labels = np.stack(layers), np.stack(truth).astype(np.uint8)
    for row in _starts(height, chip_px):
        for column in _starts(width, chip_px):
            window = (..., slice(row, row + chip_px), slice(column, column + chip_px))
            if (labels[window] != NOT_OBSERVED).any():
                alike = len(dates) == 2 and _alike(labels[window]) if written.unchanged is None else written.unchanged
                yield Chip(whole[window], labels[window], written.block or dates[0].block or f"place {place.name}", alike)


def _alike(labels: npt.NDArray[np.uint8]) -> bool:
    """Whether no pixel that is sure at both dates has two classes."""
    sure = (labels != NOT_OBSERVED).all(axis=0)
    return bool((labels[0] == labels[1])[sure].all())


def _starts(length: int, chip_px: int) -> range:
    """Where chips begin; they lie side by side, and what is left over at the end is not used."""
    return range(0, length - chip_px + 1, chip_px)
