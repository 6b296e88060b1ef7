"""The 2-degree block an image lies in."""

from jagawana.detectors.grid import transformer
from jagawana.services.raster.decoding import RasterHeader

BLOCK_DEGREES = 2.0


def block_at(header: RasterHeader) -> str | None:
    """The 2-degree cell of an image's centre, as west_south in cells from 0, 0; None when the image does not say where it lies."""
    if header.epsg is None:
        return None
    height, width = header.shape
    longitude, latitude = transformer(header.epsg, 4326).transform(*(header.transform @ (width / 2, height / 2)))
    return f"{int(longitude // BLOCK_DEGREES)}_{int(latitude // BLOCK_DEGREES)}"
