"""The river Paraná at Corrientes: eight Sentinel-2 dates with samples of the same day (vhgauto/gistaq_parana, MIT; Copernicus data).

What the source says, and what was found in it:

* The table of Sen2Cor reflectance holds DN / 10,000, means of 3 x 3 pixels, with the zero point of 0.1 still in (checked against the
  rasters: clear deep water has 0.10 in the short-wave infrared); it is taken off here. ACOLITE's needs nothing.
* 94 samples of turbidity (NTU), 2 to 382, of eight dates; up to 16 a date, in two water masses that flow side by side.
* Rasters: 218 x 219 pixels of 10 m. No scene classification, no time of day, no platform letter.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from real.geotiffs import header_reader

from jagawana.detectors.turbidity.calibration import MatchUps
from jagawana.services.ingest.describe import SceneFacts, describe_scene

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "gistaq_parana_turbidity"
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
ZERO_POINT = {"sen2cor": 0.1, "acolite": 0.0}
Place = tuple[str, str, str]
"""Date, longitude, latitude, as written: the key that joins the tables."""


@dataclass(frozen=True)
class Sample:
    """One sample: where, when, turbidity (NTU), and surface reflectance by band."""

    day: date
    longitude: float
    latitude: float
    turbidity: float
    reflectance: dict[str, float]


def read_samples(processor: str) -> list[Sample]:
    """The samples with the reflectance of `sen2cor` or `acolite`."""
    measured = [(_place(r), float(r["valor"])) for r in _rows("base_de_datos_lab.csv") if r["param"] == "turb"]
    seen: dict[Place, dict[str, list[float]]] = {}
    for row in _rows(f"base_de_datos_gis_{processor}.csv"):
        seen.setdefault(_place(row), {}).setdefault(row["banda"], []).append(float(row["reflect"]) - ZERO_POINT[processor])
    means = {place: {band: float(np.mean(v)) for band, v in bands.items()} for place, bands in seen.items()}
    return [
        Sample(date.fromisoformat(place[0]), float(place[1]), float(place[2]), turbidity, means[place])
        for place, turbidity in sorted(measured)
        if place in means
    ]


def match_ups(processor: str) -> MatchUps:
    """The samples as the calibration takes them."""
    samples = read_samples(processor)
    green, red, swir16 = (np.array([s.reflectance[b] for s in samples]) for b in ("B03", "B04", "B11"))
    return MatchUps(tuple(s.day for s in samples), green, red, swir16, np.array([s.turbidity for s in samples]))


def write_table(path: Path, processor: str = "sen2cor") -> Path:
    """The table that `jagawana turbidity calibrate` reads."""
    m = match_ups(processor)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "green", "red", "swir16", "turbidity_fnu"])
        writer.writerows(zip(m.days, *(a.round(6).tolist() for a in (m.green, m.red, m.swir16, m.turbidity_fnu)), strict=True))
    return path


def write_archive(out: Path, *, days: Sequence[date] | None = None) -> list[Path]:
    """The rasters as scenes: six bands, a baseline whose zero point the numbers have. Returns the items' paths."""
    found = []
    for raster in sorted((SHARED / "recorte_sen2cor").glob("*.tif")):
        day = datetime.strptime(raster.stem, "%Y%m%d").replace(hour=14, tzinfo=UTC)
        if days is None or day.date() in days:
            file = _rewritten(raster, out / "files" / f"parana_{raster.stem}.tif")
            facts = SceneFacts(day, "sentinel-2a", baseline="05.10", scene_id=f"parana_{raster.stem}")
            found.append(describe_scene([file], facts, out, headers_of=header_reader()))
    return found


def _rewritten(raster: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(raster) as file:
        names = [d.upper() for d in file.descriptions]
        numbers = _whole(file.read([names.index(b) + 1 for b in BANDS]).astype(np.float64))
        place = {"crs": file.crs, "transform": file.transform, "width": file.width, "height": file.height}
    with rasterio.open(path, "w", driver="GTiff", count=len(BANDS), dtype="uint16", nodata=0, compress="deflate", **place) as file:
        file.write(numbers)
        file.descriptions = BANDS
    return path


def _whole(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.uint16]:
    """Fill is not-a-number in some files and the largest number in others."""
    return np.where(np.isfinite(numbers) & (numbers < 65_535), np.rint(numbers), 0).astype(np.uint16)


def _rows(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _place(row: dict[str, str]) -> Place:
    return row["fecha"], row["longitud"], row["latitud"]
