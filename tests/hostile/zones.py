"""Group E: zone layers, E01 to E18, as files that somebody may give us."""

import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from hostile.table import Accepted
from hostile.traps import Traps
from shapely import LinearRing, LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import ErrorCode

A, B = box(110.5, -1.3, 110.6, -1.2), box(110.7, -1.3, 110.8, -1.2)
OPEN = [[110.5, -1.3], [110.6, -1.3], [110.6, -1.2], [110.5, -1.2]]
RING = [*OPEN, OPEN[0]]
REFUSED, HELD = ErrorCode.ZONES_INVALID, ErrorCode.ZONES_HELD


@dataclass(frozen=True)
class BadLayer:
    """One row: what makes the file in a folder, and what must come of loading it. `why` is part of the refusal."""

    id: str
    name: str
    expected: ErrorCode | Accepted
    make: Callable[[Path, Traps], Path]
    why: str = ""
    note: str = ""
    before: Callable[[Path, Traps], Path] | None = None
    """The version in force; without it, the layer's first version comes."""

    def __str__(self) -> str:
        return f"{self.id} {self.name}"


def package(
    *geometries: BaseGeometry | None, crs: str | None = "EPSG:4326", ext: str = "gpkg", **columns: Sequence[Any]
) -> Callable[[Path, Traps], Path]:
    """A file written by GDAL."""

    def make(folder: Path, _: Traps) -> Path:
        given = columns or {"name": [f"zone {n}" for n in range(len(geometries))]}
        path = folder / f"layer.{ext}"
        gpd.GeoDataFrame({k: list(v) for k, v in given.items()}, geometry=list(geometries), crs=crs).to_file(path, engine="pyogrio")
        return path

    return make


def document(geometry: object, text: Callable[[str], str] = str, **more: object) -> Callable[[Path, Traps], Path]:
    """A GeoJSON file of one feature."""

    def make(folder: Path, _: Traps) -> Path:
        feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": geometry}
        path = folder / "layer.geojson"
        path.write_text(text(json.dumps({"type": "FeatureCollection", "features": [feature], **more})))
        return path

    return make


def polygon(ring: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [ring]}


def edited(sql: str, *values: object, good: Callable[[Path, Traps], Path] | None = None) -> Callable[[Path, Traps], Path]:
    """A GeoPackage changed behind GDAL's back; its own triggers are gone, since SQLite alone cannot run them."""

    def make(folder: Path, traps: Traps) -> Path:
        path = (good or package(A))(folder, traps)
        connection = sqlite3.connect(path)
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        if values:
            connection.execute(sql, values)
        else:
            connection.executescript(sql.replace("SECRET", str(traps.secret)))
        connection.commit()
        connection.close()
        return path

    return make


def outline(wkb: bytes) -> Callable[[Path, Traps], Path]:
    """A GeoPackage whose one outline is these bytes, in well-known binary."""
    return edited("UPDATE layer SET geom = ?", b"GP\0\1" + struct.pack("<i", 4326) + wkb)


def wkb_ring(*positions: tuple[float, float]) -> bytes:
    """A polygon of one ring that no library would write."""
    return struct.pack("<BIII", 1, 3, 1, len(positions)) + b"".join(struct.pack("<dd", *p) for p in positions)


def content(name: str, text: str) -> Callable[[Path, Traps], Path]:
    """A file of any name and content; SECRET and URL are filled in."""

    def make(folder: Path, traps: Traps) -> Path:
        path = folder / name
        path.write_text(text.replace("SECRET", str(traps.secret)).replace("URL", traps.urls[0]))
        return path

    return make


def circle(vertices: int, radius: float = 0.05) -> Polygon:
    turns = np.linspace(0, 2 * np.pi, vertices)[:-1]
    return Polygon(np.c_[110.5 + radius * np.cos(turns), -1.25 + radius * np.sin(turns)])


def many_boxes() -> MultiPolygon:
    """250,000 vertices."""
    x, y = np.meshgrid(110 + np.arange(500) / 1000, -1 - np.arange(100) / 1000)
    return shapely.multipolygons(shapely.box(x, y, x + 0.0005, y + 0.0005).ravel())


def star(points: int) -> Polygon:
    """Every edge crosses nearly every other: repairing it took 30 s."""
    turns = np.arange(points) * 2 * np.pi * (points // 2 - 1) / points
    return Polygon(np.c_[110.5 + 0.05 * np.cos(turns), -1.25 + 0.05 * np.sin(turns)])


def strips(count: int) -> list[Polygon]:
    """Half of them lie across the other half."""
    at = np.linspace(0, 0.001, count // 2)
    lying = [box(110.57, -1.2 - x - 1e-6, 110.6, -1.2 - x) for x in at]
    return [*lying, *(box(110.58 + x, -1.21, 110.58 + x + 1e-6, -1.19) for x in at)]


def _zip(folder: Path, _: Traps) -> Path:
    path = folder / "layer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../escaped.geojson", "{}")
    return path


def _two_shapefile_parts(folder: Path, traps: Traps) -> Path:
    """Without the file that holds its coordinate system."""
    path = package(A, ext="shp")(folder, traps)
    path.with_suffix(".prj").unlink()
    return path


VRT = """<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>SECRET</SrcDataSource><SrcSQL>SELECT * FROM x</SrcSQL></OGRVRTLayer>
</OGRVRTDataSource>"""
PIPELINE = '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read SECRET"}'
BOW_TIE = Polygon([(110, -1), (110.1, -1.1), (110.1, -1), (110, -1.1)])
ENDS_FIRST = {"name": ["a"], "valid_from": ["2024-01-02"], "valid_to": ["2024-01-01"]}
KML = '<?xml version="1.0"?><kml><NetworkLink><Link><href>URL/x.kml</href></Link></NetworkLink></kml>'
KML_ZONE = """<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>a</name>
<Polygon><outerBoundaryIs><LinearRing><coordinates>110.5,-1.3,0 110.6,-1.3,0 110.6,-1.2,0 110.5,-1.2,0 110.5,-1.3,0</coordinates>
</LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"""
KML_OPEN = KML_ZONE.replace(" 110.5,-1.3,0</coordinates>", "</coordinates>")
KML_NUMBER = KML_ZONE.replace(
    "<Document>", '<Document><Schema name="s" id="s"><SimpleField name="accuracy_m" type="float"/></Schema>'
).replace(
    "<Polygon>",
    '<ExtendedData><SchemaData schemaUrl="#s"><SimpleData name="accuracy_m">5 0</SimpleData></SchemaData></ExtendedData><Polygon>',
)
KML_SWAPPED = KML_ZONE.replace("110.", "-1.").replace(",-1.", ",110.")
KML_POINT = '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><Point><coordinates>110,-1</coordinates></Point></Placemark></kml>'
KML_ENTITY = '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY e SYSTEM "file://SECRET">]><kml><Placemark><name>&e;</name></Placemark></kml>'
KML_BOMB = '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><kml><name>&b;</name></kml>'
GML = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://SECRET">]><FeatureCollection><name>&e;</name></FeatureCollection>'
TRIGGER = """
CREATE TRIGGER grow AFTER UPDATE ON gpkg_contents BEGIN DELETE FROM layer; END;
CREATE TRIGGER more AFTER INSERT ON layer BEGIN DELETE FROM gpkg_contents; END;
"""
VIEW = """
CREATE VIEW seen AS SELECT fid, geom, name || ' seen' AS name FROM layer;
DELETE FROM gpkg_contents; DELETE FROM gpkg_geometry_columns;
INSERT INTO gpkg_contents(table_name, data_type, identifier, srs_id) VALUES ('seen', 'features', 'seen', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('seen', 'geom', 'POLYGON', 4326, 0, 0);
"""
VIRTUAL = """
PRAGMA writable_schema = 1;
INSERT INTO sqlite_master VALUES ('table', 'secret', 'secret', 0, 'CREATE VIRTUAL TABLE secret USING VirtualOGR(''SECRET'')');
INSERT INTO gpkg_contents(table_name, data_type, identifier, srs_id) VALUES ('secret', 'features', 'secret', 4326);
INSERT INTO gpkg_geometry_columns VALUES ('secret', 'geom', 'POLYGON', 4326, 0, 0);
"""
GRIDS = """UPDATE gpkg_spatial_ref_sys SET definition = 'GEOGCS["x",DATUM["x",SPHEROID["x",6378137,298],EXTENSION["PROJ4_GRIDS","SECRET"]],\
PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]', organization = 'NONE', organization_coordsys_id = 1 WHERE srs_id = 4326"""
CAREFUL = "the zones that are right are not told apart from those meant to harm"

FIRST, TWO = package(A, zone_id=["a"]), package(A, B, zone_id=["1", "2"])
CONSERVED = package(A, zone_id=["a"], kind=["conservation"])

LAYERS: tuple[BadLayer, ...] = (
    BadLayer("E01", "NaN in JSON", REFUSED, document(polygon(RING), lambda t: t.replace("110.6", "NaN")), "NaN where a number"),
    BadLayer("E01", "NaN in binary", REFUSED, outline(wkb_ring((110, -1), (float("nan"), -1), (110.1, -1.1), (110, -1))), "not finite"),
    BadLayer("E02", "a bow-tie", REFUSED, package(A, BOW_TIE), "feature 2: its outline"),
    BadLayer("E03", "an open ring in JSON", REFUSED, document(polygon(OPEN)), "a ring is not closed"),
    BadLayer("E03", "an open ring in binary", REFUSED, outline(wkb_ring((110, -1), (110.1, -1), (110.1, -1.1), (110, -1.1))), "closed"),
    BadLayer("E03", "an open ring in KML", REFUSED, content("layer.kml", KML_OPEN), "closed"),
    BadLayer("E04", "a ring of two in JSON", REFUSED, document(polygon([OPEN[0], OPEN[1]])), "fewer than four"),
    BadLayer("E04", "a ring of two in binary", REFUSED, outline(wkb_ring((110, -1), (110, -1))), ""),
    BadLayer("E05", "no geometry", REFUSED, package(A, None), "feature 2: it has no geometry"),
    BadLayer("E05", "an empty one", REFUSED, package(A, Polygon()), "feature 2: it has no geometry"),
    BadLayer("E05", "no feature", REFUSED, document(None, features=[]), "has no features"),
    BadLayer("E06", "a type nobody knows", REFUSED, document({"type": "Blob", "coordinates": []}), "cannot be read as GeoJSON"),
    BadLayer("E06", "a point", REFUSED, package(A, Point(110.5, -1.3)), "feature 2: it is a Point"),
    BadLayer("E06", "a line", REFUSED, package(A, LineString([(110, -1), (111, -1)])), "feature 2: it is a LineString"),
    BadLayer("E06", "a ring", REFUSED, package(A, LinearRing([(110, -1), (111, -1), (111, -2)])), "feature 2: it is a LineString"),
    BadLayer("E06", "a type of binary nobody knows", REFUSED, outline(struct.pack("<BII", 1, 999, 1)), ""),
    BadLayer("E07", "numbers as text", REFUSED, document(polygon([[str(x), str(y)] for x, y in RING])), "a coordinate is not a number"),
    BadLayer("E07", "a number that goes on as text in KML", REFUSED, content("layer.kml", KML_NUMBER), "not what its column is for"),
    BadLayer("E08", "1e308", REFUSED, outline(wkb_ring((110, -1), (1e308, -1), (1e308, 1e308), (110, -1))), "feature 1"),
    BadLayer("E08", "1e400 in JSON", REFUSED, document(polygon(RING), lambda t: t.replace("110.6", "1e400")), "feature 1: a coordinate"),
    BadLayer("E09", "axes swapped", REFUSED, package(box(-1.3, 110.5, -1.2, 110.6)), "are the axes swapped"),
    BadLayer("E09", "east of the date line", REFUSED, package(box(181, -1, 182, 0)), "outside the world"),
    BadLayer("E10", "250,000 vertices in rings of five", REFUSED, package(many_boxes()), "more than 200000 vertices"),
    BadLayer("E10", "one ring of 150,000", REFUSED, package(circle(150_001)), "more than 100000 vertices"),
    BadLayer("E11", "a star of 200 points that crosses itself", REFUSED, package(star(200)), "its outline is invalid"),
    BadLayer("E12", "1,200 crossing strips as one outline", REFUSED, package(MultiPolygon(strips(1200))), "its outline is invalid"),
    BadLayer("E12", "1,200 crossing strips", REFUSED, package(*strips(1200)), "more than 60 zones within 250 m"),
    BadLayer("E13", "one outline twice", REFUSED, package(A, A, name=["a", "a"]), "ids must be unique"),
    BadLayer("E13", "one outline under two ids", Accepted.AS_IT_IS, package(A, A, zone_id=["a", "b"], name=["a", "b"]), note=CAREFUL),
    BadLayer("E14", "an id twice", REFUSED, package(A, B, zone_id=["a", "a"]), "is also that of feature 1"),
    BadLayer("E14", "ids exchanged", HELD, package(A, B, zone_id=["2", "1"]), "loses 24,", before=TWO),
    BadLayer("E14", "ids renumbered", HELD, package(A, B, zone_id=["3", "4"]), "2 of 2 zones vanish", before=TWO),
    BadLayer("E15", "as large as the country", Accepted.AS_IT_IS, package(box(95, -11, 141, 6)), note=CAREFUL + "; a first version"),
    BadLayer("E15", "suddenly as large as the country", HELD, package(box(95, -11, 141, 6), zone_id=["a"]), "gains 9", before=FIRST),
    BadLayer("E15", "a quarter larger", HELD, package(box(110.5, -1.3, 110.625, -1.2), zone_id=["a"]), "(25.0%) of", before=FIRST),
    BadLayer("E15", "gone but for a corner", HELD, package(box(110.5, -1.3, 110.51, -1.29), zone_id=["a"]), "(99.0%) and", before=FIRST),
    BadLayer("E15", "another kind", HELD, package(A, zone_id=["a"], kind=["concession"]), "1 of 1 zones vanish", before=CONSERVED),
    BadLayer(
        "E15", "a seventh larger", Accepted.AS_IT_IS, package(box(110.5, -1.3, 110.614, -1.2), zone_id=["a"]), before=FIRST,
        note="as much as layers change from year to year",
    ),
    BadLayer("E16", "no coordinate system", REFUSED, _two_shapefile_parts, "no coordinate system"),
    BadLayer("E16", "metres called degrees", REFUSED, package(box(450_000, 9_870_000, 451_000, 9_871_000)), "outside the world"),
    BadLayer("E16", "another hemisphere's zone", REFUSED, package(box(722_000, 78_000, 723_000, 79_000), crs="EPSG:32721"), "far from"),
    BadLayer("E16", "a file as a coordinate system", REFUSED, document(
        polygon(RING), crs={"type": "name", "properties": {"name": "/etc/passwd"}}), "names the coordinate system"),
    BadLayer("E16", "a coordinate system with a grid of shifts", REFUSED, edited(GRIDS), "cannot be turned into WGS 84"),
    BadLayer("E17", "a ZIP that climbs out", REFUSED, _zip, "not a GeoPackage"),
    BadLayer("E17", "a GeoPackage with triggers", Accepted.AS_IT_IS, edited(TRIGGER), note="read-only: they never fire"),
    BadLayer("E17", "a GeoPackage of a view", Accepted.AS_IT_IS, edited(VIEW), note="a view reads its own file only"),
    BadLayer("E17", "a GeoPackage that opens another file", REFUSED, edited(VIRTUAL), ""),
    BadLayer("E17", "a VRT", REFUSED, content("layer.gpkg", VRT), "not a GeoPackage"),
    BadLayer("E17", "a KML with a network link", REFUSED, content("layer.shp", KML), "has 'NetworkLink'"),
    BadLayer("E17", "a KML with an external entity", REFUSED, content("layer.kml", KML_ENTITY), "has '<!DOCTYPE'"),
    BadLayer("E17", "a KML with entities that grow", REFUSED, content("layer.kml", KML_BOMB), "has '<!DOCTYPE'"),
    BadLayer("E17", "a KML that ends in the middle", REFUSED, content("layer.kml", KML_ZONE[:200]), ""),
    BadLayer("E17", "a KML of a point", REFUSED, content("layer.kml", KML_POINT), "feature 1: it is a Point"),
    BadLayer("E17", "a KML with swapped axes", REFUSED, content("layer.kml", KML_SWAPPED), "axes"),
    BadLayer("E17", "a KML of a zone", Accepted.AS_IT_IS, content("layer.kml", KML_ZONE), note="the fourth format"),
    BadLayer("E17", "a GML with an external entity", REFUSED, content("layer.geojson", GML), "not a GeoPackage"),
    BadLayer("E17", "a pipeline of commands as JSON", REFUSED, content("layer.json", PIPELINE), "not a GeoJSON FeatureCollection"),
    BadLayer("E18", "ends before it begins", REFUSED, package(A, **ENDS_FIRST), "before it"),
)  # fmt: skip
