"""A thousand shapes against 200,000 zones: which zones each touches and how many square metres of it, exactly.

    python benchmarks/zones.py [--zones 200000] [--repeat 3] [--rows 200000] [--json]

Ours is the rules' index, warm, asked shape by shape as the service does; the peer is geopandas.overlay, which has no index to keep.
Both must find the same pairs and the same areas (to 1e-6). Zones lie at one density, so that with more of them the hits stay the same
and only what surrounds them grows. Then the same with 5 % of the zones drawn with 1,000 to 50,000 vertices, and the way from the
database to a tile's zones with as many rows in it. Times are processor time.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import shapely

from jagawana.detectors.grid import reproject, tile_square
from jagawana.rules.judge import judge
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex, zones_to_crs
from jagawana.schemas.alert import ZoneKind
from jagawana.services.assess.handler import NEIGHBOURHOOD_M
from jagawana.services.store import zones as stored
from jagawana.services.store.database import open_sqlite, transaction

ON = date(2026, 6, 1)
KINDS = tuple(ZoneKind)
SPREAD_M = 3_000_000.0
"""Side of the square over which 200,000 zones lie."""
CORE_M = 1_500_000.0
"""Side of the square in the middle in which the shapes lie: inside the zones' for any number of zones from 60,000 on."""
TILE = "49MDU57"
Geometries = npt.NDArray[np.object_]
Hits = dict[tuple[int, str], float]


def rings(rng: np.random.Generator, centres: npt.NDArray[np.float64], radius: npt.NDArray[np.float64], vertices: int) -> Geometries:
    """Uneven round polygons, valid by construction, object (N,)."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    reach = radius[:, None] * (1 + 0.3 * np.sin(3 * angle + rng.random((len(centres), 1)) * 7) + rng.uniform(-0.05, 0.05, (1, vertices)))
    outline = centres[:, None, :] + reach[:, :, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(shapely.polygons(outline), object)


def zone_outlines(number: int, *, large_share: float, seed: int = 1) -> Geometries:
    rng = np.random.default_rng(seed)
    spread = SPREAD_M * np.sqrt(number / 200_000)
    centres = rng.uniform(-spread / 2, spread / 2, (number, 2))
    radius = rng.uniform(2_000, 7_000, number)
    outlines = rings(rng, centres, radius, 70)
    large = rng.permutation(number)[: round(number * large_share)]
    counts = np.rint(10 ** rng.uniform(3, np.log10(50_000), len(large))).astype(int)
    for at, vertices in zip(large, counts, strict=True):
        outlines[at] = rings(rng, centres[at : at + 1], radius[at : at + 1] * 2, int(vertices))[0]
    return outlines


def zones_of(outlines: Geometries) -> list[Zone]:
    return [Zone(f"z{n}", KINDS[n % len(KINDS)], f"zone {n}", g, "layer", "1", "simulated") for n, g in enumerate(outlines)]


def shapes_in_the_core(number: int, seed: int = 2) -> Geometries:
    rng = np.random.default_rng(seed)
    return rings(rng, rng.uniform(-CORE_M / 2, CORE_M / 2, (number, 2)), rng.uniform(40, 300, number), 24)


def ours(shapes: Geometries, index: ZoneIndex) -> Hits:
    found = {}
    for n, shape in enumerate(shapes):
        for zone in index.touching(shape, ON):
            shared = shape if shapely.covers(zone.geometry, shape) else shape.intersection(zone.geometry)
            found[n, zone.zone_id] = shared.area
    return found


def theirs(shapes: geopandas.GeoDataFrame, zones: geopandas.GeoDataFrame) -> Hits:
    shared = geopandas.overlay(shapes, zones, how="intersection", keep_geom_type=False)
    return dict(zip(zip(shared["shape"], shared["zone_id"], strict=True), shared.area, strict=True))


def timed(work: Callable[[], Any], repeat: int) -> float:
    """Milliseconds, median."""
    times = []
    for _ in range(repeat):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return round(1000 * median(times), 2)


def same(a: Hits, b: Hits) -> bool:
    return a.keys() == b.keys() and all(abs(a[key] - b[key]) <= 1e-6 * max(1.0, b[key]) for key in a)


def overlay(number: int, repeat: int, *, large_share: float = 0.0) -> dict[str, Any]:
    """Ours against geopandas on one set of zones."""
    outlines, shapes = zone_outlines(number, large_share=large_share), shapes_in_the_core(1_000)
    index = ZoneIndex(zones_of(outlines))
    begun = time.process_time()
    hits = ours(shapes, index)
    cold_ms = round(1000 * (time.process_time() - begun), 1)
    left = geopandas.GeoDataFrame({"shape": range(len(shapes))}, geometry=list(shapes), crs=32750)
    right = geopandas.GeoDataFrame({"zone_id": [f"z{n}" for n in range(number)]}, geometry=list(outlines), crs=32750)
    assert same(hits, theirs(left, right)), "the same pairs and areas"
    ms = {"ours": timed(lambda: ours(shapes, index), repeat), "geopandas.overlay": timed(lambda: theirs(left, right), repeat)}
    ms["ours, first time"] = cold_ms
    ms["verdicts of all shapes"] = timed(lambda: [judge(s, zones=index, on=ON, pack=indonesia(), pixel_m=10) for s in shapes], 1)
    name = f"overlay of 1,000 shapes and {number:,} zones" + (f", {large_share:.0%} of 1,000 to 50,000 vertices" if large_share else "")
    return {"name": name, "n": repeat, "hits": len(hits), "ms": ms, "ratio": round(ms["geopandas.overlay"] / ms["ours"], 1)}


def slope(counts: tuple[int, ...], repeat: int) -> dict[str, Any]:
    """How ours grows with zones that no shape touches."""
    shapes, ms, hits = shapes_in_the_core(1_000), {}, {}
    for number in counts:
        ask = partial(ours, shapes, ZoneIndex(zones_of(zone_outlines(number, large_share=0))))
        hits[f"{number:,}"] = len(ask())
        ms[f"{number:,}"] = timed(ask, repeat)
    return {"name": "ours by number of zones, at one density", "n": repeat, "hits": hits, "ms": ms}


def database(rows: int, repeat: int) -> dict[str, Any]:
    """Zones around one tile, read from SQLite and moved to its UTM zone."""
    square = tile_square(TILE)
    around = reproject(square.polygon.buffer(NEIGHBOURHOOD_M), square.epsg, 4326)
    scale = np.array([111_320.0, 110_574.0])
    degrees = shapely.transform(
        zone_outlines(rows, large_share=0), lambda xy: xy / scale + np.array([around.centroid.x, around.centroid.y])
    )
    with TemporaryDirectory() as folder:
        engine = open_sqlite(Path(folder) / "zones.sqlite")
        begun = time.process_time()
        with transaction(engine) as session:
            stored.activate(session, "layer", "1", zones_of(degrees), at=datetime(2026, 1, 1, tzinfo=UTC))
        load_s = round(time.process_time() - begun, 1)
        with transaction(engine) as session:
            found = stored.active(session, around.bounds)
            ms = {
                "zones": timed(lambda: stored.active(session, around.bounds), repeat),
                "kinds": timed(lambda: stored.kinds_loaded(session), repeat),
                "version": timed(lambda: stored.version(session), repeat),
                "to UTM": timed(lambda: zones_to_crs(found, square.epsg), repeat),
            }
        engine.dispose()
    return {"name": f"zones of a tile from {rows:,} rows", "n": repeat, "hits": len(found), "ms": ms, "load_s": load_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--zones", type=int, default=200_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    versions = {name: version(name) for name in ("shapely", "geopandas", "numpy")}
    measures: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: overlay(given.zones, given.repeat),
        lambda: overlay(given.zones // 10, 1, large_share=0.05),  # half a minute for the peer
        lambda: slope((given.zones // 2, given.zones, given.zones * 2), given.repeat),
        lambda: database(given.rows, given.repeat),
    )
    for measure in measures:
        figures = measure() | {"versions": versions}
        print(json.dumps(figures) if given.json else "; ".join(f"{name}: {value}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
