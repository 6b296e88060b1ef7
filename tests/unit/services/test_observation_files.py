"""Observations as files: what goes in comes out, in the same bytes every time, and QGIS can open it."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile

from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import FLOOR, STORED_CLASSES, Observation, quantised, sparse
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.store.observation_files import ObservationLabel, decode, encode

SQUARE = tile_square("49MDU57")
AT = datetime(2026, 1, 5, 2, 40, 11, 250_000, tzinfo=UTC)
LABEL = ObservationLabel("49MDU57", "scene-1", AT, "s2/1")


def encoded(probabilities: np.ndarray, sky: np.ndarray, origin: tuple[int, int] = (0, 0), resolution_m: int = 10) -> bytes:
    return encode(probabilities, sky, square=SQUARE, origin=origin, resolution_m=resolution_m, label=LABEL)


def decoded(blob: bytes) -> Observation:
    return decode(blob, square=SQUARE, observation_id="o", scene_id="scene-1", platform="s2a", acquired_at=AT)


def empty(height: int = 1000, width: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((len(STORED_CLASSES), height, width), np.uint8), np.ones((height, width), np.uint8)


@st.composite
def observed(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[int, int], int]:
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shown = rng.random((len(STORED_CLASSES), height, width)) < draw(st.sampled_from([0.0, 0.001, 0.2, 1.0]))
    values = rng.integers(FLOOR, 256, shown.shape).astype(np.uint8)
    sky = rng.integers(0, 4, (height, width)).astype(np.uint8)
    return values * shown, sky, (draw(st.integers(0, 700)), draw(st.integers(0, 700))), draw(st.sampled_from([5, 10]))


@settings(max_examples=60, deadline=None)
@given(observed())
def test_decoding_gives_back_what_was_encoded(given_: tuple[np.ndarray, np.ndarray, tuple[int, int], int]) -> None:
    probabilities, sky, origin, resolution_m = given_
    blob = encoded(probabilities, sky, origin, resolution_m)
    o = decoded(blob)
    assert (o.resolution_m, o.origin, o.scene_id, o.acquired_at) == (resolution_m, origin, "scene-1", AT)
    assert np.array_equal(o.sky, sky)
    positions, values = sparse(probabilities, origin=origin, side=10_000 // resolution_m)
    assert np.array_equal(o.positions, positions) and np.array_equal(o.values, values)
    assert encoded(probabilities, sky, origin, resolution_m) == blob, "the same content is the same bytes"


def test_it_opens_as_a_raster_that_explains_itself() -> None:
    probabilities, sky = empty(200, 300)
    probabilities[0, 10, 20] = 200
    with MemoryFile(encoded(probabilities, sky, (100, 50))) as memory, memory.open() as file:
        assert file.crs.to_epsg() == SQUARE.epsg and file.shape == (200, 300) and set(file.dtypes) == {"uint8"}
        assert file.xy(10, 20) == (SQUARE.east + (50 + 20.5) * 10, SQUARE.north + 10_000 - (100 + 10.5) * 10)
        assert file.descriptions[0] == "P(mining) x 255" and file.descriptions[-1].startswith("sky: 0 fill, 1 clear")
        assert len(set(file.descriptions)) == 6 and file.block_shapes[0] == (128, 128)
        assert file.tags()["TILE"] == "49MDU57" and file.tags()["SCENE"] == "scene-1" and file.tags()["MODEL"] == "s2/1"
        assert file.tags()["ACQUIRED"] == "2026-01-05T02:40:11.250000Z"


def test_blocks_where_nothing_was_detected_cost_nothing() -> None:
    probabilities, sky = empty()
    nothing = len(encoded(probabilities, sky))
    probabilities[0, 300:310, 300:310] = 200
    one_pit = len(encoded(probabilities, sky))
    assert nothing < 20_000 and one_pit - nothing < 500
    fine, fine_sky = empty(2000, 2000)
    assert len(encoded(fine, fine_sky, resolution_m=5)) < 60_000


def test_the_least_that_is_stored_survives_and_less_was_never_there() -> None:
    chances = np.zeros((6, 1, 3), np.float32)
    chances[1, 0] = [FLOOR / 255, (FLOOR - 1) / 255, 1.0]
    o = decoded(encoded(quantised(chances, np.ones((1, 3), bool)), np.ones((1, 3), np.uint8)))
    assert o.values.tolist() == [FLOOR, 255] and (o.positions % 1000).tolist() == [0, 2]


@pytest.mark.parametrize("blob", [b"II*\0", b"not a tiff at all"])
def test_what_is_no_raster_is_damaged(blob: bytes) -> None:
    with pytest.raises(DataError) as caught:
        decoded(blob)
    assert caught.value.code is ErrorCode.BLOB_DAMAGED


def test_a_blob_cut_short_is_damaged() -> None:
    probabilities, sky = empty(400, 400)
    probabilities[:] = np.random.default_rng(0).integers(FLOOR, 256, probabilities.shape)
    blob = encoded(probabilities, sky)
    with pytest.raises(DataError) as caught:
        decoded(blob[: len(blob) // 2])
    assert caught.value.code is ErrorCode.BLOB_DAMAGED


def test_an_observation_keeps_no_more_in_memory_than_it_says() -> None:
    seen = decoded(encoded(*empty()))
    held = {id(a if a.base is None else a.base): (a if a.base is None else a.base).nbytes for a in (seen.positions, seen.values, seen.sky)}
    assert sum(held.values()) <= seen.nbytes
