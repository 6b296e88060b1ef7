"""Opens files with one of the guard's rules left out, each in a process of its own: what only that rule keeps away, may do anything.

Reads JSON lines [rule or null, path] and answers each with a line: a code, "opened", or how the process ended.
"""

import json
import os
import signal
import sys
from pathlib import Path

import rasterio

from jagawana.schemas.errors import DataError
from jagawana.services.raster import guard
from jagawana.services.raster.confinement import confine
from jagawana.services.raster.decoder import GDAL_OPTIONS

PATIENCE_S = 4


def outcome(rule: str | None, path: Path) -> str:
    """In a child that is limited as a decoder is."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, _open(rule, path).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as answer:
        text = answer.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return text or f"ended with {ended}"


def _open(rule: str | None, path: Path) -> str:
    signal.alarm(PATIENCE_S)
    confine(1 << 30, PATIENCE_S)
    guard.LAYOUT_RULES = tuple(r for r in guard.LAYOUT_RULES if r.name != rule)
    guard.OPENED_RULES = tuple(r for r in guard.OPENED_RULES if r.name != rule)
    try:
        with rasterio.Env(**GDAL_OPTIONS):
            guard.open_guarded(str(path), "image")
    except DataError as e:
        return str(e.code)
    except Exception as e:
        return type(e).__name__
    return "opened"


if __name__ == "__main__":
    for line in sys.stdin:
        given, file = json.loads(line)
        print(outcome(given, Path(file)), flush=True)
