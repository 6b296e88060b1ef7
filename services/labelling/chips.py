"""Chips: cut from images, with a picture to look at, numbered segments, and a form for the answer.

OUT/NAME.tif                     the chip, or NAME_t0.tif and NAME_t1.tif
OUT/labelling/NAME.png           the picture
OUT/labelling/NAME.json          the answer, to be filled in
OUT/labelling/NAME.segments.tif  the numbers of the picture
OUT/labelling/answer.schema.json what an answer may say
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.labelling.answer import Answer
from jagawana.detectors.labelling.picture import picture
from jagawana.detectors.labelling.segments import segments
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelling.rasters import write_chip, write_layer
from jagawana.services.labelling.sources import Image, Pixels, Source, Window, same_grid, sources
from jagawana.services.raster.decoding import DecoderLimits, decoder
from jagawana.services.settings import Settings

WORK, SCHEMA = "labelling", "answer.schema.json"
LEAST_PX, MOST_PX = 48, 256
"""Sides of a chip: what a network is trained on at least, and what a picture can still show."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ChipPlan:
    """How images are cut. `most` chips an image at most, spread evenly over it."""

    chip_px: int = LEAST_PX
    about_segments: int = 64
    most: int = 100


def make_chips(given: Sequence[Path], out: Path, plan: ChipPlan, settings: Settings, progress: Progress | None = None) -> list[str]:
    """Write chips, pictures and empty answers; returns the names of the chips. Chips without any data are left out.

    Raises:
        DataError: what is wrong with an image or a pair; SETTINGS_INVALID when a chip of that name is in OUT already.
    """
    found = sources(given)
    work = out / WORK
    work.mkdir(parents=True, exist_ok=True)
    made: list[str] = []
    for number, source in enumerate(found, 1):
        with _opened(source, settings) as images:
            for name, window in _chips(source.name, images[0].header.shape, plan):
                dates = {ending: image.read(window) for ending, image in zip(source.files, images, strict=True)}
                if any(pixels.observed.any() for pixels in dates.values()):
                    _write(name, dates, out, plan)
                    made.append(name)
        if progress is not None:
            progress(number, len(found))
    if not made:
        raise DataError(ErrorCode.NO_VALID_PIXELS, f"nothing but fill in {', '.join(s.name for s in found)}")
    (work / SCHEMA).write_text(json.dumps(Answer.model_json_schema(by_alias=True), indent=2) + "\n", encoding="utf-8")
    return made


@contextmanager
def _opened(source: Source, settings: Settings) -> Iterator[list[Image]]:
    paths = {file.name: file for file in source.files.values()}
    with decoder(paths, DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)) as pixels:
        images = [Image(key, pixels) for key in paths]
        same_grid(images, list(paths.values()))
        yield images


def _chips(name: str, shape: tuple[int, int], plan: ChipPlan) -> list[tuple[str, Window]]:
    """Chips of one size on a grid, a rest of a few pixels left out; a small image stays whole."""
    down, across = (_parts(side, plan.chip_px) for side in shape)
    rows, columns = shape[0] // down, shape[1] // across
    if down * across == 1:
        return [(name, Window(0, 0, *shape))]
    every = [(f"{name}_r{r:03d}c{c:03d}", Window(r * rows, c * columns, rows, columns)) for r in range(down) for c in range(across)]
    if len(every) <= plan.most:
        return every
    return [every[i] for i in np.linspace(0, len(every) - 1, plan.most).round().astype(int)]


def _parts(side: int, chip_px: int) -> int:
    return max(1, min(round(side / chip_px), side // LEAST_PX))


def _write(name: str, dates: dict[str, Pixels], out: Path, plan: ChipPlan) -> None:
    """The answer last: where it is, all of the chip is."""
    work, first = out / WORK, next(iter(dates.values()))
    answer = work / f"{name}.json"
    for there in (answer, *(out / f"{name}{ending}.tif" for ending in dates)):
        if there.exists():
            raise DataError(ErrorCode.SETTINGS_INVALID, f"{there} is there already; give another --out, or move it away first")
    layers = {ending: pixels.reflectance() for ending, pixels in dates.items()}
    numbers = segments(np.stack([layer for one in layers.values() for layer in one.values()]), plan.about_segments)
    for ending, pixels in dates.items():
        write_chip(out / f"{name}{ending}.tif", pixels)
    write_layer(work / f"{name}.segments.tif", numbers, first, nodata=0)
    (work / f"{name}.png").write_bytes(picture(_titled(name, layers), numbers))
    empty = Answer.empty(name, tuple(f"{name}{ending}" for ending in dates))
    answer.write_text(_text(empty), encoding="utf-8")


def _titled(name: str, layers: dict[str, dict[str, npt.NDArray[np.float32]]]) -> dict[str, dict[str, npt.NDArray[np.float32]]]:
    return {f"{name}{ending}": one for ending, one in layers.items()}


def _text(answer: Answer) -> str:
    return json.dumps(answer.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False) + "\n"
