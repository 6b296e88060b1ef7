"""The zero point of a product is its baseline's, and reprocessing is not change (promise P7)."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jagawana.detectors.radiometry import Radiometry, radiometry
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.geometry import Polygon
from jagawana.schemas.scene import Asset, Band, SceneItem, SceneProperties

RING = ((110.0, -1.0), (110.1, -1.0), (110.1, -0.9), (110.0, -0.9), (110.0, -1.0))


def item(platform: str = "sentinel-2a", **properties: Any) -> SceneItem:
    asset = Asset.model_validate({
        "href": "a.tif", "bands": [{"name": "B04", "eo:common_name": "red"}], "file:size": 1, "file:checksum": "1220" + "0" * 64,
        "proj:code": "EPSG:32749", "proj:shape": [1, 1], "proj:transform": [10, 0, 0, 0, -10, 0],
    })  # fmt: skip
    facts = {"datetime": datetime(2026, 1, 5, tzinfo=UTC), "platform": platform, "gsd": 10, **properties}
    return SceneItem(
        id="s", bbox=(110.0, -1.0, 110.1, -0.9), geometry=Polygon(coordinates=(RING,)),
        properties=SceneProperties.model_validate(facts), assets={"a": asset},
    )  # fmt: skip


def band(scale: float | None = None, offset: float | None = None) -> Band:
    return Band.model_validate({"name": "B04", "raster:scale": scale, "raster:offset": offset})


def of(baseline: str | None, stated: Band | None = None, **more: Any) -> Radiometry:
    return radiometry(item(**{"s2:processing_baseline": baseline}, **more), stated or band())


def refused(baseline: str | None, stated: Band, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        of(baseline, stated, **more)
    assert caught.value.code is ErrorCode.RADIOMETRY_UNKNOWN
    return caught.value.detail


@settings(max_examples=200, deadline=None)
@given(st.floats(-0.09, 1.6))
def test_the_same_ground_in_every_baseline_has_the_same_reflectance(ground: float) -> None:
    """DN and offset change together from 04.00 on; the reflectance does not (P7)."""
    seen = []
    for baseline, shift in (("03.01", 0), ("04.00", 1000), ("05.10", 1000)):
        number = np.float32(round(max(ground, 0.0) * 10_000) + shift)
        r = of(baseline)
        seen.append(number * np.float32(r.scale) + np.float32(r.offset))
    assert np.ptp(seen) <= 1e-6


@pytest.mark.parametrize(
    ("baseline", "offset"), [("02.14", 0.0), ("03.01", 0.0), ("03.99", 0.0), ("04.00", -0.1), ("05.10", -0.1), ("10.00", -0.1)]
)
def test_the_zero_point_comes_from_the_baseline_and_not_from_the_date(baseline: str, offset: float) -> None:
    assert of(baseline) == Radiometry(1e-4, offset)
    assert of(baseline, datetime=datetime(2017, 1, 1, tzinfo=UTC)) == Radiometry(1e-4, offset)


def test_a_stated_zero_point_must_be_the_baseline_s() -> None:
    assert of("05.10", band(1e-4, -0.1)) == Radiometry(1e-4, -0.1)
    assert of("03.01", band(1e-4, 0.0)) == Radiometry(1e-4, 0.0)
    assert "B04" in refused("05.10", band(1e-4, 0.0))
    refused("03.01", band(1e-4, -0.1))
    refused("05.10", band(1e-3, -0.1))
    refused("05.10", band(None, -0.2))


def test_an_offset_that_is_already_applied_is_not_applied_again() -> None:
    applied = {"earthsearch:boa_offset_applied": True}
    assert of("05.10", **applied) == Radiometry(1e-4, 0.0) == of("05.10", band(1e-4, 0.0), **applied)
    refused("05.10", band(1e-4, -0.1), **applied)
    assert of("05.10", **{"earthsearch:boa_offset_applied": False}) == Radiometry(1e-4, -0.1)


def test_without_baseline_the_band_must_say_it() -> None:
    assert of(None, band(None, -0.1)) == Radiometry(1e-4, -0.1)
    assert "s2:processing_baseline" in refused(None, band())
    refused(None, band(1e-4, None))


@pytest.mark.parametrize("scale", [0.0, -1e-4])
def test_a_scale_that_makes_everything_equal_or_negative_is_no_scale(scale: float) -> None:
    refused(None, band(scale, 0.0))
    with pytest.raises(DataError, match="RADIOMETRY_UNKNOWN"):
        radiometry(item("planetscope"), band(scale, 0.0))


def test_other_sensors_state_their_scale() -> None:
    assert radiometry(item("planetscope"), band(1e-4)) == Radiometry(1e-4, 0.0)
    assert radiometry(item("planetscope", **{"s2:processing_baseline": "05.10"}), band(2e-5, 0.01)) == Radiometry(2e-5, 0.01)
    with pytest.raises(DataError, match="RADIOMETRY_UNKNOWN"):
        radiometry(item("planetscope"), band())
