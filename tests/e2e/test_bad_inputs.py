"""Every bad input ends in the dead letters with its own code; the next good scene is processed; nothing else changes."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from chain import PIT, load_zones, records, service
from scenes import RGBN_BANDS, Scene, describe, edit_item, write_archive, write_scene

from jagawana.schemas.errors import ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.replay import replay
from jagawana.services.store import log
from jagawana.services.store.database import transaction
from jagawana.services.store.digest import digest
from jagawana.services.wiring import Service

GOOD = (Scene(0), Scene(10, mining=[PIT]))
BAD = Scene(5, mining=[(60, 60, 20, 20)])
SECRET = "jagawana-canary-secret"
Spoil = Callable[[Path, Path], None]
"""Spoils a scene, given its item and its image."""


def _item(edit: Callable[[dict[str, Any]], object]) -> Spoil:
    return lambda item, image: (edit_item(item, edit), None)[1]


def _image(write: Callable[[Path], object]) -> Spoil:
    """Replace the image by another file, and describe it honestly, so that only what it is can be refused."""

    def spoil(item: Path, image: Path) -> None:
        write(image)
        edit_item(item, lambda d: d["assets"]["image"].update(describe(image)))

    return spoil


def _raster(
    path: Path, *, count: int = 6, crs: str | None = "EPSG:32749", dtype: str = "uint16", transform: Affine | None = None, **more: Any
) -> None:
    place = transform or Affine(10, 0, 453_000, 0, -10, 9_871_000)
    pixels = np.full((count, 96, 96), 1500).astype(dtype)
    with rasterio.open(path, "w", driver="GTiff", width=96, height=96, count=count, dtype=dtype, crs=crs, transform=place, **more) as file:
        file.write(pixels)


def _vrt(path: Path) -> None:
    """Named .tif, it would hand the bytes of a file on this machine to whoever opens it."""
    secret = path.with_suffix(".secret")
    secret.write_text(SECRET * 500)
    path.write_text(
        f'<VRTDataset rasterXSize="96" rasterYSize="96"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="0">{secret}</SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset>'
        f"<LineOffset>96</LineOffset></VRTRasterBand></VRTDataset>"
    )


def _flip(path: Path) -> None:
    """One bit, size and description unchanged."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(bytes(content))


def _broken_body(path: Path) -> None:
    """A whole header, and compressed blocks that do not decompress."""
    content = bytearray(path.read_bytes())
    content[500 : len(content) - 600] = b"\xff" * (len(content) - 1100)
    path.write_bytes(bytes(content))


def _link(item: Path, image: Path) -> None:
    real = image.with_suffix(".real")
    shutil.move(image, real)
    image.symlink_to(real)


def _pipe(item: Path, image: Path) -> None:
    image.unlink()
    os.mkfifo(image)


def _text(content: bytes) -> Spoil:
    return lambda item, image: (item.write_bytes(content), None)[1]


def _outside(document: dict[str, Any]) -> None:
    document["assets"]["image"]["href"] = "/etc/hostname"


def _without(*path: str) -> Spoil:
    def edit(document: dict[str, Any]) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return _item(edit)


def _sparse(path: Path, side: int, *, tiled: bool = True, **more: Any) -> None:
    with rasterio.open(
        path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint16", crs="EPSG:32749", sparse_ok=True, tiled=tiled,
        transform=Affine(10, 0, 453_000, 0, -10, 9_871_000), compress="deflate", **more,
    ):  # fmt: skip
        pass


def _zeros(path: Path) -> None:
    _raster(path, nodata=0)
    with rasterio.open(path, "r+") as file:
        file.write(np.zeros((6, 96, 96), np.uint16))


CASES: dict[str, tuple[ErrorCode, Spoil]] = {
    "not json": (ErrorCode.MESSAGE_UNREADABLE, _text(b"{ this is not json")),
    "not utf-8": (ErrorCode.MESSAGE_UNREADABLE, _text(b"\xff\xfe{}")),
    "nested too deeply": (ErrorCode.MESSAGE_UNREADABLE, _text(b"[" * 100_000)),
    "not a number": (ErrorCode.NON_FINITE, _text(b'{"type": "Feature", "stac_version": "1.1.0", "bbox": [NaN]}')),
    "no geometry": (ErrorCode.MESSAGE_INVALID, _without("geometry")),
    "no checksum": (ErrorCode.MESSAGE_INVALID, _without("assets", "image", "file:checksum")),
    "a weak checksum": (ErrorCode.MESSAGE_INVALID, _item(lambda d: d["assets"]["image"].update({"file:checksum": "1114" + "0" * 40}))),
    "30 February": (ErrorCode.MESSAGE_INVALID, _item(lambda d: d["properties"].update(datetime="2026-02-30T00:00:00Z"))),
    "made before it was seen": (ErrorCode.TIME_IMPLAUSIBLE, _item(lambda d: d["properties"].update(created="2020-01-01T00:00:00Z"))),
    "acquired in 1970": (ErrorCode.TIME_IMPLAUSIBLE, _item(lambda d: d["properties"].update(datetime="1970-01-01T00:00:00Z"))),
    "offset against its baseline": (
        ErrorCode.RADIOMETRY_UNKNOWN,
        _item(lambda d: d["assets"]["image"]["bands"][0].update({"raster:offset": 0.0})),
    ),
    "an address outside": (ErrorCode.HREF_FORBIDDEN, _item(_outside)),
    "an address on the net": (ErrorCode.HREF_FORBIDDEN, _item(lambda d: d["assets"]["image"].update(href="http://127.0.0.1:1/x.tif"))),
    "gdal's own address": (ErrorCode.HREF_FORBIDDEN, _item(lambda d: d["assets"]["image"].update(href="/vsicurl/http://127.0.0.1:1/x"))),
    "no file": (ErrorCode.ASSET_MISSING, lambda item, image: image.unlink()),
    "a link": (ErrorCode.NOT_REGULAR_FILE, _link),
    "a pipe": (ErrorCode.NOT_REGULAR_FILE, _pipe),
    "truncated": (ErrorCode.SIZE_MISMATCH, lambda item, image: os.truncate(image, image.stat().st_size // 2)),
    "one bit flipped": (ErrorCode.CHECKSUM_MISMATCH, lambda item, image: _flip(image)),
    "a text file": (ErrorCode.BAD_MAGIC, _image(lambda p: p.write_text("hello " * 100))),
    "a VRT named .tif": (ErrorCode.BAD_MAGIC, _image(_vrt)),
    "a PNG named .tif": (ErrorCode.BAD_MAGIC, _image(lambda p: p.write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 500))),
    "a header and nothing else": (ErrorCode.DECODE_FAILED, _image(lambda p: p.write_bytes(b"II*\0\x08\0\0\0" + b"\xff" * 200))),
    "blocks that do not decompress": (ErrorCode.DECODE_FAILED, _image(_broken_body)),
    "a 60,000 x 60,000 sparse file": (ErrorCode.TOO_MANY_PIXELS, _image(lambda p: _sparse(p, 60_000))),
    "one enormous strip": (ErrorCode.BLOCK_TOO_LARGE, _image(lambda p: _sparse(p, 12_000, tiled=False, blockysize=12_000))),
    "complex numbers": (ErrorCode.DTYPE_UNSUPPORTED, _image(lambda p: _raster(p, dtype="complex64"))),
    "no coordinate system": (ErrorCode.CRS_UNSUPPORTED, _image(lambda p: _raster(p, crs=None))),
    "degrees": (ErrorCode.CRS_UNSUPPORTED, _image(lambda p: _raster(p, crs="EPSG:4326"))),
    "the neighbouring zone": (ErrorCode.CRS_MISMATCH, _image(lambda p: _raster(p, crs="EPSG:32750"))),
    "rotated": (ErrorCode.GRID_UNSUPPORTED, _image(lambda p: _raster(p, transform=Affine(10, 2, 453_000, 2, -10, 9_871_000)))),
    "south up": (ErrorCode.GRID_UNSUPPORTED, _image(lambda p: _raster(p, transform=Affine(10, 0, 453_000, 0, 10, 9_870_040)))),
    "a metre a pixel": (ErrorCode.GRID_UNSUPPORTED, _image(lambda p: _raster(p, transform=Affine(1, 0, 453_000, 0, -1, 9_871_000)))),
    "one tile to the east": (ErrorCode.GRID_MISMATCH, _image(lambda p: _raster(p, transform=Affine(10, 0, 463_000, 0, -10, 9_871_000)))),
    "three bands": (ErrorCode.BANDS_MISMATCH, _image(lambda p: _raster(p, count=3))),
    "bands no model reads": (ErrorCode.BANDS_MISSING, _item(lambda d: d["assets"]["image"]["bands"][3].update({"eo:common_name": "rededge"}))),  # noqa: E501
    "nothing but fill": (ErrorCode.NO_VALID_PIXELS, _image(_zeros)),
}  # fmt: skip


def _state(chain: Service) -> tuple[str, list[tuple[str, str]]]:
    with transaction(chain.engine) as session:
        return digest(session), [(d.code, d.subject) for d in log.dead_letters(session)]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the good scenes alone come to."""
    folder = tmp_path_factory.mktemp("untouched")
    load_zones(chain := service(folder / "data"))
    replay(chain, [write_archive(folder / "archive", GOOD)], order="given", tense=AlertTense.TEST)
    return _state(chain)[0]


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_its_code_and_the_next_good_scene_is_processed(case: str, tmp_path: Path, untouched: str) -> None:
    code, spoil = CASES[case]
    archive = write_archive(tmp_path / "archive", [GOOD[0]])
    bad = write_scene(tmp_path / "archive", BAD)
    spoil(bad, tmp_path / "archive" / "assets" / f"{BAD.scene_id}_image.tif")
    load_zones(chain := service(tmp_path / "data", decoder_seconds=20))
    first = archive / "items" / f"{GOOD[0].scene_id}.json"
    last = write_scene(archive, GOOD[1])
    summary = replay(chain, [first, bad, last], order="given", tense=AlertTense.TEST)

    state, dead = _state(chain)
    assert [c for c, _ in dead] == [code], f"{dead}"
    assert summary.dead == {code.value: 1} and summary.scenes_done == 2
    assert state == untouched and len(records(chain)) == 1, "the bad scene left a trace"
    assert not list((tmp_path / "data" / "spool").glob("*")), "a copy was left behind"
    written = b"".join(p.read_bytes() for p in (tmp_path / "data").rglob("*") if p.is_file() and p.suffix not in (".jpg",))
    assert SECRET.encode() not in written, "the canary's content left its file"


def test_every_case_has_its_own_reason() -> None:
    assert len({code for code, _ in CASES.values()}) >= 20


def test_a_bad_zone_of_a_scene_is_no_excuse_to_lose_the_bytes(tmp_path: Path) -> None:
    """The dead letter keeps the original message, and a mended scene can be replayed from it."""
    archive = write_archive(tmp_path / "archive", GOOD)
    image = archive / "assets" / f"{GOOD[1].scene_id}_image.tif"
    hidden = image.rename(image.with_suffix(".hidden"))
    load_zones(chain := service(tmp_path / "data"))
    replay(chain, [archive], order="acquired", tense=AlertTense.TEST)
    with transaction(chain.engine) as session:
        (letter,) = log.dead_letters(session)
        assert letter.code == ErrorCode.ASSET_MISSING and json.loads(letter.payload)["data"]["item"]["id"] == GOOD[1].scene_id
    hidden.rename(image)
    with chain.working():
        with transaction(chain.engine) as session:
            log.revive(session, log.dead_letters(session)[0], at=chain.clock.now())
        chain.drain()
    load_zones(straight := service(tmp_path / "straight"))
    replay(straight, [archive], order="acquired", tense=AlertTense.TEST)
    assert _state(chain)[0] == _state(straight)[0], "as if it had never failed"


def test_a_decoder_that_dies_every_time_is_tried_three_times_then_buried(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "archive", GOOD)
    load_zones(chain := service(tmp_path / "data", decoder_bytes=1))
    summary = replay(chain, [archive], order="acquired", tense=AlertTense.TEST)
    assert summary.dead == {ErrorCode.DECODER_DIED.value: 2}


def test_four_bands_are_enough_for_the_other_model(tmp_path: Path) -> None:
    planet = Scene(20, platform="planetscope", resolution_m=5, bands=RGBN_BANDS)
    load_zones(chain := service(tmp_path / "data", model=None))
    summary = replay(chain, [write_archive(tmp_path / "archive", [planet])], order="acquired", tense=AlertTense.TEST)
    assert summary.dead == {} and summary.scenes_done == 1
