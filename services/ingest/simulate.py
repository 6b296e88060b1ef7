"""A simulated world as files: STAC items, GeoTIFFs, the legal map and the truth. The same world gives the same bytes."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
from shapely import Geometry

from jagawana.detectors.simulation import truth
from jagawana.detectors.simulation.world import World
from jagawana.detectors.simulation.zoning import WorldZone
from jagawana.schemas.base import iso_utc
from jagawana.services.ingest.simulated_scene import write_scene

FIXED_TIME = "2024-01-01T00:00:00.000Z"
"""Written where GeoPackage wants the time of the last change, so that the same world gives the same file."""


@dataclass(frozen=True)
class SimulatedArchive:
    """Where a world was written: item files in order of acquisition, the legal map and the truth."""

    root: Path
    items: tuple[Path, ...]
    zones: Path
    truth: Path


def write_world(world: World, out: Path, *, progress: Callable[[int, int], None] | None = None) -> SimulatedArchive:
    """Write a world to a folder, replacing what it wrote there before.

    Args:
        out: gets items/<scene id>.json, assets/*.tif, zones.gpkg and truth.gpkg; made if missing.
        progress: called with (scenes done, scenes in all) after each scene.
    """
    for folder in (out / "items", out / "assets"):
        folder.mkdir(parents=True, exist_ok=True)
    items = []
    for done, look in enumerate(world.looks, start=1):
        items.append(write_scene(world, world.scene(look), out))
        if progress is not None:
            progress(done, len(world.looks))
    write_zones(world.zones, world.frame.epsg, out / "zones.gpkg")
    write_truth(world, out / "truth.gpkg")
    return SimulatedArchive(out, tuple(items), out / "zones.gpkg", out / "truth.gpkg")


def write_zones(zones: Iterable[WorldZone], epsg: int, path: Path) -> None:
    """The legal map: one layer `zones` in WGS 84."""
    path.unlink(missing_ok=True)
    _write_layer([asdict(zone) for zone in zones], epsg, path, "zones")
    _freeze(path)


def write_truth(world: World, path: Path) -> None:
    """The truth: layers mining, roads, huts and sites in WGS 84; a layer without rows is left out."""
    path.unlink(missing_ok=True)
    layers: dict[str, Iterable[Any]] = {
        "mining": truth.mining_states(world),
        "roads": truth.roads(world),
        "huts": truth.huts(world),
        "sites": truth.sites(world),
    }
    for name, rows in layers.items():
        _write_layer([asdict(row) for row in rows], world.frame.epsg, path, name)
    _freeze(path)


def _write_layer(rows: list[dict[str, Any]], epsg: int, path: Path, layer: str) -> None:
    if not rows:
        return
    columns = {key: [_plain(row[key]) for row in rows] for key in rows[0] if key != "geometry"}
    shapes: list[Geometry] = [row["geometry"] for row in rows]
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=epsg).to_crs(4326)
    frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio", promote_to_multi=False, SPATIAL_INDEX="NO")


def _plain(value: object) -> object:
    """Times and days as ISO 8601 text, which every GIS reads the same way."""
    if isinstance(value, datetime):
        return iso_utc(value)
    return value.isoformat() if isinstance(value, date) else value


def _freeze(path: Path) -> None:
    """Replace the wall clock in a GeoPackage's table of contents, and repack it into a fresh file without a count of past changes."""
    if not path.exists():
        return
    fresh = path.with_suffix(".packed")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db:
        with db:
            db.execute("UPDATE gpkg_contents SET last_change = ?", (FIXED_TIME,))
        db.execute("VACUUM INTO ?", (str(fresh),))
    fresh.replace(path)
