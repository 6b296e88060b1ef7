"""An archive of three places, a mine's life at each, and one scene that has lost the end of its image."""

from dataclasses import replace
from pathlib import Path

import shapely
from chain import FAR_CONCESSION, GROWN, PIT
from scenes import EAST, Scene, write_archive

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind

TEN_KM = 10_000
LIFE = (
    Scene(0, size=64),
    Scene(10, size=64, mining=[PIT]),
    Scene(20, size=64, mining=[PIT], clouds=[(10, 10, 50, 50)]),
    Scene(30, size=64, mining=[PIT]),
    Scene(40, size=64, mining=[GROWN]),
)
PARK = Zone("park-1", ZoneKind.CONSERVATION, "Taman Nasional Uji", shapely.box(110.4, -1.4, 111.2, -1.0), "parks", "1", "test")
ZONES = (PARK, FAR_CONCESSION)


def scenes(places: int = 3) -> list[Scene]:
    return [replace(scene, east=EAST + place * TEN_KM, day=scene.day + place) for place in range(places) for scene in LIFE]


def write(folder: Path, places: int = 3) -> Path:
    spoiled = Scene(5, size=64, clouds=[(0, 0, 9, 9)])
    write_archive(folder, [*scenes(places), spoiled])
    image = folder / "assets" / f"{spoiled.scene_id}_image.tif"
    image.write_bytes(image.read_bytes()[:-100])
    return folder
