"""Tables that people bring: match-ups for a calibration of their own, and a mined area of their own."""

import csv
from datetime import date
from pathlib import Path

import numpy as np

from jagawana.detectors.turbidity.calibration import MatchUps
from jagawana.detectors.turbidity.correlation import MinedArea
from jagawana.schemas.errors import DataError, ErrorCode

MATCH_UPS = ("date", "green", "red", "swir16", "turbidity_fnu")
MINED = ("date", "mining_ha")
BRIGHTEST = 1.5


def read_match_ups(path: Path) -> MatchUps:
    """CSV with columns date, green, red, swir16 (reflectance 0..1, zero point taken off) and turbidity_fnu; others are not read.

    Raises:
        DataError: LABELS_INVALID, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := [c for c in MATCH_UPS if c not in (table.fieldnames or ())]:
                raise ValueError(f"no column {missing[0]}")
            rows = [_match_up(row, line) for line, row in enumerate(table, 2)]
    except (OSError, ValueError, csv.Error) as e:
        raise DataError(ErrorCode.LABELS_INVALID, f"{path}: {e}; its first line is {','.join(MATCH_UPS)}") from e
    numbers = np.array([r[1:] for r in rows], np.float64).reshape(len(rows), 4)
    return MatchUps(tuple(r[0] for r in rows), *numbers.T)


def _match_up(row: dict[str, str], line: int) -> tuple[date, float, float, float, float]:
    try:
        day = date.fromisoformat(row["date"].strip())
        green, red, swir16, turbidity = (float(row[c]) for c in MATCH_UPS[1:])
    except (ValueError, TypeError, AttributeError) as e:
        raise ValueError(f"line {line}: {e}") from e
    if not all(-0.1 <= v <= BRIGHTEST for v in (green, red, swir16)):
        raise ValueError(f"line {line}: reflectance is a number from 0 to 1, with scale and offset applied")
    if not 0 < turbidity < float("inf"):
        raise ValueError(f"line {line}: turbidity must be above 0, not {turbidity}")
    return day, green, red, swir16, turbidity


def read_mined(path: Path) -> MinedArea:
    """A table of dates and hectares: CSV with columns date (2026-01-05) and mining_ha.

    Raises:
        DataError: SETTINGS_INVALID, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file)
            if missing := set(MINED) - set(table.fieldnames or ()):
                raise ValueError(f"no column {min(missing)}")
            rows = sorted({_mined_row(row, n) for n, row in enumerate(table, 2)})
    except (OSError, ValueError, csv.Error) as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{path}: {e}; its first line is date,mining_ha") from e
    return MinedArea(tuple(day for day, _ in rows), tuple(ha for _, ha in rows))


def _mined_row(row: dict[str, str], line: int) -> tuple[date, float]:
    try:
        day, ha = date.fromisoformat(row["date"].strip()), float(row["mining_ha"])
    except (ValueError, TypeError, AttributeError) as e:
        raise ValueError(f"line {line}: {e}") from e
    if not 0 <= ha < float("inf"):
        raise ValueError(f"line {line}: {ha} ha")
    return day, ha
