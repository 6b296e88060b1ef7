"""Answers to masks: NAME.mask.tif beside each chip that somebody has answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.labelling.answer import Answer, ImageAnswer
from jagawana.detectors.labelling.masks import mask_of, problems
from jagawana.schemas.envelope import read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelling.chips import SCHEMA, WORK
from jagawana.services.labelling.rasters import write_layer
from jagawana.services.labelling.sources import Image, Pixels, Window
from jagawana.services.raster.decoding import Decoder, DecoderLimits, decoder
from jagawana.services.settings import Settings

Numbers = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Rasterised:
    """What came of a folder: pixels of each class by image, and the images that nobody has answered yet."""

    pixels: Mapping[str, Mapping[str, int]]
    unanswered: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"masks": self.pixels, "total": self.total(), "unanswered": list(self.unanswered)}

    def total(self) -> dict[str, int]:
        """Pixels of each class in all masks."""
        return {word: sum(one[word] for one in self.pixels.values()) for word in _words()}


@dataclass(frozen=True)
class _Chip:
    """One image and what was said of it."""

    path: Path
    answer: ImageAnswer
    segments: Numbers
    pixels: Pixels

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def mask_path(self) -> Path:
        return self.path.with_suffix(".mask.tif")

    def problems(self) -> list[str]:
        return problems(self.answer, self.segments, self.pixels.observed)


def rasterise(folder: Path, settings: Settings) -> Rasterised:
    """Write the masks of all answers of a folder; no mask at all when one answer is wrong.

    Raises:
        DataError: ASSET_MISSING where no answers are, LABELS_INVALID with every problem of every answer.
    """
    forms = sorted(p for p in (folder / WORK).glob("*.json") if p.name != SCHEMA)
    if not forms:
        raise DataError(ErrorCode.ASSET_MISSING, f"no answers in {folder / WORK}; `jagawana label pictures … --out {folder}` makes them")
    chips, wrong = list[_Chip](), list[str]()
    for form in forms:
        try:
            chips += (found := _chips(form, folder, settings))
            wrong += [f"{form.name}: images.{chip.name}.{problem}" for chip in found for problem in chip.problems()]
        except DataError as e:
            wrong.append(e.detail)
    if wrong:
        raise DataError(ErrorCode.LABELS_INVALID, "\n  ".join([f"mend the answers and run again; {len(wrong)} found:", *wrong]))
    empty = [chip for chip in chips if chip.answer.is_empty]
    for chip in empty:
        chip.mask_path.unlink(missing_ok=True)  # of an answer that was taken back
    return Rasterised({chip.name: _mask(chip) for chip in chips if not chip.answer.is_empty}, tuple(chip.name for chip in empty))


def _mask(chip: _Chip) -> dict[str, int]:
    mask = mask_of(chip.answer, chip.segments, chip.pixels.observed)
    write_layer(chip.mask_path, mask, chip.pixels, nodata=NOT_OBSERVED)
    values = (*LandClass, NOT_OBSERVED)
    return {word: int((mask == value).sum()) for word, value in zip(_words(), values, strict=True)}


def _words() -> tuple[str, ...]:
    return (*(c.name.lower() for c in LandClass), "unsure")


def _chips(form: Path, folder: Path, settings: Settings) -> list[_Chip]:
    answer = _answer(form)
    _is_of_its_chip(answer, form, folder)
    numbers = folder / WORK / f"{form.stem}.segments.tif"
    paths = {p.name: p for p in (numbers, *(folder / f"{name}.tif" for name in answer.images))}
    if missing := [str(p) for p in paths.values() if not p.is_file()]:
        raise DataError(ErrorCode.ASSET_MISSING, f"{form.name}: {missing[0]} is missing; make the chip again")
    with decoder(paths, DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)) as pixels:
        segments = _segments(pixels, numbers.name)
        return [_chip(folder / f"{name}.tif", one, segments, pixels) for name, one in answer.images.items()]


def _is_of_its_chip(answer: Answer, form: Path, folder: Path) -> None:
    single = (folder / f"{form.stem}.tif").exists()
    expected = {form.stem} if single else {f"{form.stem}_t0", f"{form.stem}_t1"}
    if answer.chip != form.stem or set(answer.images) != expected:
        why = f"must be of chip {form.stem} and of images {', '.join(sorted(expected))}; leave names and file as they were made"
    elif answer.change and single:
        why = "change: one date cannot show any; leave it empty"
    elif "none" in answer.change and len(answer.change) > 1:
        why = "change: none stands alone"
    else:
        return
    raise DataError(ErrorCode.LABELS_INVALID, f"{form.name}: {why}")


def _chip(path: Path, answer: ImageAnswer, segments: Numbers, pixels: Decoder) -> _Chip:
    image = Image(path.name, pixels)
    if image.header.shape != segments.shape:
        raise DataError(ErrorCode.GRID_MISMATCH, f"{path.name} is no longer of the size of its segments; make the chip again")
    return _Chip(path, answer, segments, image.read(Window(0, 0, *segments.shape)))


def _segments(pixels: Decoder, name: str) -> Numbers:
    rows, columns = pixels.header(name).shape
    return np.asarray(pixels.read(name, bands=[1], window=(0, 0, rows, columns))[0], np.uint16)


def _answer(form: Path) -> Answer:
    try:
        return Answer.model_validate(read_object(form.read_bytes()))
    except ValidationError as e:
        said = "; ".join(f"{'.'.join(map(str, error['loc']))}: {_taught(dict(error))}" for error in e.errors())
        raise DataError(ErrorCode.LABELS_INVALID, f"{form.name}: {said}") from e
    except DataError as e:
        raise DataError(ErrorCode.LABELS_INVALID, f"{form.name}: {e.detail}") from e


def _taught(error: dict[str, Any]) -> str:
    """Pydantic's words, and what may have been meant."""
    known = re.findall("'([a-z_0-9]+)'", str(error.get("ctx", {}).get("expected", "")))
    meant = get_close_matches(str(error["input"]), known, n=1)
    return f"{error['msg']}, not {error['input']!r}" + (f"; {meant[0]} is meant" if meant else "")
