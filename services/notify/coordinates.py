"""A place as people write it: decimal degrees, degrees-minutes-seconds, and the 1 km cell of the topographic map."""

from dataclasses import dataclass

from jagawana.schemas.base import CellId
from jagawana.schemas.geometry import Point

DECIMALS = 5
"""1.1 m at the equator: finer than any pixel here."""
SECONDS_DECIMALS = 1
"""3 m: the same."""


@dataclass(frozen=True)
class Hemispheres:
    """How a language marks the four directions of a coordinate."""

    north: str
    south: str
    east: str
    west: str


ENGLISH = Hemispheres(north="N", south="S", east="E", west="W")


def decimal(place: Point, *, separator: str = ", ") -> str:
    """Latitude, then longitude, in decimal degrees (ISO 6709 order) with a point: what a GPS or a map search takes."""
    longitude, latitude = place.coordinates
    return f"{_plain(latitude)}{separator}{_plain(longitude)}"


def dms(place: Point, hemispheres: Hemispheres = ENGLISH) -> str:
    """Latitude, then longitude, in degrees, minutes and seconds: 2°13'05.2"S 113°55'21.1"E."""
    longitude, latitude = place.coordinates
    return " ".join(
        (
            _sexagesimal(latitude, hemispheres.north, hemispheres.south),
            _sexagesimal(longitude, hemispheres.east, hemispheres.west),
        )
    )


def spaced_cell(cell: CellId) -> str:
    """An MGRS 1 km square as printed on maps: 49MHT2554 becomes 49M HT 25 54."""
    zone, square, digits = cell[:-6], cell[-6:-4], cell[-4:]
    return f"{zone} {square} {digits[:2]} {digits[2:]}"


def _plain(degrees: float) -> str:
    rounded = round(degrees, DECIMALS) + 0.0  # adding zero turns -0.0 into 0.0
    return f"{rounded:.{DECIMALS}f}"


def _sexagesimal(degrees: float, positive: str, negative: str) -> str:
    # Rounded once, as a whole number of tenths of a second, so that 59.96" carries into the minute.
    per_second = 10**SECONDS_DECIMALS
    tenths = round(abs(degrees) * 3600 * per_second)
    minutes, seconds = divmod(tenths, 60 * per_second)
    letter = negative if degrees < 0 and tenths else positive
    return f"{minutes // 60}°{minutes % 60:02d}'{seconds / per_second:04.1f}\"{letter}"
