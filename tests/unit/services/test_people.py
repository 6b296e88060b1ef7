"""People and places near, from the files that people bring."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from shapely import LineString, Point
from shapely.geometry.base import BaseGeometry

from jagawana.rules.reach import within
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.settings import load_settings
from jagawana.services.statistics import people
from jagawana.services.statistics.layers import read_layer
from jagawana.services.statistics.people import people_source

POINTS, LINES = frozenset({0}), frozenset({1})
CELL_DEG = 0.01


def raster(path: Path, cells: np.ndarray, *, epsg: int = 4326, transform: Affine | None = None, nodata: float | None = -99999.0) -> Path:
    transform = transform or Affine(CELL_DEG, 0, 114.0, 0, -CELL_DEG, -1.0)
    with rasterio.open(path, "w", driver="GTiff", height=cells.shape[0], width=cells.shape[1], count=1, dtype=cells.dtype, crs=epsg,
                       transform=transform, nodata=nodata, tiled=True, blockxsize=16, blockysize=16, compress="lzw") as file:  # fmt: skip
        file.write(cells, 1)
    return path


def counted(path: Path, ground: BaseGeometry) -> float:
    return people_source(path, load_settings())(ground)


def refused(path: Path, ground: BaseGeometry | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        counted(path, ground or shapely.box(114, -1.1, 114.1, -1))
    return caught.value


def test_cells_whose_centre_lies_inside_and_no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = np.arange(60 * 40, dtype=np.float32).reshape(60, 40)
    ground = shapely.union_all([Point(114.13, -1.21).buffer(0.073), shapely.box(114.301, -1.401, 114.349, -1.349)])
    rows, columns = np.mgrid[:60, :40]
    inside = shapely.contains_xy(ground, 114 + (columns + 0.5) * CELL_DEG, -1 - (rows + 0.5) * CELL_DEG)
    path = raster(tmp_path / "people.tif", cells)
    assert counted(path, ground) == pytest.approx(float(cells[inside].sum())) and 150 < inside.sum() < 250
    monkeypatch.setattr(people, "READ_AT_ONCE", 100)
    assert counted(path, ground) == pytest.approx(float(cells[inside].sum())), "in many strips"


def test_nobody_lives_where_nothing_is_known(tmp_path: Path) -> None:
    cells = np.full((20, 20), 2, np.float32)
    cells[0], cells[1], cells[2], cells[3] = -99999, np.nan, -5, np.inf
    whole = shapely.box(113, -2, 115, 0)
    assert counted(raster(tmp_path / "people.tif", cells), whole) == 2 * 16 * 20
    sentinel = np.full((20, 20), 255, np.uint8)
    sentinel[0] = 7
    assert counted(raster(tmp_path / "bytes.tif", sentinel, nodata=255), whole) == 7 * 20


def test_a_raster_in_metres_gives_the_same(tmp_path: Path) -> None:
    cells = np.full((100, 100), 3, np.uint16)
    path = raster(tmp_path / "metres.tif", cells, epsg=32749, transform=Affine(1000, 0, 450_000, 0, -1000, 9_920_000), nodata=None)
    ground = within([Point(111, -1.2)], 10_000)
    assert counted(path, ground) == pytest.approx(3 * 314.16, rel=0.02)
    assert counted(path, within([Point(118, -1.2)], 10_000)) == 0, "beyond the raster nobody is known"


def test_rasters_that_cannot_be_counted_are_refused(tmp_path: Path) -> None:
    cells, north_up = np.ones((20, 20), np.float32), Affine(0.01, 0, 114, 0, -0.01, -1)
    turned = raster(tmp_path / "turned.tif", cells, transform=Affine(0.01, 0.002, 114, 0.002, -0.01, -1))
    assert refused(turned).code is ErrorCode.GRID_UNSUPPORTED
    assert refused(raster(tmp_path / "complex.tif", cells.astype(np.complex64))).code is ErrorCode.DTYPE_UNSUPPORTED
    bare = tmp_path / "bare.tif"
    with rasterio.open(bare, "w", driver="GTiff", height=20, width=20, count=1, dtype="float32", transform=north_up) as file:
        file.write(cells, 1)
    assert refused(bare).code is ErrorCode.CRS_UNSUPPORTED
    (tmp_path / "text.tif").write_text("people")
    assert "does not begin like a TIFF" in refused(tmp_path / "text.tif").detail


def test_a_country_at_100_m_is_read_around_the_mining_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As WorldPop draws Indonesia, 1.1 thousand million cells; here nearly all of its blocks are empty."""
    step = 1 / 1200
    path, north_west, rows, columns = tmp_path / "idn.tif", (95.0, 6.1), 20_520, 55_240
    places = [Point(114.0, -1.2), Point(97.3, 4.9), Point(140.9, -2.6)]
    with rasterio.open(path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype="float64", crs=4326, nodata=-99999.0,
                       transform=Affine(step, 0, north_west[0], 0, -step, north_west[1]), tiled=True, blockxsize=512, blockysize=512,
                       compress="deflate", SPARSE_OK=True) as file:  # fmt: skip
        for place in places:
            row, column = file.index(place.x, place.y)
            window = rasterio.windows.Window(max(0, column - 150), row - 150, min(300, columns - column + 150), 300)
            file.write(np.full((window.height, min(window.width, columns - window.col_off)), 0.5), 1, window=window)
    read: list[int] = []
    strips = people._strips
    monkeypatch.setattr(people, "_strips", lambda *args: [read.append(w[2] * w[3]) or w for w in strips(*args)])
    cell_km2 = (step * 111.32) * (step * 110.57)
    assert counted(path, within(places, 10_000)) == pytest.approx(3 * 0.5 * 314.16 / cell_km2, rel=0.02)
    assert sum(read) < 3 * 250**2, "windows of 20 km"


def test_settlements_count_whole_and_census_polygons_by_their_share(tmp_path: Path) -> None:
    table = gpd.GeoDataFrame(
        {"Penduduk": [100, 40, 7, None]},
        geometry=[Point(114.05, -1.05), shapely.box(114.05, -1.05, 114.15, -1.0), Point(116, -1), Point(114.01, -1.01)], crs=4326,
    )  # fmt: skip
    table.to_crs(32749).to_file(tmp_path / "people.gpkg", driver="GPKG")
    assert counted(tmp_path / "people.gpkg", shapely.box(114, -1.1, 114.1, -1)) == pytest.approx(100 + 20, rel=1e-3)


def test_a_layer_without_people_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "villages.csv"
    path.write_text("lat,lon,nama\n-1.05,114.05,Satu\n")
    assert refused(path).code is ErrorCode.ZONES_INVALID
    layer = read_layer(path, dimensions=POINTS)
    assert layer.names == ["Satu"] and layer.geometries[0].equals(Point(114.05, -1.05)) and np.isnan(layer.people).all()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x,y\n1,2\n", "no lon and lat"),
        ("lon,lat\n-1.2,114.5\n", "line 2"),
        ("lon,lat\n114.5,here\n", "here"),
        ("lon,lat,population\n114.5,-1.2,-3\n", "-3"),
        ("lon,lat,population\n114.5,-1.2,inf\n", "inf"),
        ("lon,lat\n", "no features"),
        ("lon,lat\n114.5\n", "NoneType"),
    ],
)
def test_tables_that_are_wrong_are_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=reason) as caught:
        read_layer(path, dimensions=POINTS)
    assert caught.value.code is ErrorCode.ZONES_INVALID


def test_a_road_is_no_village(tmp_path: Path) -> None:
    path = tmp_path / "roads.geojson"
    line = {"type": "Feature", "properties": {}, "geometry": LineString([(114, -1), (115, -1)]).__geo_interface__}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [line]}))
    assert len(read_layer(path, dimensions=LINES).geometries) == 1
    with pytest.raises(DataError, match="LineString"):
        read_layer(path, dimensions=POINTS)


def test_a_feature_without_geometry_is_left_out_but_never_its_people(tmp_path: Path) -> None:
    features = [
        {"type": "Feature", "properties": {"name": "a", "population": n}, "geometry": g}
        for n, g in ((5, {"type": "Point", "coordinates": [114, -1]}), (None, None), (0, None))
    ]
    path = tmp_path / "places.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    layer = read_layer(path, dimensions=POINTS)
    assert len(layer.geometries) == len(layer.names) == len(layer.people) == 1
    features[1]["properties"]["population"] = 7  # type: ignore[index]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(DataError, match="feature 2 has people but no geometry"):
        read_layer(path, dimensions=POINTS)


def test_a_table_of_a_package_is_named_after_a_colon(tmp_path: Path) -> None:
    package = tmp_path / "roads.gpkg"
    for table, count in (("old", 1), ("new", 2)):
        lines = [LineString([(114, -1), (115, -1 - n)]) for n in range(count)]
        gpd.GeoDataFrame(geometry=lines, crs=4326).to_file(package, layer=table, driver="GPKG")
    assert len(read_layer(Path(f"{package}:new"), dimensions=LINES).geometries) == 2
    with pytest.raises(DataError, match="holds the tables old, new; write FILE:TABLE"):
        read_layer(package, dimensions=LINES)
