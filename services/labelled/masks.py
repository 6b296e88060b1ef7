"""The mask of a labelled image, read beside it."""

from jagawana.detectors.scoring.pixels import Classes
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.labelled.places import Labelled
from jagawana.services.labelled.tables import MaskValues
from jagawana.services.raster.decoding import Decoder, RasterHeader


def read_mask(labelled: Labelled, pixels: Decoder, image: RasterHeader, values: MaskValues) -> Classes:
    """Classes on the grid of the image, uint8 (H, W).

    Args:
        labelled: the image and its mask.
        pixels: a decoder that has the mask under its file name.
        image: header of the image.
        values: what the mask's numbers mean.

    Raises:
        DataError: GRID_MISMATCH when the mask lies elsewhere; LABELS_INVALID when it holds a value that is no class.
    """
    name = labelled.mask.name
    mask = pixels.header(name)
    if mask.shape != image.shape or not _same_place(mask, image):
        raise DataError(
            ErrorCode.GRID_MISMATCH,
            f"{name} is not on the grid of {labelled.image.name} ({_where(mask)}; {_where(image)}); write it with the image's own "
            "size, coordinate system and transform",
        )
    return values.read(pixels.read(name, bands=[1], window=(0, 0, *mask.shape))[0], name=name, nodata=mask.nodata)


def _same_place(mask: RasterHeader, image: RasterHeader) -> bool:
    """One without a place lies where the other lies."""
    if mask.epsg is None or image.epsg is None:
        return True
    return mask.epsg == image.epsg and mask.transform.almost_equals(image.transform, precision=1e-6)


def _where(header: RasterHeader) -> str:
    at = "no place" if header.epsg is None else f"EPSG:{header.epsg} from {header.transform.c:g}, {header.transform.f:g}"
    return f"{header.shape[0]} x {header.shape[1]}, {at}"
