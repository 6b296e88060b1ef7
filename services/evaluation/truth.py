"""The truth of a simulated world, read from its truth.gpkg."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import DataError, ErrorCode

LEGAL = ("concession", "conditional")
"""Situations whose mining is recorded and not told: inside a permit, without or with conditions."""


@dataclass(frozen=True)
class TrueEvent:
    """A spell of mining that began within the history. Geometry in metres of `Truth.epsg`."""

    event_id: str
    first_visible_at: datetime
    should_alert: bool
    final: BaseGeometry


@dataclass(frozen=True)
class TrueState:
    """All worked ground of a site at a time."""

    at: datetime
    geometry: BaseGeometry


@dataclass(frozen=True)
class TrueSite:
    """A mining site: where it is, and when its first pit was dug."""

    site_id: str
    first_pit_at: datetime
    precursors: BaseGeometry


@dataclass(frozen=True)
class Truth:
    """What really happened."""

    epsg: int
    events: tuple[TrueEvent, ...]
    states: tuple[TrueState, ...]
    sites: tuple[TrueSite, ...]


def read_truth(path: Path, *, epsg: int, since: datetime) -> Truth:
    """The truth; events that were visible before `since` are inventory and not counted.

    Raises:
        DataError: ASSET_MISSING when there is no truth.gpkg.
    """
    if not path.is_file():
        raise DataError(ErrorCode.ASSET_MISSING, f"{path} does not exist; `jagawana simulate` writes it")
    layers = set(pyogrio.list_layers(path)[:, 0])
    read = {name: _rows(path, name, epsg) if name in layers else [] for name in ("mining", "roads", "huts", "sites")}
    situation = {row["site_id"]: row["situation"] for row in read["sites"]}
    return Truth(
        epsg=epsg,
        events=tuple(_events(read["mining"], situation, since)),
        states=tuple(TrueState(_time(r["state_at"]), r["geometry"]) for r in read["mining"]),
        sites=tuple(_site(row, read["roads"], read["huts"]) for row in read["sites"]),
    )


def _rows(path: Path, layer: str, epsg: int) -> list[dict[str, Any]]:
    frame = gpd.read_file(path, layer=layer, engine="pyogrio").to_crs(epsg)
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _events(rows: list[dict[str, Any]], situation: dict[str, str], since: datetime) -> list[TrueEvent]:
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if _time(row["first_visible_at"]) > since:
            last[row["event_id"]] = row
    return [
        TrueEvent(event, _time(row["first_visible_at"]), situation[row["site_id"]] not in LEGAL, row["geometry"])
        for event, row in sorted(last.items())
    ]


def _site(row: dict[str, Any], roads: list[dict[str, Any]], huts: list[dict[str, Any]]) -> TrueSite:
    mine = [r["geometry"] for r in (*roads, *huts) if r["site_id"] == row["site_id"]]
    return TrueSite(row["site_id"], _time(row["first_pit_at"]), shapely.union_all(mine))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(str(text))
