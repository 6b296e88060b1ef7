"""The real before/after pairs of the Amazon as an archive of scenes, with real territories and protected areas as zones.

Pairs: `s2_amazon_pairs` (453 pairs of 48 x 48 pixels, six bands; contains modified Copernicus Sentinel data). Each pair becomes two
scenes on the 10 m grid of the UTM zone of its centre. What the source does not say is left out or stated as such:

* The windows are a year long and more, and the day inside them is not known: a scene is dated to the middle of its window.
* No platform letter, no processing baseline: the numbers are reflectance times 10,000 with zero at 0, and the items say so.
* The centre is known to the pixel at best: chips lie on the ground to within about 10 m, both dates of a pair alike.
* No scene classification: the brightness mask has to do.

Zones: indigenous territories (Amazon Mining Watch, CC BY 4.0) and protected areas (Brazilian government data), both as kind
`conservation`, because the rule pack has no kind for indigenous land, and because nothing says which area allows mining
(two of the three protected areas that hold pairs are areas of sustainable use, where Brazil may permit it). States as provinces
(Natural Earth, public domain). There is no layer of mining concessions.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from real.geotiffs import describe, header_reader, write_geotiff

from jagawana.detectors.grid import transformer, utm_epsg
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind
from jagawana.services.zones.files import read_zones

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
PIXEL_M, SIZE_PX = 10.0, 48
PLATFORM = "sentinel-2"
Pixels = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Pair:
    """One place at two dates. `before` and `after` are uint16 (6, 48, 48), reflectance times 10,000."""

    sample_id: str
    block: str
    epsg: int
    transform: Affine
    before: Pixels
    after: Pixels
    before_at: datetime
    after_at: datetime

    @property
    def outline(self) -> shapely.Polygon:
        """The ground it covers, in its UTM zone."""
        side, west, north = SIZE_PX * PIXEL_M, self.transform.c, self.transform.f
        return shapely.box(west, north - side, west + side, north)


def read_pairs(data: Path) -> list[Pair]:
    """All pairs, in the order of the file.

    Args:
        data: folder that holds `s2_amazon_pairs`.
    """
    stored = np.load(data / "s2_amazon_pairs" / "pairs.npz")
    before, after = (np.clip(stored[k], 0, None).astype(np.uint16).transpose(0, 3, 1, 2) for k in ("t0", "t1"))
    with (data / "s2_amazon_pairs" / "pairs.csv").open() as file:
        rows = {row["sample_id"]: row for row in csv.DictReader(file)}
    return [_pair(rows[str(name)], before[n], after[n]) for n, name in enumerate(stored["sample_id"])]


def _pair(row: dict[str, str], before: Pixels, after: Pixels) -> Pair:
    lon, lat = float(row["lon"]), float(row["lat"])
    epsg = utm_epsg(lon, lat)
    east, north = transformer(4326, epsg).transform(lon, lat)
    half = SIZE_PX * PIXEL_M / 2
    west, top = round((east - half) / PIXEL_M) * PIXEL_M, round((north + half) / PIXEL_M) * PIXEL_M
    dates = [_middle(row[f"{k}_start"], row[f"{k}_end"]) for k in ("t0", "t1")]
    return Pair(row["sample_id"], row["block"], epsg, Affine(PIXEL_M, 0, west, 0, -PIXEL_M, top), before, after, *dates)


def _middle(first: str, last: str) -> datetime:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    day = start + (end - start) // 2
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def write_amazon(pairs: Sequence[Pair], out: Path) -> list[Path]:
    """The archive: two items and two GeoTIFFs per pair. Returns the items' paths."""
    read = header_reader()
    made = []
    for pair in pairs:
        for name, pixels, at in (("t0", pair.before, pair.before_at), ("t1", pair.after, pair.after_at)):
            scene_id = f"{pair.sample_id}_{name}"
            file = write_geotiff(out / f"assets/{scene_id}.tif", pixels, BANDS, epsg=pair.epsg, transform=pair.transform, reflectance=True)
            made.append(describe([file], scene_id, at, PLATFORM, out, read))
    return made


def zone_layers(data: Path, scratch: Path) -> Iterator[list[Zone]]:
    """The layers, each as the service reads it.

    Args:
        data: folder of the data sets.
        scratch: where the cleaned layer of provinces is written.
    """
    territories = data / "amazon_mining_watch" / "overlays" / "indigenous_territories_impacts.geojson"
    yield _layer(territories, ZoneKind.CONSERVATION, "indigenous_territories", "name_field")
    for name in ("cnuc", "UCs_filtradas", "TerraIn_filtrado"):
        yield _layer(data / "vectors" / "brazil_para_ucs" / f"{name}.shp", ZoneKind.CONSERVATION, name, None)
    yield _layer(_provinces(data, scratch), ZoneKind.PROVINCE, "provinces", "name")


def _layer(path: Path, kind: ZoneKind, layer: str, name_field: str | None) -> list[Zone]:
    return read_zones(path, kind=kind, layer=layer, layer_version="1", name_field=name_field)


def _provinces(data: Path, scratch: Path) -> Path:
    """Natural Earth's states without the few whose outline is invalid: one such feature refuses a whole layer."""
    states = gpd.read_file(data / "vectors" / "natural_earth_PD" / "ne_50m_admin_1_states_provinces.gpkg")
    kept = states[states.geometry.is_valid & states.geometry.notna()][["name", "geometry"]]
    scratch.mkdir(parents=True, exist_ok=True)
    path = scratch / "provinces.gpkg"
    kept.to_file(path, layer="provinces", driver="GPKG")
    return path
