"""What is fuzzed: four ways in. Any bytes must give a value or an error of our own tree, within a second and within memory."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import shapely

from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.envelope import decode, event_id_of
from jagawana.schemas.errors import JagawanaError
from jagawana.schemas.observation import AlertTense
from jagawana.services.ingest.items import find_items
from jagawana.services.raster.decoding import DecoderLimits, decoder
from jagawana.services.raster.guard import LAYOUT_RULES, hold
from jagawana.services.raster.tiff import TiffLayout
from jagawana.services.store.log import subject_of
from jagawana.services.zones.files import read_here

Target = Callable[[bytes], bool]
"""Takes anything; True when it was accepted, False when it was refused in good order."""
LIMITS = DecoderLimits(seconds=20.0, extra_bytes=1 << 30)
CORNER = (0, 0, 64, 64)


@lru_cache(maxsize=1)
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="jagawana-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@lru_cache(maxsize=1)
def _beside_sidecars() -> Path:
    path = _folder() / "layer.shp"
    gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[shapely.box(110.5, -1.3, 110.6, -1.2)] * 2, crs="EPSG:4326").to_file(path)
    return path


def event(data: bytes) -> bool:
    """A message, as the bus and the log read it."""
    assert event_id_of(data) and subject_of(data)
    try:
        decode(data)
    except JagawanaError:
        return False
    return True


def item(data: bytes) -> bool:
    """An item file, as ingest reads it; what leaves is a message that detect accepts or refuses."""
    path = _folder() / "item.json"
    path.write_bytes(data)
    (found,) = find_items([path], AlertTense.TEST)
    assert isinstance(found.acquired_at, str) and found.key
    return event(found.payload)


def zones(data: bytes) -> bool:
    """A file of zones, in this process, so that a crash is one; a Shapefile lies beside good sidecars."""
    path = _beside_sidecars() if data.startswith(b"\x00\x00\x27\x0a") else _folder() / "zones"
    path.write_bytes(data)
    try:
        read_here(path, kind=ZoneKind.CONSERVATION, layer="x", layer_version="1", name_field=None)
    except JagawanaError:
        return False
    return True


def raster(data: bytes) -> bool:
    """An image: the rules for its layout here, and what they let through in the decoder's process."""
    path = _folder() / "image.tif"
    path.write_bytes(data)
    try:
        with path.open("rb") as reader:
            hold(LAYOUT_RULES, TiffLayout(reader.fileno(), "image"))
        with decoder({"image": path}, LIMITS) as child:
            rows, columns = child.header("image").shape
            child.read("image", bands=[1], window=(0, 0, min(rows, CORNER[2]), min(columns, CORNER[3])))
    except JagawanaError:
        return False
    return True


TARGETS: Mapping[str, Target] = {"event": event, "item": item, "zones": zones, "raster": raster}
