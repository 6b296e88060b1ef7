"""What the command's options mean: the site, the mined area and the calibration."""

from dataclasses import replace
from pathlib import Path

from jagawana.detectors.fold import FoldPolicy
from jagawana.detectors.turbidity.calibration import Calibration, load_calibration, shipped_calibration
from jagawana.detectors.turbidity.correlation import MinedArea
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.assess.histories import Histories
from jagawana.services.settings import Settings
from jagawana.services.store.blobs import open_blobs
from jagawana.services.store.database import open_database
from jagawana.services.turbidity.mined import mined_around, site_of_alert
from jagawana.services.turbidity.rivers import Site
from jagawana.services.turbidity.tables import read_mined


def site_of(site: str | None, alert: str | None, settings: Settings, *, name: str | None = None) -> Site:
    """A place in degrees, or that of an alert; called by its coordinates or code where it has no name.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    if (site is None) == (alert is None):
        raise DataError(ErrorCode.SETTINGS_INVALID, "give either --site LONGITUDE,LATITUDE or --alert CODE")
    if alert is not None:
        found = site_of_alert(open_database(settings), alert)
        return replace(found, name=name or found.name)
    try:
        longitude, latitude = map(float, str(site).split(","))
    except ValueError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--site {site!r}: {e}; write longitude and latitude as 113.92,-1.53") from e
    if not (-180 <= longitude <= 180 and -80 <= latitude <= 84):
        raise DataError(ErrorCode.SETTINGS_INVALID, f"--site {site!r}: longitude comes first, then latitude, in degrees")
    return Site(longitude, latitude, name or f"{longitude:.4f}, {latitude:.4f}")


def mined_of(table: Path | None, radius_km: float, site: Site, settings: Settings) -> MinedArea:
    """From the table given, else from the data folder; empty where there is neither."""
    if table is not None:
        return read_mined(table)
    if settings.database_url is None and not settings.database.exists():
        return MinedArea((), ())
    histories = Histories(open_blobs(settings), FoldPolicy())
    return mined_around(open_database(settings), histories, site, radius_km * 1000)


def calibration_of(path: Path | None) -> Calibration:
    """From a file, else the shipped one.

    Raises:
        DataError: ASSET_MISSING, SETTINGS_INVALID.
    """
    if path is None:
        return shipped_calibration()
    if not path.is_file():
        raise DataError(ErrorCode.ASSET_MISSING, f"{path} does not exist; make it with jagawana turbidity calibrate")
    return load_calibration(path.read_text("utf-8"), where=path.name)
