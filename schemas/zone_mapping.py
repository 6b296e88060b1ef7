"""A mapping file: where in a publisher's layer the attributes of our zones are, and what the publisher's words mean."""

from typing import Literal, Self

from pydantic import Field, model_validator

from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.base import Model


class Attribute(Model):
    """One attribute of a zone: a constant, or a column with what its values mean."""

    value: str | None = Field(default=None, description="the same for every feature")
    column: str | None = Field(default=None, description="name of the layer's column, upper or lower case")
    values: dict[str, str | None] | None = Field(
        default=None, description="what the column's values mean; null leaves the feature out, a value that is not listed refuses the layer"
    )
    date_format: str | None = Field(default=None, description="how days are written, e.g. %d/%m/%Y; by default 2024-12-31")

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.value is None) == (self.column is None):
            raise ValueError("give either a value or a column")
        if self.column is None and (self.values is not None or self.date_format is not None):
            raise ValueError("values and date_format are of a column; give one")
        return self


class Strip(Model):
    """Riparian strips made from lines or areas of rivers. Numbers are metres, the name of a column, or absent."""

    lines: Literal["banks", "centre"] = Field(
        description="what lines show: a bank each, or the middle of the river, which is flagged approximate"
    )
    width_m: float | str | None = Field(
        default=None, description="width of the strip on each side; absent: by PP 38/2011 from what follows"
    )
    half_channel_m: float | str | None = Field(default=None, description="from the middle of the river to its bank, where lines are centre")
    is_urban: str | None = Field(default=None, description="column that is true (1, true, yes, ya) where the river runs through a town")
    depth_m: str | None = Field(default=None, description="column of the river's depth, for towns")
    catchment_km2: str | None = Field(default=None, description="column of the catchment, outside towns")


class ZoneMapping(Model):
    """How a layer of any publisher becomes zones. What is not mapped is looked for in columns of the usual names."""

    mapping: Literal["1.0"]
    kind: Attribute
    zone_id: Attribute | None = Field(default=None, description="unique over all layers, and the same in the layer's next version")
    name: Attribute | None = None
    code: Attribute | None = Field(default=None, description="official code, e.g. number of a permit; without zone_id it makes the id")
    holder: Attribute | None = None
    commodity: Attribute | None = None
    designation: Attribute | None = Field(default=None, description="what the zone is called by law, e.g. Reserva Extrativista")
    stage: Attribute | None = None
    method: Attribute | None = Field(default=None, description="surface or underground mining")
    valid_from: Attribute | None = None
    valid_to: Attribute | None = None
    accuracy_m: Attribute | None = None
    strip: Strip | None = None
    source: str | None = Field(default=None, min_length=1, description="who published the layer")
    licence: str | None = Field(default=None, min_length=1, description="licence of its data")
    redistributable: bool | None = Field(default=None, description="whether its data may be passed on")

    @property
    def attributes(self) -> dict[str, Attribute]:
        """What is mapped, by the zone's attribute."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in found.items() if isinstance(value, Attribute)}

    @model_validator(mode="after")
    def _kinds_exist(self) -> Self:
        meant = [self.kind.value] if self.kind.column is None else [v for v in (self.kind.values or {}).values() if v is not None]
        for kind in meant:
            if kind not in tuple(ZoneKind):
                raise ValueError(f"kind {kind!r} is unknown; it is one of {', '.join(ZoneKind)}")
        return self

    @model_validator(mode="after")
    def _only_days_have_formats(self) -> Self:
        for name, attribute in self.attributes.items():
            if attribute.date_format is not None and name not in ("valid_from", "valid_to"):
                raise ValueError(f"{name} has a date_format; only valid_from and valid_to are days")
        if self.strip and (self.kind.value != ZoneKind.RIPARIAN):
            raise ValueError("strips are zones of the kind riparian; give kind the value riparian")
        return self
