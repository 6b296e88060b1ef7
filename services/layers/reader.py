"""The reader: a child process under limits, in which GDAL knows three formats only; its answer is JSON and WKB."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.confinement import confine
from jagawana.services.raster.nursery import KEPT_VARIABLES

logger = logging.getLogger(__name__)
Request = dict[str, Any]


@dataclass(frozen=True)
class ReaderLimits:
    """What reading one layer may use: wall clock and processor time in seconds, and memory in bytes."""

    seconds: int = 600
    extra_bytes: int = 6 << 30


LIMITS = ReaderLimits()
"""The largest layer that the rules allow takes about a tenth of both."""


def ask(module: str, path: Path, request: Request, limits: ReaderLimits) -> tuple[dict[str, Any], list[BaseGeometry]]:
    """What a module that calls `answer` reads of a file, in a process of its own.

    Args:
        module: its full name.
        path: the file.
        request: what else `answer` hands on; JSON.

    Raises:
        DataError: what the module raises, or ZONES_INVALID when the reader dies or takes too long.
    """
    work = {"path": str(path.absolute()), "seconds": limits.seconds, "extra_bytes": limits.extra_bytes} | request
    head, _, outlines = _run(module, work, path.name, limits).partition(b"\n")
    answer = json.loads(head)
    if "error" in answer:
        raise DataError(ErrorCode(answer["error"]), answer["detail"])
    ends = answer.pop("ends")
    return answer, [shapely.from_wkb(outlines[start:end]) for start, end in zip([0, *ends], ends, strict=False)]


def answer(read: Callable[[Path, Request], tuple[dict[str, Any], Sequence[BaseGeometry]]]) -> None:
    """The reader's side, from standard input to standard output: a line of JSON, then the WKB of all geometries."""
    request = json.load(sys.stdin)
    confine(request.pop("extra_bytes"), request.pop("seconds"))
    try:
        found, geometries = read(Path(request.pop("path")), request)
    except DataError as e:
        sys.stdout.buffer.write(json.dumps({"error": e.code, "detail": e.detail}).encode() + b"\n")
        return
    outlines, ends, end = [shapely.to_wkb(g) for g in geometries], [], 0
    for outline in outlines:
        ends.append(end := end + len(outline))
    sys.stdout.buffer.write(json.dumps(found | {"ends": ends}, default=str).encode() + b"\n" + b"".join(outlines))


def environment() -> dict[str, str]:
    """No secrets, no drivers but the three, no network, and no threads: the reader makes its namespaces while it has one."""
    import pyogrio

    from jagawana.services.layers.tables import DRIVERS

    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    others = ",".join(name for name in pyogrio.list_drivers() if name not in DRIVERS)
    closed = {"PROJ_NETWORK": "OFF", "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none", "OGR_SQLITE_LOAD_EXTENSIONS": ""}
    return kept | closed | {"GDAL_SKIP": others, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _run(module: str, work: Request, name: str, limits: ReaderLimits) -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module],
            input=json.dumps(work).encode(), capture_output=True, env=environment(), timeout=limits.seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as e:
        raise DataError(ErrorCode.ZONES_INVALID, f"{name} was not read within {limits.seconds} s; simplify or divide the layer") from e
    if done.returncode or b"\n" not in done.stdout:
        logger.warning("the reader of %s ended with %d: %r", name, done.returncode, done.stderr[-300:])
        room = f"{limits.extra_bytes >> 20} MiB and {limits.seconds} s"
        raise DataError(ErrorCode.ZONES_INVALID, f"{name} broke its reader, or needs more than {room}; export it again, or divide it")
    return done.stdout
