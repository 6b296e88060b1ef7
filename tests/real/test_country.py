"""The sums of `jagawana stats` on real mining, real zones and real people: figures that others have published, found again."""

import gzip
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from jagawana.rules.grounds import Concession, ground_areas
from jagawana.rules.reach import nearest, within
from jagawana.rules.zones import WGS84, Zone, ZoneIndex, project, zones_to_crs
from jagawana.schemas.alert import ZoneKind
from jagawana.services.settings import load_settings
from jagawana.services.statistics.layers import read_layer
from jagawana.services.statistics.people import people_source

SHARED = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not SHARED.is_dir(), reason="the real data is not beside the project")]
VECTORS = SHARED / "vectors"
UTM_21_SOUTH = 32721
TAPAJOS_KHA = {2018: 178, 2019: 34, 2020: 33, 2021: 41, 2022: 42, 2023: 30, 2024: 19}
"""Mining polygons of Amazon Mining Watch inside the APA do Tapajós: all of 2018, then what each year added."""


@pytest.fixture(scope="module")
def apa() -> BaseGeometry:
    units = gpd.read_file(VECTORS / "brazil_para_ucs" / "cnuc.shp").to_crs(4326)
    (outline,) = units[units.nome_uc.str.contains("TAPAJ")].geometry
    return outline  # type: ignore[no-any-return]


def mining_of(year: int, near: BaseGeometry) -> Sequence[BaseGeometry]:
    path = SHARED / "amazon_mining_watch" / "polygons_by_period" / f"mining_{year}00_simplified.geojson"
    found = gpd.read_file(path, bbox=near.bounds).to_crs(4326)
    return list(shapely.make_valid(found.geometry.values))


@pytest.mark.parametrize("year", (2018, 2023, 2024))
def test_mining_inside_a_protected_area_of_the_tapajos(apa: BaseGeometry, year: int) -> None:
    """Found for all seven years: 177.9, 33.7, 32.5, 41.4, 41.5, 30.2, 19.0 kha. UTM is 0.08 % short here."""
    zone = Zone("apa", ZoneKind.SUSTAINABLE_USE, "APA do Tapajós", apa, "ucs", "1", "ICMBio")
    index = ZoneIndex(zones_to_crs([zone], UTM_21_SOUTH))
    (metres,) = project(np.array([shapely.union_all(mining_of(year, apa))], dtype=object), WGS84, CRS.from_epsg(UTM_21_SOUTH))
    found = ground_areas(metres, index, date(year, 7, 1))
    assert {g.concession for g in found} == {Concession.UNKNOWN}, "no concession layer was given"
    inside_ha = sum(ha for g, ha in found.items() if g.restricted is ZoneKind.SUSTAINABLE_USE)
    assert inside_ha / 1000 == pytest.approx(TAPAJOS_KHA[year], abs=0.6)
    assert sum(found.values()) == pytest.approx(metres.area / 1e4, rel=1e-6)


@pytest.fixture(scope="module")
def people_in_itaituba() -> Callable[[BaseGeometry], float]:
    return people_source(VECTORS / "itaituba_tapajos" / "itaituba-census.shp", load_settings())


def test_people_of_a_census_within_ten_kilometres_of_mining(people_in_itaituba: Callable[[BaseGeometry], float]) -> None:
    """Found: 60,693 in all, 4,688 within 10 km of the mining of 2018, 23 within 1 km."""
    everywhere = shapely.box(-60, -12, -50, 0)
    assert people_in_itaituba(everywhere) == pytest.approx(60_693, abs=1)
    census = gpd.read_file(VECTORS / "itaituba_tapajos" / "itaituba-census.shp").to_crs(4326)
    mining = mining_of(2018, shapely.box(*census.total_bounds).buffer(0.2))
    near, nearer = (people_in_itaituba(within(mining, radius_m)) for radius_m in (10_000, 1_000))
    assert near == pytest.approx(4_688, rel=0.02) and nearer == pytest.approx(23, abs=3)


def test_the_nearest_village_of_real_mining_in_indonesia(tmp_path: Path) -> None:
    """83,402 village centroids, twelve sampled mining polygons: 0.7 to 6.1 km, median 2.1. A centroid is the middle of the land."""
    table = tmp_path / "villages.csv"
    table.write_bytes(gzip.decompress((VECTORS / "indonesia_admin" / "villages_centroids.csv.gz").read_bytes()))
    villages = read_layer(table, dimensions=frozenset({0}))
    sample = gpd.read_file(VECTORS / "mining_polygons_sample" / "mining_polygons_sample.gpkg", layer="tropics_2019_demo")
    mines = list(sample[sample.ISO3_CODE == "IDN"].to_crs(4326).geometry)
    found = nearest(mines, villages.geometries)
    km = [n.km for n in found if n is not None]
    names = [villages.names[n.feature] for n in found if n is not None]
    assert len(km) == 12 and len(villages.names) > 83_000
    assert (names[0], names[7]) == ("Darmo", "Gersik") and km[0] == pytest.approx(0.83, abs=0.01)
    assert np.median(km) == pytest.approx(2.1, abs=0.1) and max(km) == pytest.approx(6.07, abs=0.01)
