"""Which band is which, when a file only has names, numbers or nothing to say."""

from collections.abc import Sequence

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.raster.decoding import RasterHeader

COMMON_NAMES = {
    "b02": "blue", "b2": "blue", "blue": "blue", "b": "blue",
    "b03": "green", "b3": "green", "green": "green", "g": "green",
    "b04": "red", "b4": "red", "red": "red", "r": "red",
    "b08": "nir", "b8": "nir", "nir": "nir", "n": "nir",
    "b11": "swir16", "swir16": "swir16", "swir1": "swir16",
    "b12": "swir22", "swir22": "swir22", "swir2": "swir22",
    "scl": "scl",
}  # fmt: skip
BY_COUNT = {6: ("blue", "green", "red", "nir", "swir16", "swir22"), 4: ("blue", "green", "red", "nir")}
"""The order of Sentinel-2's B02 B03 B04 B08 B11 B12 and of 4-band PlanetScope and NICFI."""


def band_names(header: RasterHeader, name: str) -> tuple[str | None, ...]:
    """STAC common names of a file's bands, None for a band this service does not know.

    From the band descriptions where there are any; else by their number: 6 and 4 bands are the usual orders, and a
    single band is what the file's name says (…B04.tif, …SCL.tif).

    Raises:
        DataError: BANDS_MISSING when nothing says which band is which.
    """
    if any(header.descriptions):
        return tuple(described_as(d) for d in header.descriptions)
    if len(header.descriptions) in BY_COUNT:
        return BY_COUNT[len(header.descriptions)]
    words = name.replace("-", "_").replace(".", "_").lower().split("_")
    known = [COMMON_NAMES[w] for w in words if w in COMMON_NAMES and len(w) > 1]
    if len(header.descriptions) == 1 and known:
        return (known[-1],)
    raise DataError(
        ErrorCode.BANDS_MISSING,
        f"{name}: {len(header.descriptions)} bands without descriptions; describe them (B02, … or blue, …), or give 4 or 6 in order",
    )


def described_as(description: str) -> str | None:
    """The STAC common name a band's description means; None where it means none that is known."""
    return COMMON_NAMES.get(description.strip().split(" ")[0].split(",")[0].lower())


def reflectance_scale(header: RasterHeader, band: int) -> tuple[float, float]:
    """Scale and offset of a loose file's band: its own, else 1e-4 for integers and 1 for floats."""
    scale, offset = header.scales[band], header.offsets[band]
    if (scale, offset) != (1.0, 0.0) or header.dtype == "float32":
        return scale, offset
    return 1e-4, 0.0


def known(names: Sequence[str | None]) -> list[str]:
    """The names that are known."""
    return [n for n in names if n is not None]
