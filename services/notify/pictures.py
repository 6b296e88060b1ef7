"""Before and after of an alert, cut from the quicklooks of its evidence, with its shapes drawn on."""

from collections.abc import Sequence

import shapely

from jagawana.detectors.grid import cell_square, reproject
from jagawana.detectors.quicklook import read_quicklook
from jagawana.schemas.alert import AlertContent, Cutout
from jagawana.schemas.errors import DataError
from jagawana.services.notify.cutouts import Bounds, Outline, Picture, draw_pair
from jagawana.services.store.blobs import BlobStore


def before_and_after(content: AlertContent, blobs: BlobStore) -> tuple[bytes, bytes]:
    """Two JPEGs of the alert's cell; a picture that is lost is shown as missing, never invented."""
    square = cell_square(content.cell)
    return draw_pair(
        _picture(content.evidence.before, blobs), _picture(content.evidence.after, blobs), outlines(content), cell=Bounds(*square.bounds)
    )


def outlines(content: AlertContent) -> Sequence[Outline]:
    """The alert's shapes in the UTM zone of its tile."""
    epsg = cell_square(content.cell).epsg
    return [Outline(s.change_class, reproject(shapely.geometry.shape(s.geometry.model_dump()), 4326, epsg)) for s in content.shapes]


def _picture(cutout: Cutout | None, blobs: BlobStore) -> Picture | None:
    if cutout is None:
        return None
    try:
        rgb = read_quicklook(blobs.get(cutout.blob))
    except DataError:
        return None
    return Picture(rgb, Bounds(*cutout.bounds), f"{cutout.acquired_at:%Y-%m-%d}")
