"""Many small scenes for one process: two looks at each of many tiles, so that no tile's history grows; every tenth tile has a pit."""

from collections.abc import Iterator
from pathlib import Path

from chain import FAR_CONCESSION, PARK, PIT, load_zones
from scenes import Scene, write_archive

from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items, send
from jagawana.services.settings import load_settings
from jagawana.services.store.database import transaction
from jagawana.services.wiring import Service, build

WEST, NORTH, PER_ROW, TILE_M = 253_000, 9_871_000, 40, 10_000
DAY = 40
"""Scenes of a design day: 200 scenes every 5 days."""


def scenes(count: int) -> Iterator[Scene]:
    """Tile by tile: forest, then forest or a pit."""
    for number in range(count):
        tile, look = divmod(number, 2)
        row, column = divmod(tile, PER_ROW)
        mining = [PIT] if look and tile % 10 == 0 else []
        yield Scene(10 * look, size=64, mining=mining, east=WEST + column * TILE_M, north=NORTH - row * TILE_M, seed=tile % 7)


def queue(data: Path, archive: Path, count: int) -> Path:
    """A data folder whose log holds `count` scenes that nobody has looked at yet."""
    service = built(data)
    load_zones(service, [PARK, FAR_CONCESSION])
    for number, scene in enumerate(scenes(count)):
        write_archive(archive / f"{number // 500:03}", [scene])
    items = find_items([archive], AlertTense.TEST)
    in_pairs = sorted(items, key=lambda i: (i.path.name.split("_")[2:], i.acquired_at))
    with transaction(service.engine) as session:
        send(session, in_pairs, sorted(archive.iterdir()), at=service.clock.now())
    service.engine.dispose()
    return data


def built(data: Path) -> Service:
    """The service as it runs, with the weightless detector."""
    return build(load_settings(data=data, model="spectral-6"))
