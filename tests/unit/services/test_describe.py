"""GeoTIFFs described as one scene: the item says all that is needed to refuse or trust them."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.scene import SceneItem
from jagawana.services.ingest.describe import SceneFacts, describe_scene
from jagawana.services.raster.headers import headers_of
from jagawana.services.settings import load_settings

AT = datetime(2026, 1, 5, 2, 40, tzinfo=UTC)
S2 = SceneFacts(AT, "sentinel-2a", "05.10")
PLANET = SceneFacts(AT, "planetscope")


def tif(
    path: Path, bands: int = 6, *, pixel_m: float = 10, crs: str | None = "EPSG:32749", names: tuple[str, ...] = (), **more: Any
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    scale = more.pop("scale", None)
    place = Affine(pixel_m, 0, 453_000, 0, -pixel_m, 9_871_000)
    with rasterio.open(path, "w", driver="GTiff", width=60, height=50, count=bands, dtype=more.pop("dtype", "uint16"), crs=crs,
                       transform=place, **more) as file:  # fmt: skip
        file.write(np.ones((bands, 50, 60), file.dtypes[0]))
        if names:
            file.descriptions = names
        if scale is not None:
            file.scales, file.offsets = (scale[0],) * bands, (scale[1],) * bands
    return path


def described(files: list[Path], facts: SceneFacts, out: Path) -> dict[str, Any]:
    path = describe_scene(files, facts, out, headers_of=headers_of(load_settings()))
    document: dict[str, Any] = json.loads(path.read_text())
    SceneItem.model_validate(document)
    assert path == out / "items" / f"{document['id']}.json"
    return document


def refused(files: list[Path], facts: SceneFacts, out: Path) -> ErrorCode:
    with pytest.raises(DataError) as caught:
        described(files, facts, out)
    assert not list((out / "items").glob("*.json"))
    return caught.value.code


def test_a_sentinel_2_image_becomes_an_item_with_its_file_beside_it(tmp_path: Path) -> None:
    source = tif(tmp_path / "in" / "My scene (1).tif", nodata=0)
    document = described([source], S2, tmp_path / "out")
    assert document["id"] == "My_scene_1_" and document["properties"]["s2:processing_baseline"] == "05.10"
    assert document["properties"]["datetime"] == "2026-01-05T02:40:00Z" and document["properties"]["gsd"] == 10
    asset = document["assets"]["image"]
    copy = (tmp_path / "out" / "items" / asset["href"]).resolve()
    assert copy.read_bytes() == source.read_bytes() and copy.is_relative_to(tmp_path / "out" / "assets")
    assert asset["file:size"] == source.stat().st_size
    assert asset["file:checksum"] == "1220" + hashlib.sha256(source.read_bytes()).hexdigest()
    assert (asset["proj:code"], asset["proj:shape"], asset["nodata"]) == ("EPSG:32749", [50, 60], 0)
    assert asset["proj:transform"] == [10, 0, 453_000, 0, -10, 9_871_000]
    assert [b["eo:common_name"] for b in asset["bands"]] == ["blue", "green", "red", "nir", "swir16", "swir22"]
    assert not any("raster:scale" in b for b in asset["bands"]), "the baseline knows"


def test_a_file_s_own_scale_is_written_down_and_other_sensors_get_the_usual_one(tmp_path: Path) -> None:
    own = described([tif(tmp_path / "a.tif", scale=(1e-4, -0.1))], S2, tmp_path / "out")
    assert {(b["raster:scale"], b["raster:offset"]) for b in own["assets"]["image"]["bands"]} == {(1e-4, -0.1)}
    planet = described([tif(tmp_path / "b.tif", 4, pixel_m=5)], PLANET, tmp_path / "out")
    assert {(b["raster:scale"], b["raster:offset"]) for b in planet["assets"]["image"]["bands"]} == {(1e-4, 0.0)}
    floats = described([tif(tmp_path / "c.tif", 4, pixel_m=5, dtype="float32")], PLANET, tmp_path / "out")
    assert floats["assets"]["image"]["bands"][0]["raster:scale"] == 1.0


def test_one_file_a_band_is_one_scene(tmp_path: Path) -> None:
    names = ("B02", "B03", "B04", "B08")
    files = [tif(tmp_path / f"T49MDU_{n}.tif", 1) for n in names] + [tif(tmp_path / "T49MDU_SCL.tif", 1, pixel_m=20, dtype="uint8")]
    document = described(files, SceneFacts(AT, "sentinel-2a", "05.10", "my-scene"), tmp_path / "out")
    assert document["id"] == "my-scene" and sorted(document["assets"]) == [f"asset{n}" for n in range(5)]
    assert [a["bands"][0]["eo:common_name"] for a in document["assets"].values()] == ["blue", "green", "red", "nir", "scl"]
    assert document["properties"]["gsd"] == 10


def test_the_footprint_is_the_file_s_in_degrees(tmp_path: Path) -> None:
    document = described([tif(tmp_path / "a.tif")], S2, tmp_path / "out")
    west, south, east, north = document["bbox"]
    assert 110.5 < west < east < 110.7 and -1.2 < south < north < -1.1
    assert (east - west) * 111_320 == pytest.approx(600, rel=0.01) and (north - south) * 110_574 == pytest.approx(500, rel=0.01)


def test_an_archive_can_be_described_in_place(tmp_path: Path) -> None:
    source = tif(tmp_path / "assets" / "a.tif")
    assert described([source], S2, tmp_path)["assets"]["image"]["href"] == "../assets/a.tif"
    assert list((tmp_path / "assets").iterdir()) == [source]


def test_what_cannot_be_a_scene_is_refused_and_no_item_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert refused([tmp_path / "no.tif"], S2, out) is ErrorCode.ASSET_MISSING
    assert refused([tif(tmp_path / "a.tif", crs=None)], S2, out) is ErrorCode.CRS_UNSUPPORTED
    assert refused([tif(tmp_path / "b.tif", 3)], S2, out) is ErrorCode.BANDS_MISSING
    assert refused([tif(tmp_path / "c.tif", 2, names=("AOT", "WVP"))], S2, out) is ErrorCode.BANDS_MISSING
    assert refused([tif(tmp_path / "d.tif", 4), tif(tmp_path / "e.tif", 4)], S2, out) is ErrorCode.MESSAGE_INVALID, "bands twice"
    assert refused([tif(tmp_path / "f.tif")], SceneFacts(AT, "sentinel-2a", "five"), out) is ErrorCode.MESSAGE_INVALID
    (tmp_path / "text.tif").write_text("hello")
    assert refused([tmp_path / "text.tif"], S2, out) is ErrorCode.DECODE_FAILED
