"""What a simulated world is asked to be."""

from dataclasses import dataclass
from datetime import UTC, datetime

from jagawana.schemas.errors import DataError, ErrorCode

TILE_CORNER = (230_000.0, 9_870_000.0)
"""A corner of four MGRS 10 km squares of UTM zone 50 S in Central Kalimantan, near 114.57 E 1.18 S."""
EPSG = 32750


@dataclass(frozen=True)
class WorldConfig:
    """Size, length and contents of a world. The same config always gives the same world, byte for byte.

    Attributes:
        seed: everything random follows from it.
        width_km, height_km: extent; at least 2 km each way.
        starts_at: time of the first day, aware UTC.
        days: length of the history.
        sites: number of artisanal mining sites; 0 leaves out all mining (the industrial pit too) and keeps everything else.
        industrial: whether the legal pit inside the concession exists (only with sites).
        dates_10m, dates_5m: looks of the Sentinel-2-like and of the four-band sensor, evenly spread over `days` with some jitter.
        cloudiness: mean share of a Sentinel-2-like look hidden by cloud, 0..0.9; the four-band looks have a quarter of it.
        zoned: whether sites are placed by zone (as on a map); else anywhere along the streams.
    """

    seed: int = 1
    width_km: float = 6.0
    height_km: float = 5.0
    starts_at: datetime = datetime(2024, 1, 3, 2, 35, tzinfo=UTC)
    days: int = 360
    sites: int = 6
    industrial: bool = True
    dates_10m: int = 36
    dates_5m: int = 12
    cloudiness: float = 0.45
    zoned: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            DataError: SETTINGS_INVALID, with the option and its limits.
        """
        checks = (
            (2.0 <= min(self.width_km, self.height_km) <= max(self.width_km, self.height_km) <= 40.0, "width_km and height_km: 2 to 40"),
            (self.days >= 30, "days: 30 or more"),
            (0 <= self.sites <= 200, "sites: 0 to 200"),
            (
                min(self.dates_10m, self.dates_5m) >= 0 and self.dates_10m + self.dates_5m >= 1,
                "dates_10m, dates_5m: at least one in all",
            ),
            (0.0 <= self.cloudiness <= 0.9, "cloudiness: 0 to 0.9"),
            (self.starts_at.tzinfo is not None, "starts_at: an aware time"),
        )
        for holds, limit in checks:
            if not holds:
                raise DataError(ErrorCode.SETTINGS_INVALID, f"a world cannot be simulated with {self}: {limit}")
