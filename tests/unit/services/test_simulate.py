"""A simulated world as files: valid items, true checksums, the radiometry it declares, and the same bytes every time."""

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pystac
import pytest
import rasterio

from jagawana.detectors.simulation.config import WorldConfig
from jagawana.detectors.simulation.world import World
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.scene import SceneItem
from jagawana.services.ingest.simulate import SimulatedArchive, write_world
from jagawana.services.ingest.simulated_scene import digital_numbers, scene_id

CONFIG = WorldConfig(seed=9, width_km=3.0, height_km=3.0, sites=3, dates_10m=3, dates_5m=2)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> SimulatedArchive:
    return write_world(World(CONFIG), tmp_path_factory.mktemp("world"))


def items(archive: SimulatedArchive) -> list[SceneItem]:
    return [SceneItem.model_validate_json(path.read_bytes()) for path in archive.items]


def hashes(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(root.rglob("*")) if p.is_file()}


def test_two_writes_give_the_same_bytes(archive: SimulatedArchive, tmp_path: Path) -> None:
    again = write_world(World(CONFIG), tmp_path)
    assert hashes(again.root) == hashes(archive.root)
    assert len(hashes(archive.root)) == 5 + (3 * 2 + 2) + 2


def test_items_are_stac_items_with_relative_files(archive: SimulatedArchive) -> None:
    for path, item in zip(archive.items, items(archive), strict=True):
        stac = pystac.Item.from_dict(json.loads(path.read_text()))
        assert stac.id == item.id == path.stem
        assert stac.datetime == item.acquired_at
        assert all((path.parent / a.href).resolve().is_file() and a.href.startswith("../assets/") for a in item.assets.values())
        west, south, east, north = item.bbox
        assert 114 < west < east < 120 and -3 < south < north < 0
        assert item.properties.created is not None and item.properties.created > item.acquired_at


def test_sizes_checksums_and_grids_are_those_of_the_files(archive: SimulatedArchive) -> None:
    for path, item in zip(archive.items, items(archive), strict=True):
        for asset in item.assets.values():
            file = path.parent / asset.href
            assert asset.size == file.stat().st_size
            assert asset.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
            with rasterio.open(file) as raster:
                assert raster.driver == "GTiff" and raster.profile["tiled"]
                assert raster.crs.to_epsg() == int(asset.code.removeprefix("EPSG:"))
                assert (raster.height, raster.width) == asset.shape and tuple(raster.transform)[:6] == asset.transform
                assert raster.descriptions == tuple(b.name for b in asset.bands)


def test_numbers_decode_to_the_reflectance_that_was_seen(archive: SimulatedArchive) -> None:
    world = World(CONFIG)
    for look, path, item in zip(world.looks, archive.items, items(archive), strict=True):
        assert path.stem == scene_id(look)
        asset, scene = item.assets["data"], world.scene(look)
        band = asset.bands[0]
        assert band.scale is not None and band.offset is not None
        with rasterio.open(path.parent / asset.href) as raster:
            numbers = raster.read()
            assert raster.scales[0] == band.scale and raster.offsets[0] == pytest.approx(band.offset)
        decoded = numbers * band.scale + band.offset
        assert np.abs(decoded - scene.reflectance)[:, scene.valid].max() <= 1e-4
        assert (numbers[:, ~scene.valid] == 0).all() and (numbers[:, scene.valid] > 0).all()


def test_sentinel_items_declare_the_offset_of_their_baseline_and_planet_items_none(archive: SimulatedArchive) -> None:
    for item in items(archive):
        band, properties = item.assets["data"].bands[0], item.properties
        if properties.platform == "planetscope":
            assert (band.offset, properties.processing_baseline, set(item.assets)) == (0.0, None, {"data"})
        else:
            assert (band.offset, properties.processing_baseline) == (-0.1, "05.10")
            assert properties.datatake_id in item.acquisition_key
            assert item.assets["scl"].bands[0].common_name == "scl"
            assert [b.name for b in item.assets["data"].bands] == ["B02", "B03", "B04", "B08", "B11", "B12"]


def test_dark_pixels_stay_above_the_fill_value() -> None:
    numbers = digital_numbers(np.zeros((1, 1, 2), dtype=np.float32), np.array([[True, False]]), add=0)
    assert numbers.tolist() == [[[1, 0]]]


def test_the_legal_map_has_every_kind_and_dates(archive: SimulatedArchive) -> None:
    zones = gpd.read_file(archive.zones, layer="zones")
    assert zones.crs.to_epsg() == 4326
    not_simulated = {ZoneKind.FOREST_USE_APPROVAL, ZoneKind.PEOPLES_MINING_AREA, ZoneKind.SUSTAINABLE_USE, ZoneKind.INDIGENOUS_LAND}
    assert set(zones["kind"]) == {k.value for k in set(ZoneKind) - not_simulated}
    assert {"zone_id", "kind", "name", "holder", "stage", "valid_from", "valid_to"} <= set(zones.columns)
    assert (zones.loc[zones["kind"] == "concession", "valid_to"].notna()).all()
    assert zones.is_valid.all()


def test_the_truth_is_consistent(archive: SimulatedArchive) -> None:
    assert set(pyogrio.list_layers(archive.truth)[:, 0]) == {"mining", "roads", "huts", "sites"}
    sites, mining = gpd.read_file(archive.truth, layer="sites"), gpd.read_file(archive.truth, layer="mining")
    assert set(mining["site_id"]) <= set(sites["site_id"])
    assert (sites["first_road_at"] < sites["first_hut_at"]).all() and (sites["first_hut_at"] < sites["first_pit_at"]).all()
    measured = mining.to_crs(32750).area / 1e4
    assert np.allclose(measured, mining["area_ha"], atol=0.01, rtol=0.001)


def test_a_world_without_mining_has_no_mining_layer(tmp_path: Path) -> None:
    quiet = WorldConfig(seed=9, width_km=2.0, height_km=2.0, sites=0, dates_10m=1, dates_5m=0)
    written = write_world(World(quiet), tmp_path)
    assert not {"mining", "sites"} & set(pyogrio.list_layers(written.truth)[:, 0])


def test_progress_is_told_after_each_scene(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    quiet = WorldConfig(seed=9, width_km=2.0, height_km=2.0, sites=0, dates_10m=2, dates_5m=1)
    write_world(World(quiet), tmp_path, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
