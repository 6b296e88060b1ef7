"""Turbidity from reflectance: the index, the published semi-analytical forms, and the removal of sun glint. Pure arithmetic on arrays.

Reflectance is water or surface reflectance 0..1 (pi times remote-sensing reflectance). Turbidity is in FNU, formazin nephelometric
units (ISO 7027); NTU of a white-light meter is close to it and not the same.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Layer = npt.NDArray[np.floating[Any]]
"""Reflectance, of any shape."""
DARKEST = 0.002
"""Reflectance left after glint is taken off is never below this: the noise of a 10 m pixel, and what logarithms can bear."""
NEAR_THE_POLE = 0.95
"""Of C: where the form's denominator nears zero a hundredth of reflectance is worth thousands of FNU; it is held here, and said so."""


class Nechad(NamedTuple):
    """T = A rho / (1 - rho / C): turbidity from one band (Nechad, Ruddick and Neukermans 2009, Proc. SPIE 7473, 74730H)."""

    a_fnu: float
    c: float

    def fnu(self, reflectance: Layer) -> Layer:
        """Turbidity, FNU; 0 where reflectance is below 0, and held at NEAR_THE_POLE of C above it."""
        rho = np.clip(reflectance, 0.0, NEAR_THE_POLE * self.c)
        return np.asarray(self.a_fnu * rho / (1 - rho / self.c))

    def is_saturated(self, reflectance: Layer) -> npt.NDArray[np.bool_]:
        """Where the band tells no more than "at least this"."""
        return np.asarray(reflectance >= NEAR_THE_POLE * self.c)


NECHAD_RED_MSI = Nechad(366.14, 0.19563)
"""Sentinel-2 MSI band 4 (665 nm): B. Nechad's calibration of September 2016 for MSI, as tabulated in ACOLITE. North Sea and Scheldt."""
DOGLIOTTI_RED = Nechad(228.1, 0.1641)
"""645 nm; Dogliotti and others 2015, Remote Sensing of Environment 156, 157-168."""
DOGLIOTTI_NIR = Nechad(3078.9, 0.2112)
"""859 nm; same paper."""
DOGLIOTTI_BLEND = (0.05, 0.07)
"""Red reflectance between which red passes into near infrared; same paper."""


def ndti(green: Layer, red: Layer) -> Layer:
    """Normalised difference turbidity index (red - green) / (red + green), -1..1 (Lacaux and others 2007, RSE 106, 66-74).

    Not-a-number where both are 0 or below.
    """
    total = np.asarray(red + green, np.float64)
    return np.asarray(np.divide(red - green, total, out=np.full_like(total, np.nan), where=total > 0).clip(-1, 1))


def dogliotti(red: Layer, nir: Layer) -> Layer:
    """Turbidity, FNU: red where water is clear, near infrared where it is turbid, blended between (Dogliotti and others 2015).

    The coefficients are MODIS's (645 and 859 nm); for Sentinel-2 they are used as they are, as others do.
    """
    low, high = DOGLIOTTI_BLEND
    share = np.clip((red - low) / (high - low), 0.0, 1.0)
    return np.asarray((1 - share) * DOGLIOTTI_RED.fnu(red) + share * DOGLIOTTI_NIR.fnu(nir))


def without_glint(reflectance: Layer, swir16: Layer) -> Layer:
    """Reflectance less what the water's surface adds: at 1.6 micrometres water itself is black, turbid water too.

    The subtraction of SWIR from shorter bands (Vanhellemont 2019, RSE 225, 175-192, and Wang and Shi 2007, Optics Express 15, 15722);
    taken as equal in all bands, as sky and sun glint nearly are. Never below DARKEST.
    """
    return np.maximum(reflectance - np.maximum(swir16, 0.0), DARKEST)
