"""Class masks of single images, without tiles, history or zones: for trying a model, and for evaluation."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from pyproj import CRS
from rasterio.errors import NotGeoreferencedWarning

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.clouds import BrightnessMask, CloudMask, LearnedMask, SkyClass
from jagawana.detectors.decision import Votes
from jagawana.detectors.detector import Detector
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.detect.models import choose_model, load_detector
from jagawana.services.raster.bands import band_names, known, reflectance_scale
from jagawana.services.raster.decoding import Decoder, DecoderLimits, RasterHeader, decoder
from jagawana.services.settings import Settings

WINDOW_PX = 1024
CLOUD_MASKS: dict[str, type[CloudMask] | None] = {"none": None, "brightness": BrightnessMask, "csmask": LearnedMask}
ASSUMED_RESOLUTION_M = 10.0
EARTH_RADIUS_M = 6_371_000.0
Progress = Callable[[int, int], None]


def detect_images(
    source: Path, out: Path, settings: Settings, *, probabilities: bool, cloud_mask: str, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Write NAME.mask.tif for a GeoTIFF or every GeoTIFF of a folder; returns a row per image.

    Raises:
        DataError: what is wrong with an image, an unknown cloud mask, or no image at all.
    """
    if cloud_mask not in CLOUD_MASKS:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"cloud mask {cloud_mask!r}; there are {', '.join(CLOUD_MASKS)}")
    files = _images(source)
    out.mkdir(parents=True, exist_ok=True)
    loaded: dict[str, Detector] = {}
    made = []
    for number, file in enumerate(files, 1):
        with decoder({file.name: file}, DecoderLimits(settings.decoder_seconds, settings.decoder_bytes)) as pixels:
            image = SingleImage(file, pixels, settings, loaded, cloud_mask)
            made.append(_write(image, out, probabilities=probabilities))
        if progress is not None:
            progress(number, len(files))
    return made


def _images(source: Path) -> Sequence[Path]:
    found = [source] if source.is_file() else sorted(p for p in source.glob("*") if _is_image(p))
    if not found:
        raise DataError(ErrorCode.ASSET_MISSING, f"no GeoTIFF at {source}")
    return found


def _is_image(path: Path) -> bool:
    """A GeoTIFF by its name: no sidecar such as scene.tif.aux.xml, no result of ours."""
    return path.suffix.lower() in (".tif", ".tiff") and not path.stem.endswith((".mask", ".prob")) and not path.name.startswith(".")


class SingleImage:
    """One image, its model and how it is read."""

    def __init__(self, file: Path, pixels: Decoder, settings: Settings, loaded: dict[str, Detector], cloud_mask: str) -> None:
        self.file, self._pixels = file, pixels
        self.header: RasterHeader = pixels.header(file.name)
        self.names = band_names(self.header, file.name)
        model_id = settings.model or choose_model(frozenset(known(self.names)), self.resolution_m)
        if model_id not in loaded:
            loaded[model_id] = load_detector(
                model_id, device=settings.device, precision=settings.precision, runtime=settings.runtime, threads=settings.threads
            )
        self.detector, self.model_id = loaded[model_id], model_id
        missing = set(self.detector.spec.bands) - set(self.names)
        if missing:
            raise DataError(ErrorCode.BANDS_MISSING, f"{file.name}: model {model_id} also needs {', '.join(sorted(missing))}")
        kind = CLOUD_MASKS[cloud_mask]
        self._clouds = None if kind is None else kind()

    @property
    def resolution_m(self) -> float:
        """Pixel size from north to south; 10 m where the file does not tell it."""
        if self.header.epsg is None:
            return ASSUMED_RESOLUTION_M
        crs = CRS.from_epsg(self.header.epsg)
        unit_m = crs.axis_info[0].unit_conversion_factor * (EARTH_RADIUS_M if crs.is_geographic else 1.0)
        return abs(self.header.transform.e) * float(unit_m)

    def windows(self) -> Iterator[tuple[slice, slice, npt.NDArray[np.float32], npt.NDArray[np.bool_]]]:
        """Rows and columns of the image, their class probabilities (6, h, w), and where something was seen (h, w)."""
        height, width = self.header.shape
        for top in range(0, height, WINDOW_PX):
            for left in range(0, width, WINDOW_PX):
                rows, columns = slice(top, min(top + WINDOW_PX, height)), slice(left, min(left + WINDOW_PX, width))
                yield rows, columns, *self._detect(rows, columns)

    def _detect(self, rows: slice, columns: slice) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        halo, (height, width) = self.detector.spec.halo_px, self.header.shape
        top, left = max(0, rows.start - halo), max(0, columns.start - halo)
        bottom, right = min(height, rows.stop + halo), min(width, columns.stop + halo)
        layers = self.reflectance(self.detector.spec.bands, (top, left, bottom - top, right - left))
        valid = np.asarray(np.isfinite(layers).all(axis=0))
        found = self.detector(np.nan_to_num(layers), valid)
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        return found[:, inside[0], inside[1]], self._seen(layers, valid)[inside]

    def reflectance(self, bands: Sequence[str], window: tuple[int, int, int, int]) -> npt.NDArray[np.float32]:
        """Some of the image's bands, float32 (B, rows, columns), NaN where nothing was recorded; a window is row, column, rows, columns."""
        numbers = [self.names.index(band) for band in bands]
        raw = self._pixels.read(self.file.name, bands=[n + 1 for n in numbers], window=window).astype(np.float32)
        nodata = self.header.nodata
        nodata = 0.0 if nodata is None and self.header.dtype == "uint16" else nodata
        scales = np.array([reflectance_scale(self.header, n) for n in numbers], np.float32)
        layers = raw * scales[:, :1, None] + scales[:, 1:, None]
        return np.where(raw == nodata, np.nan, layers).astype(np.float32) if nodata is not None else layers

    def _seen(self, layers: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        if self._clouds is None:
            return valid
        sky = self._clouds(dict(zip(self.detector.spec.bands, layers, strict=True)), valid, resolution_m=self.resolution_m)
        return np.asarray(sky == SkyClass.CLEAR)


def _write(image: SingleImage, out: Path, *, probabilities: bool) -> dict[str, Any]:
    """Both files are written under other names first, so that a mask is whole or is not there."""
    height, width = image.header.shape
    votes = Votes.none((height, width))
    chances = np.zeros((len(LandClass), height, width), np.float32) if probabilities else None
    for rows, columns, found, seen in image.windows():
        votes.put((rows, columns), found, seen, image.detector.spec.decision)
        if chances is not None:
            chances[:, rows, columns] = found
    mask = votes.classes()
    path = out / f"{image.file.stem}.mask.tif"
    _save(path, mask[None], image, nodata=NOT_OBSERVED)
    if chances is not None:
        _save(out / f"{image.file.stem}.prob.tif", chances, image, names=[c.name.lower() for c in LandClass])
    observed = mask != NOT_OBSERVED
    share = float((mask == LandClass.MINING).sum() / max(1, observed.sum()))
    return {"image": str(image.file), "mask": str(path), "model": image.model_id, "mining_share": round(share, 6)}


def _save(path: Path, pixels: npt.NDArray[Any], image: SingleImage, *, nodata: int | None = None, names: Sequence[str] = ()) -> None:
    temporary = path.with_name(f".{path.name}")
    epsg = image.header.epsg
    with suppress(FileNotFoundError):
        temporary.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # an image without a place has a mask without one
        with rasterio.open(
            temporary, "w", driver="GTiff", height=pixels.shape[1], width=pixels.shape[2], count=len(pixels), dtype=pixels.dtype,
            crs=None if epsg is None else f"EPSG:{epsg}", transform=image.header.transform, nodata=nodata, compress="deflate",
        ) as file:  # fmt: skip
            file.write(pixels)
            for number, name in enumerate(names, 1):
                file.set_band_description(number, name)
    temporary.replace(path)
