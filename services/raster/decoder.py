"""The decoder: a child process that opens checked copies with the GTiff driver only, under limits, and answers in bytes.

The parent never unpickles what the child sends: answers are a JSON header and, for pixels, raw bytes.
"""

import json
import warnings
from collections.abc import Mapping
from mmap import mmap
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.confinement import confine
from jagawana.services.raster.decoding import RasterUse
from jagawana.services.raster.guard import open_guarded

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


def serve(
    connection: Connection, memory: int, paths: Mapping[str, str], extra_bytes: int, cpu_seconds: int, use: str = RasterUse.SCENE
) -> None:
    """Answer requests until the parent hangs up. Requests: {"asset", "op": "header" | "read" | "fill", "window", "bands", "offset"}.

    Args:
        connection: to the parent.
        memory: descriptor of memory that the parent sees too; `fill` writes there.
        paths: files by asset key.
        extra_bytes: memory this process may have beyond what it starts with.
        cpu_seconds: processor time in all.
        use: a RasterUse.
    """
    confine(extra_bytes, cpu_seconds)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the header says so; who minds, refuses it
    files: dict[str, Any] = {}
    with rasterio.Env(**GDAL_OPTIONS):
        while True:
            try:
                request = json.loads(connection.recv_bytes())
            except EOFError:
                return
            try:
                header, pixels = _answer(files, paths, request, memory, RasterUse(use))
            except DataError as e:
                header, pixels = {"error": e.code, "detail": e.detail}, None
            except (RasterioError, ValueError) as e:
                header, pixels = {"error": ErrorCode.DECODE_FAILED, "detail": f"{request['asset']}: {e}"}, None
            connection.send_bytes(json.dumps(header).encode())
            if pixels is not None:
                connection.send_bytes(pixels)


def _answer(
    files: dict[str, Any], paths: Mapping[str, str], request: dict[str, Any], memory: int, use: RasterUse
) -> tuple[dict[str, Any], bytes | None]:
    asset = request["asset"]
    if asset not in files:
        files[asset] = open_guarded(paths[asset], asset, use)
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
