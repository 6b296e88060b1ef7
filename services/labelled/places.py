"""Which files of a folder belong together: NAME.tif and NAME.mask.tif, for one date or for NAME_t0 and NAME_t1."""

import re
from dataclasses import dataclass
from pathlib import Path

from jagawana.schemas.errors import DataError, ErrorCode

DATES = ("t0", "t1")
MASK, PROBABILITIES = ".mask", ".prob"
_DATED = re.compile(rf"(.+)_({'|'.join(DATES)})")


@dataclass(frozen=True)
class Labelled:
    """An image and the mask that says what it shows; `name` is the image's file name without its ending."""

    name: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class Place:
    """One place: a labelled image, or two of the same ground, the earlier first."""

    name: str
    dates: tuple[Labelled, ...]


@dataclass(frozen=True)
class Folder:
    """What a dataset holds: its places by name, and the images that nobody labelled."""

    places: tuple[Place, ...]
    unlabelled: tuple[str, ...]


@dataclass(frozen=True)
class ImageName:
    """What an image's name says: its place, and which date of it, "t0" or "t1"; None for an image on its own."""

    place: str
    date: str | None


def read_name(stem: str) -> ImageName:
    """From a file name without its ending."""
    dated = _DATED.fullmatch(stem)
    return ImageName(dated[1], dated[2]) if dated else ImageName(stem, None)


def images_in(folder: Path) -> list[Path]:
    """The GeoTIFFs of a folder, by name; no masks, no probabilities, nothing hidden."""
    return [p for p in _geotiffs(folder) if not p.stem.endswith((MASK, PROBABILITIES))]


def _geotiffs(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("*") if p.suffix.lower() in (".tif", ".tiff") and not p.name.startswith("."))


def places_of(folder: Path) -> Folder:
    """Everything labelled in a folder; of a pair with one mask the labelled date is a place on its own.

    Raises:
        DataError: ASSET_MISSING when there is no folder, nothing labelled, or a mask without its image; SETTINGS_INVALID when two
            images have one name.
    """
    if not folder.is_dir():
        raise DataError(ErrorCode.ASSET_MISSING, f"{folder} is no folder; a dataset is a folder of NAME.tif with NAME{MASK}.tif")
    masks, images = _by_name([p for p in _geotiffs(folder) if p.stem.endswith(MASK)]), _by_name(images_in(folder))
    if lost := sorted(masks.keys() - images.keys()):
        raise DataError(ErrorCode.ASSET_MISSING, f"{masks[lost[0]].name} has no image; {lost[0]}.tif belongs beside it")
    labelled = [Labelled(name, image, masks[name]) for name, image in images.items() if name in masks]
    if not labelled:
        raise DataError(
            ErrorCode.ASSET_MISSING, f"{folder} holds {len(images)} GeoTIFFs and no mask; the mask of NAME.tif is called NAME{MASK}.tif"
        )
    return Folder(tuple(_places(labelled)), tuple(sorted(images.keys() - masks.keys())))


def _by_name(files: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        name = file.stem.removesuffix(MASK)
        if name in found:
            raise DataError(ErrorCode.SETTINGS_INVALID, f"{found[name].name} and {file.name} have one name; rename one of them")
        found[name] = file
    return found


def _places(labelled: list[Labelled]) -> list[Place]:
    dates: dict[tuple[str, bool], list[Labelled]] = {}
    for one in sorted(labelled, key=lambda one: one.name):
        name = read_name(one.name)
        dates.setdefault((name.place, name.date is not None), []).append(one)
    return [Place(name if len(files) == 2 else files[0].name, tuple(files)) for (name, _), files in sorted(dates.items())]
