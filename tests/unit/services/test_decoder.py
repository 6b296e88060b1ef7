"""The decoder: a limited child that may die at any time, and a parent that notices."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from jagawana.schemas.errors import DataError, ErrorCode, TransientError
from jagawana.services.raster import guard
from jagawana.services.raster.bands import band_names, known, reflectance_scale
from jagawana.services.raster.decoding import Decoder, DecoderLimits, RasterHeader, decoder
from jagawana.services.raster.nursery import Nursery, kill, nursery

ROOMY = DecoderLimits(30.0, 512 << 20)
PLACE = Affine(10, 0, 453_000, 0, -10, 9_871_000)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.tif"
    with rasterio.open(path, "w", driver="GTiff", width=50, height=40, count=2, dtype="uint16", crs="EPSG:32749", transform=PLACE,
                       nodata=0) as file:  # fmt: skip
        file.write(np.arange(2 * 40 * 50, dtype=np.uint16).reshape(2, 40, 50))
        file.descriptions = ("B04", "B08")
        file.scales, file.offsets = (1e-4, 1e-4), (-0.1, -0.1)
    return path


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 MB of nothing in a small file."""
    path = tmp_path_factory.mktemp("huge") / "huge.tif"
    with rasterio.open(path, "w", driver="GTiff", width=20_000, height=20_000, count=1, dtype="uint16", crs="EPSG:32749", transform=PLACE,
                       sparse_ok=True, tiled=True, compress="deflate"):  # fmt: skip
        pass
    return path


def read_all(pixels: Decoder, key: str = "a") -> np.ndarray:
    return pixels.read(key, bands=[1, 2], window=(0, 0, 40, 50))


def works(path: Path) -> bool:
    with decoder({"a": path}, ROOMY) as pixels:
        return bool(np.array_equal(read_all(pixels).ravel(), np.arange(4000)))


def failed(pixels: Decoder, **request: object) -> TransientError:
    with pytest.raises(TransientError) as caught:
        pixels.read("a", **request)  # type: ignore[arg-type]
    assert caught.value.code is ErrorCode.DECODER_FAILED
    return caught.value


def test_a_header_says_what_the_file_says(small: Path) -> None:
    with decoder({"a": small}, ROOMY) as pixels:
        header = pixels.header("a")
    assert header == RasterHeader(32749, PLACE, (40, 50), "uint16", 0.0, ("B04", "B08"), (1e-4, 1e-4), (-0.1, -0.1), 40)


def test_windows_and_bands_are_read_in_the_file_s_own_type(small: Path) -> None:
    with decoder({"a": small}, ROOMY) as pixels:
        part = pixels.read("a", bands=[2], window=(10, 20, 5, 7))
    assert part.dtype == np.uint16 and part.shape == (1, 5, 7) and part[0, 0, 0] == 2000 + 10 * 50 + 20


def test_the_limits_are_really_set_in_the_child(small: Path) -> None:
    connection, pid = nursery().fork({"paths": {"a": str(small)}, "extra_bytes": 64 << 20, "cpu_seconds": 77}, os.memfd_create("test"))
    with connection:
        connection.send_bytes(b'{"asset": "a", "op": "header"}')
        assert connection.poll(30) and connection.recv_bytes()
        limits = {line[:26].strip(): line[26:47].strip() for line in Path(f"/proc/{pid}/limits").read_text().splitlines()}
        size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        assert Path(f"/proc/{pid}/status").read_text().count("Threads:\t1\n") == 1
    kill(pid)
    assert limits["Max cpu time"] == "77" and limits["Max file size"] == "0" and limits["Max core file size"] == "0"
    assert limits["Max open files"] == "64" and size <= int(limits["Max address space"]) <= size + (64 << 20)


def test_a_read_that_wants_too_much_memory_fails_and_the_next_scene_works(huge: Path, small: Path) -> None:
    with decoder({"a": huge}, DecoderLimits(30.0, 64 << 20)) as pixels:
        assert pixels.header("a").shape == (20_000, 20_000)
        failed(pixels, bands=[1], window=(0, 0, 20_000, 20_000))
    assert works(small)


def test_a_decoder_that_does_not_answer_is_not_waited_for(small: Path) -> None:
    with decoder({"a": small}, DecoderLimits(0.2, 512 << 20)) as pixels:
        assert pixels.header("a")
        (pid,) = _children()
        os.kill(pid, signal.SIGSTOP)
        started = time.monotonic()
        assert "no answer" in failed(pixels, bands=[1], window=(0, 0, 1, 1)).detail and time.monotonic() - started < 5
    _gone(pid)
    assert works(small)


def test_a_killed_decoder_is_noticed_at_once(small: Path) -> None:
    with decoder({"a": small}, ROOMY) as pixels:
        assert pixels.header("a")
        (pid,) = _children()
        os.kill(pid, signal.SIGKILL)
        assert "died" in failed(pixels, bands=[1], window=(0, 0, 1, 1)).detail
    assert works(small)


def test_no_decoder_outlives_its_scene(small: Path) -> None:
    with decoder({"a": small}, ROOMY) as pixels:
        pixels.header("a")
        (pid,) = _children()
    _gone(pid)


def test_a_killed_nursery_is_replaced(small: Path) -> None:
    assert works(small)
    old = nursery()
    os.kill(old._process.pid, signal.SIGKILL)
    old._process.wait(10)
    with pytest.raises(TransientError, match="DECODER_FAILED"):
        old.fork({"paths": {}, "extra_bytes": 1, "cpu_seconds": 1}, os.memfd_create("test"))
    assert nursery() is not old and works(small)


def test_a_nursery_ends_when_it_is_hung_up_on() -> None:
    made = Nursery()
    made.close()
    assert not made.is_alive and made._process.returncode == 0


def test_after_a_bad_file_the_same_decoder_reads_a_good_one(small: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.tif").write_bytes(b"II*\0\x08\0\0\0" + b"\xff" * 200)
    with decoder({"a": small, "bad": tmp_path / "bad.tif"}, ROOMY) as pixels:
        with pytest.raises(DataError) as caught:
            pixels.header("bad")
        assert caught.value.code is ErrorCode.DECODE_FAILED and read_all(pixels).shape == (2, 40, 50)


def test_no_driver_but_geotiff_opens_anything(small: Path, tmp_path: Path) -> None:
    vrt = tmp_path / "x.tif"
    vrt.write_text(f'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
                   f"<SimpleSource><SourceFilename>{small}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>")  # fmt: skip
    with decoder({"a": vrt}, ROOMY) as pixels, pytest.raises(DataError) as caught:
        pixels.header("a")
    assert caught.value.code is ErrorCode.DECODE_FAILED


def test_a_sidecar_does_not_move_the_scene(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a.tif"
    copy.write_bytes(small.read_bytes())
    (tmp_path / "a.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:32733</SRS><GeoTransform>0, 10, 0, 0, 0, -10</GeoTransform></PAMDataset>"
    )
    (tmp_path / "a.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    with decoder({"a": copy}, ROOMY) as pixels:
        assert (pixels.header("a").epsg, pixels.header("a").transform) == (32749, PLACE)


def test_the_block_limit_is_below_the_memory_a_decoder_may_have() -> None:
    assert guard.MAX_BLOCK_BYTES * 4 < 3 << 30


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """A child that runs out of memory says so on stderr."""
    yield
    capfd.readouterr()


def _children() -> list[int]:
    return [int(p) for p in Path(f"/proc/{nursery()._process.pid}/task/{nursery()._process.pid}/children").read_text().split()]


def _gone(pid: int) -> None:
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"{pid} lives on"
        time.sleep(0.01)


# ---- which band is which -----------------------------------------------------------------------------------------


def header(count: int = 1, *, descriptions: tuple[str, ...] | None = None, dtype: str = "uint16", scale: float = 1.0, offset: float = 0.0):  # type: ignore[no-untyped-def]
    return RasterHeader(
        32749, PLACE, (9, 9), dtype, None, descriptions or ("",) * count, (scale,) * count, (offset,) * count, 9,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (("B02", "B8", "SCL", "AOT"), ("blue", "nir", "scl", None)),
        (("Red", "green (560 nm)", "B11, SWIR 1", " nir "), ("red", "green", "swir16", "nir")),
        (("", "B04"), (None, "red")),
    ],
)  # fmt: skip
def test_descriptions_name_the_bands(given: tuple[str, ...], names: tuple[str | None, ...]) -> None:
    assert band_names(header(descriptions=given), "x.tif") == names
    assert known(names) == [n for n in names if n]


def test_without_descriptions_the_number_or_the_name_of_the_file_tells() -> None:
    assert band_names(header(4), "x.tif") == ("blue", "green", "red", "nir")
    assert band_names(header(6), "x.tif") == ("blue", "green", "red", "nir", "swir16", "swir22")
    for name, band in (("T49MDU_20260105_B04_10m.tif", "red"), ("S2A-SCL.tif", "scl"), ("a.b08.tiff", "nir")):
        assert band_names(header(1), name) == (band,)
    for count, name in ((1, "scene.tif"), (3, "rgb.tif"), (1, "b.tif")):
        with pytest.raises(DataError, match="BANDS_MISSING"):
            band_names(header(count), name)


def test_a_loose_file_s_own_scale_counts_and_else_the_usual_one() -> None:
    assert reflectance_scale(header(), 0) == (1e-4, 0.0)
    assert reflectance_scale(header(dtype="float32"), 0) == (1.0, 0.0)
    assert reflectance_scale(header(scale=1e-4, offset=-0.1), 0) == (1e-4, -0.1)
    assert reflectance_scale(header(dtype="float32", scale=0.01), 0) == (0.01, 0.0)
