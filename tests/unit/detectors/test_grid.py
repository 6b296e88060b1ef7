"""Names of tiles and cells agree with the reference implementation and lead back to their squares."""

import mgrs
import shapely
from hypothesis import given
from hypothesis import strategies as st

from jagawana.detectors import grid

LONGITUDES = st.floats(-179.9, 179.9)
LATITUDES = st.floats(-55, -1e-6) | st.floats(1e-6, 55)  # Norway's exceptions lie further north


@given(LONGITUDES, LATITUDES)
def test_tile_name_is_the_reference_name_of_its_centre(lon: float, lat: float) -> None:
    epsg = grid.utm_epsg(lon, lat)
    east, north = grid.transformer(4326, epsg).transform(lon, lat)
    square = grid.tile_square(grid.tile_at(epsg, east, north))
    centre = square.east + 5_000, square.north + 5_000
    lon_c, lat_c = grid.transformer(epsg, 4326).transform(*centre)
    if grid.utm_epsg(lon_c, lat_c) == epsg:  # the reference renames centres that fall into the next zone
        assert grid.tile_at(epsg, east, north) == mgrs.MGRS().toMGRS(lat_c, lon_c, MGRSPrecision=1).lstrip("0")


@given(LONGITUDES, LATITUDES)
def test_names_lead_back_to_the_square_that_holds_the_point(lon: float, lat: float) -> None:
    epsg = grid.utm_epsg(lon, lat)
    east, north = grid.transformer(4326, epsg).transform(lon, lat)
    tile = grid.tile_at(epsg, east, north)
    cell = grid.cell_at(tile, east, north)
    for square in (grid.tile_square(tile), grid.cell_square(cell)):
        west, south, e, n = square.bounds
        assert square.epsg == epsg and west <= east < e and south <= north < n
    assert grid.tile_of(cell) == tile


def test_a_footprint_on_a_zone_edge_is_watched_on_both_grids() -> None:
    tiles = grid.tiles_touched(shapely.box(119.95, -1.05, 120.05, -0.95))
    assert {int(t[:-5]) for t in tiles} == {50, 51}


def test_a_footprint_on_the_equator_is_watched_in_both_hemispheres() -> None:
    tiles = grid.tiles_touched(shapely.box(110.0, -0.05, 110.05, 0.05))
    assert {t[-5] for t in tiles} == {"M", "N"}


def test_cells_touched_are_the_cells_of_the_bounds() -> None:
    tile = grid.tile_at(32749, 453_000, 9_871_000)
    west, south, _, _ = grid.tile_square(tile).bounds
    shape = shapely.box(west + 950, south + 10, west + 1_050, south + 20)
    assert [c for c, _ in grid.cells_touched(tile, shape)] == [
        grid.cell_at(tile, west + 950, south + 10),
        grid.cell_at(tile, west + 1_050, south + 10),
    ]
