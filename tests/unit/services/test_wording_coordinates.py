"""Coordinates as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jagawana.schemas.geometry import Point
from jagawana.services.notify.coordinates import Hemispheres, decimal, dms, spaced_cell


def place(longitude: float, latitude: float) -> Point:
    return Point(coordinates=(longitude, latitude))


def test_latitude_comes_first() -> None:
    assert decimal(place(113.92253, -2.21811)) == "-2.21811, 113.92253"
    assert dms(place(113.92253, -2.21811)) == "2°13'05.2\"S 113°55'21.1\"E"


@pytest.mark.parametrize(
    ("degrees", "shown"),
    [
        (0.0, "0°00'00.0\"N"),
        (-0.000001, "0°00'00.0\"N"),
        (1 - 1e-9, "1°00'00.0\"N"),
        (-59 / 60 - 59.96 / 3600, "1°00'00.0\"S"),
        (90.0, "90°00'00.0\"N"),
    ],
)
def test_seconds_carry_into_minutes_and_degrees(degrees: float, shown: str) -> None:
    assert dms(place(0.0, degrees)).split()[0] == shown


def test_minus_zero_is_zero() -> None:
    assert decimal(place(-0.0000001, 0.0)) == "0.00000, 0.00000"


def test_a_language_marks_directions_its_own_way() -> None:
    indonesian = Hemispheres(north="LU", south="LS", east="BT", west="BB")
    assert dms(place(113.5, -2.5), indonesian) == "2°30'00.0\"LS 113°30'00.0\"BT"


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_dms_says_the_same_place_as_decimal_degrees(longitude: float, latitude: float) -> None:
    parts = re.findall(r"(\d+)°(\d\d)'(\d\d\.\d)\"([NSEW])", dms(place(longitude, latitude)))
    back = [(int(d) + int(m) / 60 + float(s) / 3600) * (-1 if letter in "SW" else 1) for d, m, s, letter in parts]
    assert all(0 <= int(m) < 60 and float(s) < 60 for _, m, s, _ in parts)
    assert back == pytest.approx([latitude, longitude], abs=0.051 / 3600)


@pytest.mark.parametrize(("cell", "shown"), [("49MHT2554", "49M HT 25 54"), ("9MHT0001", "9M HT 00 01")])
def test_a_cell_is_spaced_as_on_maps(cell: str, shown: str) -> None:
    assert spaced_cell(cell) == shown
