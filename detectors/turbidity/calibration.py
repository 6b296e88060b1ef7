"""Turbidity calibrated on match-ups: samples of the water, and what the satellite saw there the same day."""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from jagawana.detectors.turbidity.agreement import Agreement, agreement
from jagawana.detectors.turbidity.retrieval import NECHAD_RED_MSI, Nechad, without_glint
from jagawana.detectors.turbidity.water import GLINT
from jagawana.schemas.base import Day, Model
from jagawana.schemas.errors import DataError, ErrorCode

Numbers = npt.NDArray[np.float64]
FEWEST_DATES, FEWEST_MATCH_UPS = 4, 20
"""Fewer dates cannot be left out one by one and still say anything."""
SHIPPED = "parana_l2a.json"


@dataclass(frozen=True)
class MatchUps:
    """Samples and the reflectance above them, all of one length: days, reflectance 0..1, and turbidity in FNU (or NTU)."""

    days: tuple[date, ...]
    green: Numbers
    red: Numbers
    swir16: Numbers
    turbidity_fnu: Numbers

    def chosen(self, which: npt.NDArray[np.bool_]) -> "MatchUps":
        """Some of them; bool of the same length."""
        days = tuple(d for d, keep in zip(self.days, which.tolist(), strict=True) if keep)
        return MatchUps(days, self.green[which], self.red[which], self.swir16[which], self.turbidity_fnu[which])


class Provenance(Model):
    """Where a calibration comes from, and what it must not be taken for."""

    source: str
    licence: str
    reflectance: str = Field(description="which processor's, and its zero point")
    limits: str


class Calibration(Model):
    """T = scale * N(red) ** power * (red / green) ** colour, of reflectance without glint; N is Nechad's form for one band."""

    name: str
    form: Literal["nechad-red-and-colour"] = "nechad-red-and-colour"
    scale: float = Field(gt=0)
    power: float = Field(ge=0)
    colour: float = Field(ge=0)
    nechad_a_fnu: float = Field(default=NECHAD_RED_MSI.a_fnu, gt=0)
    nechad_c: float = Field(default=NECHAD_RED_MSI.c, gt=0)
    lowest_fnu: float = Field(ge=0, description="of the samples it was fitted on; below and above is extrapolation")
    highest_fnu: float = Field(gt=0)
    match_ups: int = Field(ge=FEWEST_MATCH_UPS)
    dropped_for_glint: int = Field(default=0, ge=0, description="match-ups that this product would not have read")
    dates: tuple[Day, ...] = Field(min_length=FEWEST_DATES)
    in_sample: Agreement
    dates_left_out: Agreement = Field(description="each date estimated by a fit that had not seen it: what to expect elsewhere, at best")
    provenance: Provenance

    @property
    def nechad(self) -> Nechad:
        """The single-band form inside."""
        return Nechad(self.nechad_a_fnu, self.nechad_c)

    def fnu(self, green: npt.NDArray[Any], red: npt.NDArray[Any], swir16: npt.NDArray[Any]) -> Numbers:
        """Turbidity in FNU of reflectance 0..1, of any one shape; never falls where the water gets redder. Not-a-number stays."""
        return _of_terms(_terms(green, red, swir16, self.nechad), (self.scale, self.power, self.colour))

    def is_saturated(self, red: npt.NDArray[Any], swir16: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Where the estimate is a lower bound: the red band no longer tells more."""
        return self.nechad.is_saturated(without_glint(red, swir16))

    def is_extrapolated(self, turbidity_fnu: float) -> bool:
        """Whether an estimate lies outside the samples' range."""
        return not self.lowest_fnu <= turbidity_fnu <= self.highest_fnu


def fit(match_ups: MatchUps, *, name: str, provenance: Provenance) -> Calibration:
    """A calibration, with its figures from leaving out one date at a time. Glinting match-ups are dropped as they would be in use.

    Least squares of the logarithm, so it estimates the median, and large values count by their ratio.

    Raises:
        DataError: LABELS_INVALID when there are too few match-ups or dates, or turbidity would fall with red.
    """
    usable = match_ups.chosen(match_ups.swir16 <= GLINT)
    days = sorted(set(usable.days))
    if len(days) < FEWEST_DATES or len(usable.days) < FEWEST_MATCH_UPS:
        found = f"{len(usable.days)} usable match-ups of {len(days)} dates"
        raise _refused(f"{found}; a calibration needs {FEWEST_MATCH_UPS} of {FEWEST_DATES} dates, better many more")
    scale, power, colour = _fitted(usable)
    left_out = leaving_dates_out(usable)
    measured = usable.turbidity_fnu
    return Calibration(
        name=name, scale=scale, power=power, colour=colour, lowest_fnu=float(measured.min()), highest_fnu=float(measured.max()),
        match_ups=len(usable.days), dropped_for_glint=len(match_ups.days) - len(usable.days), dates=tuple(days),
        in_sample=agreement(_estimated(usable, (scale, power, colour)), measured, usable.days),
        dates_left_out=agreement(left_out, measured, usable.days), provenance=provenance,
    )  # fmt: skip


def leaving_dates_out(match_ups: MatchUps) -> Numbers:
    """Each match-up estimated, in FNU, by a fit without any match-up of its date: those of one day share sky, river and error."""
    estimated = np.zeros(len(match_ups.days))
    days = np.array(match_ups.days)
    for day in sorted(set(match_ups.days)):
        here = np.asarray(days == day)
        estimated[here] = _estimated(match_ups.chosen(here), _fitted(match_ups.chosen(~here)))
    return estimated


def load_calibration(text: str, *, where: str) -> Calibration:
    """A stored calibration.

    Raises:
        DataError: SETTINGS_INVALID, naming the field.
    """
    try:
        return Calibration.model_validate_json(text)
    except ValidationError as e:
        first = e.errors()[0]
        raise DataError(
            ErrorCode.SETTINGS_INVALID,
            f"{where}: {'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}; make one with turbidity calibrate",
        ) from e


def shipped_calibration() -> Calibration:
    """The one that comes with the package, for Sentinel-2 L2A (docs/turbidity.md)."""
    return load_calibration(files(__package__).joinpath(SHIPPED).read_text("utf-8"), where=SHIPPED)


def _terms(green: npt.NDArray[Any], red: npt.NDArray[Any], swir16: npt.NDArray[Any], nechad: Nechad) -> Numbers:
    """The three terms of the logarithm: (..., 3)."""
    water_red, water_green = without_glint(np.asarray(red, np.float64), swir16), without_glint(np.asarray(green, np.float64), swir16)
    return np.stack([np.ones_like(water_red), np.log(nechad.fnu(water_red)), np.log(water_red / water_green)], axis=-1)


def _fitted(match_ups: MatchUps) -> tuple[float, float, float]:
    terms = _terms(match_ups.green, match_ups.red, match_ups.swir16, NECHAD_RED_MSI)
    scale, power, colour = np.linalg.lstsq(terms, np.log(match_ups.turbidity_fnu), rcond=None)[0].tolist()
    if power < 0 or colour < 0:
        raise _refused("turbidity would fall where the water gets redder; are columns and units right, and samples of the same day?")
    return float(np.exp(scale)), power, colour


def _estimated(match_ups: MatchUps, fitted: tuple[float, float, float]) -> Numbers:
    return _of_terms(_terms(match_ups.green, match_ups.red, match_ups.swir16, NECHAD_RED_MSI), fitted)


def _of_terms(terms: Numbers, fitted: tuple[float, float, float]) -> Numbers:
    scale, power, colour = fitted
    return np.asarray(np.exp(terms @ np.array([np.log(scale), power, colour])))


def _refused(why: str) -> DataError:
    return DataError(ErrorCode.LABELS_INVALID, why)
