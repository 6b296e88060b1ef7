"""SceneAcquired: a new scene, as a STAC 1.1 Item (https://stacspec.org) with the fields this service relies on."""

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from jagawana.schemas.base import Message, Model, Sha256, UtcTime, iso_utc
from jagawana.schemas.geometry import Latitude, Longitude, Polygon
from jagawana.schemas.ids import sha256_of
from jagawana.schemas.observation import AlertTense

MULTIHASH_SHA256 = "1220"
"""STAC `file:checksum` is a multihash: 0x12 = SHA-256, 0x20 = 32 bytes, then the digest."""
MAX_ASSETS = 64
"""Most files of one item; every one of them is copied before it is read. Sentinel-2 items have about 30."""


class Band(Model):
    """One band of an asset (STAC 1.1 `bands`). Reflectance = DN * scale + offset."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, allow_inf_nan=False)
    name: str = Field(description="the sensor's own name, e.g. B04")
    common_name: str | None = Field(default=None, alias="eo:common_name", description="blue, green, red, nir, swir16, swir22 or scl")
    scale: float | None = Field(default=None, alias="raster:scale")
    offset: float | None = Field(default=None, alias="raster:offset")


class Asset(Model):
    """One file of an item, described well enough to be refused before it is decoded."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, allow_inf_nan=False)
    href: str = Field(min_length=1, max_length=2048)
    type: str | None = None
    roles: tuple[str, ...] = ()
    bands: tuple[Band, ...] = Field(min_length=1)
    size: int = Field(alias="file:size", ge=1, description="bytes")
    checksum: str = Field(alias="file:checksum", pattern=r"^1220[0-9a-f]{64}$", description="multihash of SHA-256")
    code: str = Field(alias="proj:code", description="EPSG code of a UTM zone, e.g. EPSG:32750")
    shape: tuple[int, int] = Field(alias="proj:shape", description="rows, columns")
    transform: tuple[float, ...] = Field(alias="proj:transform", min_length=6, max_length=9, description="affine, row-major")
    nodata: float | None = None

    @property
    def sha256(self) -> Sha256:
        """The digest without the multihash prefix."""
        return self.checksum.removeprefix(MULTIHASH_SHA256)


class SceneProperties(Model):
    """STAC properties. Other extensions' fields are kept and ignored."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, allow_inf_nan=False)
    acquired_at: UtcTime = Field(alias="datetime")
    platform: str = Field(min_length=1, max_length=100, description="e.g. sentinel-2a, planetscope")
    constellation: str | None = None
    gsd: float = Field(gt=0, description="metres")
    created: UtcTime | None = Field(default=None, description="when the product was generated (revision order)")
    grid_code: str | None = Field(default=None, alias="grid:code", max_length=100, description="the granule, e.g. MGRS-50MKE")
    datatake_id: str | None = Field(default=None, alias="s2:datatake_id", max_length=100, description="one pass of the sensor")
    processing_baseline: str | None = Field(default=None, alias="s2:processing_baseline", pattern=r"^\d{2}\.\d{2}$")
    offset_applied: bool | None = Field(default=None, alias="earthsearch:boa_offset_applied")


class SceneItem(Model):
    """A STAC Item. A valid STAC 1.1 Item that lacks one of these fields is refused with MESSAGE_INVALID."""

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True, allow_inf_nan=False)
    type: Literal["Feature"] = "Feature"
    stac_version: str = "1.1.0"
    stac_extensions: tuple[str, ...] = ()
    id: str = Field(min_length=1, max_length=256, pattern=r"^[\w.\-]+$")
    collection: str | None = None
    bbox: tuple[Longitude, Latitude, Longitude, Latitude] = Field(description="west, south, east, north in degrees (WGS 84)")
    geometry: Polygon = Field(description="footprint, WGS 84")
    properties: SceneProperties
    links: tuple[dict[str, Any], ...] = ()
    assets: dict[str, Asset] = Field(min_length=1, max_length=MAX_ASSETS)

    @property
    def acquired_at(self) -> datetime:
        """Acquisition time, UTC."""
        return self.properties.acquired_at

    @property
    def acquisition_key(self) -> str:
        """One granule of one pass: all its revisions share it, whatever the product is called."""
        p = self.properties
        where = p.grid_code or ",".join(f"{degrees:.3f}" for degrees in self.bbox)
        return f"{p.platform}|{p.datatake_id or iso_utc(p.acquired_at)}|{where}"

    @property
    def revision(self) -> str:
        """Orders reprocessed products of one granule by content, never by arrival: baseline, generation time, checksums."""
        created = iso_utc(self.properties.created) if self.properties.created else ""
        checksums = sha256_of([a.sha256 for _, a in sorted(self.assets.items())])
        return f"{self.properties.processing_baseline or '00.00'}|{created}|{checksums}"

    @model_validator(mode="after")
    def _bands_are_unique(self) -> Self:
        names = [b.name for a in self.assets.values() for b in a.bands]
        if len(names) != len(set(names)):
            raise ValueError(f"a band is described twice: {sorted(names)}")
        return self


class SceneAcquired(Message):
    """A scene has become available. Sent by ingest, read by detect."""

    name: ClassVar[str] = "scene-acquired"
    version: ClassVar[str] = "1.0"
    item: SceneItem
    tense: AlertTense = AlertTense.CURRENT

    @property
    def key(self) -> str:
        """Scenes are ordered by acquisition key only; order across scenes does not matter to the fold."""
        return self.item.acquisition_key
