"""Reads damaged files without their checksums, each in a process of its own: by GDAL alone, and through the guard.

Arguments: the undamaged file, then the damaged ones. Prints JSON lines [by GDAL alone, through the guard]; each is "refused", "same"
or "other pixels".
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import rasterio

from jagawana.services.raster.confinement import confine
from jagawana.services.raster.decoder import GDAL_OPTIONS
from jagawana.services.raster.guard import open_guarded

PATIENCE_S = 5


def outcomes(path: str, wanted: np.ndarray) -> tuple[str, str]:
    """A damaged header may make the library use up memory or time; that counts as refused."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE_S)
        confine(1 << 30, PATIENCE_S)
        with rasterio.Env(**GDAL_OPTIONS):
            for read in (lambda p: rasterio.open(p, driver="GTiff"), lambda p: open_guarded(p, "image")):
                os.write(theirs, f"{_outcome(read, path, wanted)}\n".encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        found = [*answer.read().splitlines(), "refused", "refused"]
    os.waitpid(child, 0)
    return found[0], found[1]


def _outcome(opened: Callable[[str], Any], path: str, wanted: np.ndarray) -> str:
    try:
        return "same" if np.array_equal(opened(path).read(), wanted) else "other pixels"
    except Exception:
        return "refused"


if __name__ == "__main__":
    clean, *damaged = sys.argv[1:]
    with rasterio.open(clean) as file:
        pixels = file.read()
    for name in damaged:
        print(json.dumps(outcomes(name, pixels)), flush=True)
