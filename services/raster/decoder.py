"""The decoder: a child process that opens checked copies with the GTiff driver only, under limits, and answers in bytes.

The parent never unpickles what the child sends: answers are a JSON header and, for pixels, raw bytes.
"""

import json
import os
import resource
import warnings
from collections.abc import Mapping
from mmap import mmap
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from jagawana.schemas.errors import DataError, ErrorCode

MAX_PIXELS = 400_000_000  # three Sentinel-2 tiles
MAX_BANDS = 32
MAX_BLOCK_BYTES = 64 << 20
DTYPES = ("uint8", "uint16", "int16", "float32")
GDAL_OPTIONS: dict[str, str | int] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no sidecar files
    "GDAL_PAM_ENABLED": "NO",  # no .aux.xml that moves the scene
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "PROJ_NETWORK": "OFF",
    "GDAL_CACHEMAX": 64,
    "GDAL_NUM_THREADS": "2",
}


def serve(connection: Connection, memory: int, paths: Mapping[str, str], extra_bytes: int, cpu_seconds: int) -> None:
    """Answer requests until the parent hangs up. Requests: {"asset", "op": "header" | "read" | "fill", "window", "bands", "offset"}.

    Args:
        connection: to the parent.
        memory: descriptor of memory that the parent sees too; `fill` writes there.
        paths: files by asset key.
        extra_bytes: memory this process may have beyond what it starts with.
        cpu_seconds: processor time in all.
    """
    _limit(extra_bytes, cpu_seconds)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the header says so; who minds, refuses it
    files: dict[str, Any] = {}
    with rasterio.Env(**GDAL_OPTIONS):
        while True:
            try:
                request = json.loads(connection.recv_bytes())
            except EOFError:
                return
            try:
                header, pixels = _answer(files, paths, request, memory)
            except DataError as e:
                header, pixels = {"error": e.code, "detail": e.detail}, None
            except (RasterioError, ValueError) as e:
                header, pixels = {"error": ErrorCode.DECODE_FAILED, "detail": f"{request['asset']}: {e}"}, None
            connection.send_bytes(json.dumps(header).encode())
            if pixels is not None:
                connection.send_bytes(pixels)


def _limit(extra_bytes: int, cpu_seconds: int) -> None:
    """Memory beyond what the process starts with, processor time, no files written, no core dumps."""
    started_with = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    limits = {
        resource.RLIMIT_AS: started_with + extra_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _answer(files: dict[str, Any], paths: Mapping[str, str], request: dict[str, Any], memory: int) -> tuple[dict[str, Any], bytes | None]:
    asset = request["asset"]
    if asset not in files:
        files[asset] = _opened(asset, paths[asset])
    file = files[asset]
    if request["op"] == "header":
        return _header(file), None
    row, column, rows, columns = request["window"]
    window = Window(column, row, columns, rows)
    if request["op"] == "fill":
        shape = len(request["bands"]), rows, columns
        stretch = mmap(memory, int(np.prod(shape)) * np.dtype(file.dtypes[0]).itemsize, offset=request["offset"])
        file.read(request["bands"], window=window, out=np.frombuffer(stretch, file.dtypes[0]).reshape(shape))
        return {}, None
    pixels = np.ascontiguousarray(file.read(request["bands"], window=window))
    return {"dtype": str(pixels.dtype), "shape": pixels.shape}, pixels.tobytes()


def _opened(asset: str, path: str) -> Any:
    """The file, if its header is one that we read; nothing of its pixels has been looked at."""
    file = rasterio.open(path, driver="GTiff")
    if file.width * file.height > MAX_PIXELS or file.count > MAX_BANDS:
        size = f"{file.width} x {file.height} x {file.count}"
        raise DataError(ErrorCode.TOO_MANY_PIXELS, f"{asset}: {size}; the limit is {MAX_PIXELS} pixels and {MAX_BANDS} bands")
    rows, columns = file.block_shapes[0]
    if rows * columns * np.dtype(file.dtypes[0]).itemsize > MAX_BLOCK_BYTES:
        raise DataError(ErrorCode.BLOCK_TOO_LARGE, f"{asset}: blocks of {rows} x {columns}; re-tile it (512 x 512 is good)")
    if set(file.dtypes) - set(DTYPES):
        raise DataError(ErrorCode.DTYPE_UNSUPPORTED, f"{asset}: {sorted(set(file.dtypes))}; only {', '.join(DTYPES)} are read")
    return file


def _header(file: Any) -> dict[str, Any]:
    epsg = file.crs.to_epsg() if file.crs else None
    return {
        "epsg": epsg,
        "transform": list(file.transform)[:6],
        "shape": [file.height, file.width],
        "dtype": file.dtypes[0],
        "nodata": None if file.nodata is None or not np.isfinite(file.nodata) else file.nodata,
        "descriptions": [d or "" for d in file.descriptions],
        "scales": list(file.scales),
        "offsets": list(file.offsets),
        "block_rows": file.block_shapes[0][0],
    }
