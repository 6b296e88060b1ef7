"""Places over which too many zones lie."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import shapely

from jagawana.rules import crowds
from jagawana.rules.crowds import PLACE_DEGREES, Box, find_crowd
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind


def _zone(number: int, outline: shapely.Polygon, layer: str = "a") -> Zone:
    return Zone(f"z{number}", ZoneKind.CONSERVATION, "n", outline, layer, "1", "test")


def _found(zones: Sequence[Zone], layer: str = "a") -> crowds.Crowd | None:
    bounds = np.array([z.geometry.bounds for z in zones]).reshape(-1, 4)
    return find_crowd(bounds, np.array([z.layer == layer for z in zones], dtype=bool), _in(zones))


def _in(zones: Sequence[Zone]) -> Callable[[Box], list[Zone]]:
    def zones_in(box: Box) -> list[Zone]:
        assert box[2] - box[0] < crowds.DRAWN_DEGREES * 1.01, "outlines are only read of small squares"
        return [z for z in zones if shapely.box(*z.geometry.bounds).intersects(shapely.box(*box))]

    return zones_in


def _sliver(rng: np.random.Generator) -> shapely.Polygon:
    """Long, thin and oblique: its bounds say little of where it lies."""
    ends = np.array([110.5, -1.3]) + rng.uniform(0, 0.4, (2, 2))
    return shapely.LineString(ends).buffer(0.0005)


@pytest.mark.parametrize("seed", range(12))
def test_a_crowd_is_found_exactly_where_there_is_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    zones = [_zone(n, _sliver(rng)) for n in range(60)]
    west, south = np.floor((110.4 + 180) / PLACE_DEGREES) * PLACE_DEGREES - 180, np.floor((-1.4 + 90) / PLACE_DEGREES) * PLACE_DEGREES - 90
    x, y = (g.ravel() * PLACE_DEGREES for g in np.meshgrid(np.arange(70), np.arange(70)))
    places = shapely.box(west + x, south + y, west + x + PLACE_DEGREES, south + y + PLACE_DEGREES)
    most = int(sum(shapely.intersects(z.geometry, places).astype(int) for z in zones).max())
    monkeypatch.setattr(crowds, "MAX_ZONES", most)
    assert _found(zones) is None
    monkeypatch.setattr(crowds, "MAX_ZONES", most - 1)
    crowd = _found(zones)
    assert crowd is not None and len(crowd.zones) == most and crowd.box[2] - crowd.box[0] == pytest.approx(PLACE_DEGREES)


def test_layers_count_together_and_the_refusal_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "MAX_ZONES", 5)
    zones = [_zone(n, shapely.box(110.501, -1.299, 110.502 + n / 1e5, -1.298), "ab"[n % 2]) for n in range(6)]
    assert _found(zones[:5]) is None
    assert str(_found(zones)) == "6 zones (3 of a, 3 of b) meet the square 110.50 to 110.51 E, -1.30 to -1.29 N"


def test_only_places_that_the_changed_layer_meets_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowds, "MAX_ZONES", 5)
    crowded = [_zone(n, shapely.box(110.501, -1.299, 110.502, -1.298), "old") for n in range(9)]
    elsewhere = _zone(9, shapely.box(115.0, -1.3, 115.1, -1.2), "new")
    assert _found([*crowded, elsewhere], "new") is None and _found([*crowded, elsewhere], "old") is not None


def test_no_zone_at_all() -> None:
    assert _found([]) is None
