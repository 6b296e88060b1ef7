"""A case: everything a verdict rests on, in one document, so that it can be kept and judged again without the layers it came from."""

from dataclasses import fields
from datetime import date
from typing import Literal, Self, cast

import shapely
from pydantic import ValidationError
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from jagawana.rules.judge import JudgedPiece, judge
from jagawana.rules.margin import NEIGHBOURHOOD_M
from jagawana.rules.pack import RulePack
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.base import Day, Model
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault


class CaseZone(Model):
    """A zone as it stood; its outline as hexadecimal WKB in the case's coordinate system."""

    zone_id: str
    kind: ZoneKind
    name: str
    outline: str
    layer: str
    layer_version: str
    source: str
    valid_from: Day | None
    valid_to: Day | None
    holder: str | None
    stage: str | None
    accuracy_m: float
    code: str | None
    commodity: str | None
    designation: str | None
    method: str | None
    licence: str | None
    redistributable: bool | None
    approximate: bool

    @classmethod
    def of(cls, zone: Zone) -> Self:
        """A zone of an index."""
        record = {f.name: getattr(zone, f.name) for f in fields(zone) if f.name != "geometry"}
        return cls(**record, outline=shapely.to_wkb(zone.geometry, hex=True))

    @property
    def zone(self) -> Zone:
        """The zone again."""
        record = self.model_dump(exclude={"outline", "kind"})
        return Zone(**record, kind=self.kind, geometry=cast(Polygon | MultiPolygon, shapely.from_wkb(self.outline)))


class Case(Model):
    """A shape, a day, the zones near it, and which rules are to be asked."""

    case: Literal["1.0"] = "1.0"
    shape: str
    epsg: int
    day: Day
    pixel_m: float
    pack: str
    pack_version: str
    kinds_loaded: tuple[ZoneKind, ...]
    zones: tuple[CaseZone, ...]

    @classmethod
    def of(cls, shape: BaseGeometry, zones: ZoneIndex, *, epsg: int, on: date, pack: RulePack, pixel_m: float) -> Self:
        """A case with every zone that can have a say: those within NEIGHBOURHOOD_M, in force or not."""
        return cls(
            shape=shapely.to_wkb(shape, hex=True),
            epsg=epsg,
            day=on,
            pixel_m=pixel_m,
            pack=pack.pack,
            pack_version=pack.version,
            kinds_loaded=tuple(sorted(zones.kinds_loaded)),
            zones=tuple(CaseZone.of(z) for z in zones.around(shape, distance_m=NEIGHBOURHOOD_M)),
        )

    @property
    def geometry(self) -> BaseGeometry:
        """The shape."""
        return shapely.from_wkb(self.shape)

    @property
    def index(self) -> ZoneIndex:
        """The zones."""
        return ZoneIndex([z.zone for z in self.zones], kinds_loaded=self.kinds_loaded)

    def judge(self, pack: RulePack) -> list[JudgedPiece]:
        """The verdicts, the same every time.

        Raises:
            DataError: RULES_INVALID when the pack is not the one the case names.
        """
        if (pack.pack, pack.version) != (self.pack, self.pack_version):
            raise DataError(
                ErrorCode.RULES_INVALID,
                f"the case was made for pack {self.pack} {self.pack_version}, not {pack.pack} {pack.version}; judge it by that one",
            )
        return judge(self.geometry, zones=self.index, on=self.day, pack=pack, pixel_m=self.pixel_m)


def read_case(data: bytes) -> Case:
    """A case from JSON.

    Raises:
        DataError: SHAPE_INVALID, naming the field.
    """
    try:
        case = Case.model_validate_json(data)
        outlines = [case.geometry, *(z.zone.geometry for z in case.zones)]
    except ValidationError as e:
        raise DataError(ErrorCode.SHAPE_INVALID, f"case {first_fault(e)}; give the file as it was written") from e
    except shapely.errors.ShapelyError as e:
        raise DataError(ErrorCode.SHAPE_INVALID, f"an outline of the case cannot be read: {e}; give the file as it was written") from e
    if not all(g.is_valid for g in outlines):
        raise DataError(ErrorCode.SHAPE_INVALID, "an outline of the case crosses itself; give the file as it was written")
    return case
