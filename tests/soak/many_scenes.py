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


def scenes(count: int) -> Iterator[Scene]:
    """Tile by tile: forest, then forest or a pit."""
    for number in range(count):
        tile, look = divmod(number, 2)
        row, column = divmod(tile, PER_ROW)
        mining = [PIT] if look and tile % 10 == 0 else []
        yield Scene(10 * look, size=64, mining=mining, east=WEST + column * TILE_M, north=NORTH - row * TILE_M, seed=tile % 7)


def write_batches(archive: Path, count: int, per_batch: int) -> Path:
    """`count` scenes in folders of `per_batch`, an even number."""
    for number, scene in enumerate(scenes(count)):
        write_archive(archive / f"{number // per_batch:04}", [scene])
    return archive


def queued(service: Service, batch: Path) -> None:
    """Append a batch to the log, both looks of a tile together."""
    items = sorted(find_items([batch], AlertTense.TEST), key=lambda i: (i.path.name.split("_")[2:], i.acquired_at))
    with transaction(service.engine) as session:
        send(session, items, [batch], at=service.clock.now())


def started(data: Path) -> Service:
    """The service as it runs, with the weightless detector."""
    service = build(load_settings(data=data, model="spectral-6"))
    load_zones(service, [PARK, FAR_CONCESSION])
    return service
