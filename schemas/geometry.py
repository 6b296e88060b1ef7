"""GeoJSON geometries (RFC 7946): WGS 84 longitude and latitude in degrees."""

from typing import Annotated, Literal

from pydantic import Field

from jagawana.schemas.base import Model

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Position = tuple[Longitude, Latitude]
Ring = Annotated[tuple[Position, ...], Field(min_length=4)]


class Point(Model):
    """One place."""

    type: Literal["Point"] = "Point"
    coordinates: Position


class Polygon(Model):
    """One outer ring and its holes."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: tuple[Ring, ...] = Field(min_length=1)


class MultiPolygon(Model):
    """Areas: mining."""

    type: Literal["MultiPolygon"] = "MultiPolygon"
    coordinates: tuple[tuple[Ring, ...], ...]


class MultiLineString(Model):
    """Centre-lines: roads."""

    type: Literal["MultiLineString"] = "MultiLineString"
    coordinates: tuple[Annotated[tuple[Position, ...], Field(min_length=2)], ...]


class MultiPoint(Model):
    """Places: huts."""

    type: Literal["MultiPoint"] = "MultiPoint"
    coordinates: tuple[Position, ...]


Geometry = Annotated[MultiPolygon | MultiLineString | MultiPoint, Field(discriminator="type")]
