"""Applying a mapping file: a publisher's table becomes a table with our column names, or the layer is refused."""

import tomllib
from collections.abc import Hashable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pydantic import ValidationError
from shapely.geometry.base import BaseGeometry

from jagawana.rules.riparian import MAX_WIDTH_M, strip, strip_width_m
from jagawana.schemas.faults import first_fault
from jagawana.schemas.zone_mapping import Attribute, Strip, ZoneMapping
from jagawana.services.layers.tables import refuse, refuse_feature
from jagawana.services.zones.features import COLUMNS

MAX_MAPPING_BYTES = 1 << 20
MAX_RIVER_DEGREES = 20.0
"""Longest side of a river. A longer one is rather all rivers of a country in one feature."""
YES = {"1", "true", "t", "yes", "y", "ya", "sim"}
LEFT_OUT = object()
Row = Mapping[Hashable, Any]


def read_mapping(path: Path) -> ZoneMapping:
    """A mapping from a JSON or TOML file.

    Raises:
        DataError: ZONES_INVALID, naming the field and what is wrong with it.
    """
    if not path.is_file() or path.stat().st_size > MAX_MAPPING_BYTES:
        refuse(f"the mapping {path.name} is not a file of at most {MAX_MAPPING_BYTES >> 20} MiB")
    text = path.read_text("utf-8-sig", errors="replace")
    try:
        return ZoneMapping.model_validate(tomllib.loads(text)) if path.suffix == ".toml" else ZoneMapping.model_validate_json(text)
    except tomllib.TOMLDecodeError as e:
        refuse(f"the mapping {path.name} cannot be read as TOML: {e}")
    except ValidationError as e:
        refuse(f"the mapping {path.name} {first_fault(e)}; docs/zones.md has an example")


def mapped(table: gpd.GeoDataFrame, mapping: ZoneMapping) -> gpd.GeoDataFrame:
    """The table with a column for each mapped attribute, without the features that the mapping leaves out; it keeps their numbers.

    Raises:
        DataError: ZONES_INVALID.
    """
    columns = {str(c).lower(): c for c in reversed(list(table.columns)) if c != table.geometry.name}
    for name, attribute in mapping.attributes.items():
        _column_is_there(attribute.column, name, columns)
    made = {name: [_value(r, n, name, a, columns) for n, r in _rows(table)] for name, a in mapping.attributes.items()}
    kept = np.array([all(values[at] is not LEFT_OUT for values in made.values()) for at in range(len(table))], dtype=bool)
    if not kept.any():
        refuse("the mapping leaves out every feature; look at its values")
    mapped_names = {alias for name in made for alias in (*COLUMNS[name], *(COLUMNS["official_code"] if name == "code" else ()))}
    others = table.drop(columns=[c for c in table.columns if str(c).lower() in mapped_names])
    result = others.join(pd.DataFrame(made, index=table.index, dtype=object))[kept]
    return _with_strips(result, mapping.strip, columns) if mapping.strip else result


def _rows(table: gpd.GeoDataFrame) -> list[tuple[int, Row]]:
    return list(enumerate(table.drop(columns=table.geometry.name).to_dict("records")))


def _column_is_there(column: str | None, attribute: str, columns: Mapping[str, Any]) -> None:
    if column is not None and column.lower() not in columns:
        refuse(f"the mapping reads {attribute} from column {column!r}; there are {', '.join(sorted(map(str, columns.values())))}")


def _value(row: Row, number: int, name: str, attribute: Attribute, columns: Mapping[str, Any]) -> object:
    """What an attribute is for one feature; LEFT_OUT where the mapping says so."""
    if attribute.column is None:
        return attribute.value
    found = row[columns[attribute.column.lower()]]
    if attribute.values is not None:
        text = _plain(found)
        if text not in attribute.values:
            known = ", ".join(map(repr, attribute.values))
            refuse_feature(number, f"its {attribute.column} is {text!r}, of which the mapping says nothing ({name}); it knows {known}")
        meant = attribute.values[text]
        return LEFT_OUT if meant is None else meant
    return _day(found, attribute.date_format, number, name) if attribute.date_format else found


def _plain(value: object) -> str:
    if value is None or value != value:  # NaN is not itself
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _day(value: object, date_format: str, number: int, name: str) -> str | None:
    text = _plain(value)
    if not text:
        return None
    try:
        return datetime.strptime(text, date_format).date().isoformat()
    except ValueError:
        refuse_feature(number, f"{name} is {text!r}, which is not written as {date_format}")


def _with_strips(table: gpd.GeoDataFrame, wanted: Strip, columns: Mapping[str, Any]) -> gpd.GeoDataFrame:
    """Rivers as strips, in WGS 84."""
    for name in ("width_m", "half_channel_m", "is_urban", "depth_m", "catchment_km2"):
        column = getattr(wanted, name)
        _column_is_there(column if isinstance(column, str) else None, f"strip.{name}", columns)
    rivers = table.to_crs("OGC:CRS84")
    strips = [
        _strip(river, row, int(number), wanted, columns)
        for number, river, row in zip(
            rivers.index, rivers.geometry, table.drop(columns=table.geometry.name).to_dict("records"), strict=True
        )
    ]
    flags = [wanted.lines == "centre" and shapely.get_dimensions(river) == 1 for river in rivers.geometry]
    return rivers.set_geometry(gpd.GeoSeries(strips, index=rivers.index, crs=rivers.crs)).assign(approximate=flags)


def _strip(river: BaseGeometry | None, row: Row, number: int, wanted: Strip, columns: Mapping[str, Any]) -> BaseGeometry:
    if river is None or river.is_empty or not np.isfinite(shapely.get_coordinates(river)).all():
        refuse_feature(number, "it has no geometry")
    if shapely.get_dimensions(river) == 0 or not river.is_valid:
        refuse_feature(number, f"it is a {river.geom_type}, or crosses itself; a strip is made from lines or areas of rivers")
    west, south, east, north = river.bounds
    if max(east - west, north - south) > MAX_RIVER_DEGREES:
        refuse_feature(number, f"the river is longer than {MAX_RIVER_DEGREES:g} degrees; divide it, one feature a river")
    width_m = _metres(wanted.width_m, "width_m", row, number, columns)
    if width_m is None:
        is_urban = wanted.is_urban is not None and _plain(row[columns[wanted.is_urban.lower()]]).lower() in YES
        depth_m = _metres(wanted.depth_m, "depth_m", row, number, columns)
        width_m = strip_width_m(
            is_urban=is_urban, depth_m=depth_m, catchment_km2=_metres(wanted.catchment_km2, "catchment_km2", row, number, columns)
        )
    channel_m = (_metres(wanted.half_channel_m, "half_channel_m", row, number, columns) or 0.0) if wanted.lines == "centre" else 0.0
    if not 0 < width_m + channel_m <= MAX_WIDTH_M:
        refuse_feature(number, f"its strip would be {width_m + channel_m:g} m wide; give metres, up to {MAX_WIDTH_M:g}")
    return strip(river, width_m + channel_m)


def _metres(given: float | str | None, name: str, row: Row, number: int, columns: Mapping[str, Any]) -> float | None:
    """A number as given, or from the column named; None where it is not on record."""
    if not isinstance(given, str):
        return given
    text = _plain(row[columns[given.lower()]])
    try:
        value = float(text) if text else None
    except ValueError:
        value = -1.0
    if value is not None and not 0 <= value < 1e9:
        refuse_feature(number, f"{name} is {text!r}; give a number that is not negative")
    return value
