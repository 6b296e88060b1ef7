"""What a dataset says of itself besides its images: classes.json for mask values of its own, blocks.csv for what lies together."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.scoring.pixels import Classes
from jagawana.schemas.errors import DataError, ErrorCode

CLASSES, BLOCKS = "classes.json", "blocks.csv"
UNSURE = "unsure"
NAMES = {c.name.lower(): int(c) for c in LandClass} | {UNSURE: NOT_OBSERVED}


@dataclass(frozen=True)
class MaskValues:
    """The class of every mask value; 0 to 5 are the land classes and 255 is unsure unless classes.json says otherwise."""

    classes: dict[int, int]

    def read(self, pixels: npt.NDArray[np.generic], *, name: str, nodata: float | None) -> Classes:
        """A mask's pixels as classes.

        Args:
            pixels: (H, W), of any type.
            name: of the mask, for errors.
            nodata: the mask's own fill; unsure where it is no class.

        Raises:
            DataError: LABELS_INVALID, naming values without a class.
        """
        values, index = np.unique(pixels, return_inverse=True)
        known = self.classes if nodata is None else {nodata: NOT_OBSERVED} | self.classes
        if unknown := [v for v in values.tolist() if v not in known]:
            named = ", ".join(f"{value} {_name(c)}" for value, c in sorted(self.classes.items()))
            raise DataError(
                ErrorCode.LABELS_INVALID,
                f"{name} holds {', '.join(f'{v:g}' for v in unknown[:5])}, which is no class; known are {named}; name others in "
                f'{CLASSES} beside it, e.g. {{"{unknown[0]:g}": "bare"}}',
            )
        return np.array([known[v] for v in values.tolist()], np.uint8)[index].reshape(pixels.shape)


def mask_values(folder: Path) -> MaskValues:
    """The values of a folder's masks.

    Raises:
        DataError: LABELS_INVALID when classes.json is not a table of values and class names.
    """
    path = folder / CLASSES
    usual = {c: c for c in NAMES.values()}
    if not path.is_file():
        return MaskValues(usual)
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        return MaskValues(usual | {int(value): NAMES[str(name).lower()] for value, name in table.items()})
    except (ValueError, AttributeError, KeyError, RecursionError) as error:
        raise DataError(
            ErrorCode.LABELS_INVALID, f'{path}: {error}; write mask values and class names ({", ".join(NAMES)}), e.g. {{"7": "bare"}}'
        ) from error


@dataclass(frozen=True)
class Written:
    """What blocks.csv says of a place; None where it says nothing."""

    block: str | None = None
    unchanged: bool | None = None


def written_blocks(folder: Path, names: frozenset[str]) -> dict[str, Written]:
    """The rows of blocks.csv by place: columns name and block, and if need be change, which is `none` where nothing changed.

    Raises:
        DataError: LABELS_INVALID when it cannot be read, or names a place that is not there.
    """
    path = folder / BLOCKS
    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := {"name", "block"} - set(table.fieldnames or ()):
                raise ValueError(f"no column {min(missing)}")
            rows = {row["name"]: _written(row) for row in table}
    except (ValueError, csv.Error) as error:
        raise DataError(ErrorCode.LABELS_INVALID, f"{path}: {error}; its first line is name,block or name,block,change") from error
    if strange := sorted(rows.keys() - names):
        raise DataError(
            ErrorCode.LABELS_INVALID,
            f"{path} names {strange[0]}, and no such place is labelled here; write NAME for NAME.tif, and for NAME_t0.tif with NAME_t1.tif",
        )
    return rows


def _written(row: dict[str, str]) -> Written:
    change = (row.get("change") or "").strip()
    return Written(block=row["block"] or None, unchanged=change == "none" if change else None)


def _name(land_class: int) -> str:
    return next(name for name, value in NAMES.items() if value == land_class)
