"""Good inputs for the fuzzer to begin with."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
from scenes import Scene, write_scene
from shapely import MultiPolygon, box

from jagawana.schemas.envelope import encode
from jagawana.schemas.examples import ACQUIRED_AT, example_messages

BOX = box(110.5, -1.3, 110.6, -1.2)
DICTIONARY = (
    "NaN", "Infinity", "1e400", "-1e308", "9223372036854775808", "null", "true", "[[[[", "]]]]", "{}", "[]", '"\\\\ud800"', '"\\\\u0000"',
    "\\xff\\xfe", "org.jagawana.", ".v2", "urn:jagawana:schema:", "1220", "EPSG:4326", "9999-12-31T23:59:59-12:00", "Polygon",
    "MultiPolygon", "coordinates", "GeometryCollection",
    "<kml", "<Placemark>", "<MultiGeometry>", "<coordinates>", "<!DOCTYPE", "]]>",
    "SQLite format 3", "II*\\x00", "MM\\x00*", "II+\\x00", "\\xff\\xff\\xff",
)  # fmt: skip
"""Words that mean something to one of the targets, escaped as libFuzzer reads them."""


def seeds(folder: Path) -> Mapping[str, Sequence[bytes]]:
    """By target; `folder` is for files on the way."""
    item = write_scene(folder, Scene(0, size=64))
    images = [p.read_bytes() for p in sorted((folder / "assets").glob("*.tif"))]
    text = json.dumps(json.loads(item.read_text()), separators=(",", ":")).encode()
    return {
        "event": [encode(m, source="/fuzz", at=ACQUIRED_AT) for m in example_messages()],
        "item": [text],
        "zones": [_layer(folder, "gpkg"), _layer(folder, "geojson"), _layer(folder, "shp"), _layer(folder, "kml")],
        "raster": images,
    }


def _layer(folder: Path, ext: str) -> bytes:
    path = folder / f"layer.{ext}"
    columns = {"name": ["a", "b"], "valid_from": ["2020-01-01", None], "accuracy_m": [50.0, None]}
    driver = "LIBKML" if ext == "kml" else None  # the one that reads it
    gpd.GeoDataFrame(columns, geometry=[BOX, MultiPolygon([BOX])], crs="EPSG:4326").to_file(path, engine="pyogrio", driver=driver)
    return path.read_bytes()
