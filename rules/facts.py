"""What a condition may ask about a zone: typed facts, read from the zone's record on one day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import ZoneKind

UNBEGUN, UNENDED = date(1, 1, 1), date(9999, 12, 31)
"""Stand for days that are not on record: a zone without them is in force from and until any day."""


class PermitStage(StrEnum):
    """What a permit's stage allows, as its words say."""

    PRODUCTION = "production"
    EXPLORATION = "exploration"
    UNCLEAR = "unclear"  # a stage is on record, in words the pack does not know
    UNRECORDED = "unrecorded"


class MiningMethod(StrEnum):
    """Where the permit lets the mineral be taken out."""

    SURFACE = "surface"
    UNDERGROUND = "underground"
    UNKNOWN = "unknown"  # on record, but as both, or in words the pack does not know
    UNRECORDED = "unrecorded"


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """Facts of one zone on one day, under one pack. Text that is not on record is empty."""

    kind: ZoneKind
    code: str
    holder: str
    commodity: str
    designation: str
    stage: PermitStage
    method: MiningMethod
    approximate: bool
    accuracy_m: float
    valid_from: date
    valid_to: date
    day: date


class Fact(NamedTuple):
    """A fact's type, the values it can have where they are few, and what it means."""

    type: type
    values: tuple[str, ...]
    meaning: str


FACTS: Mapping[str, Fact] = MappingProxyType(
    {
        "kind": Fact(str, tuple(ZoneKind), "kind of the zone"),
        "code": Fact(str, (), "official code, e.g. the number of a permit"),
        "holder": Fact(str, (), "who holds the permit"),
        "commodity": Fact(str, (), "what may be mined, in lower case"),
        "designation": Fact(str, (), "what the zone is called by law, in lower case, e.g. 'reserva extrativista'"),
        "stage": Fact(str, tuple(PermitStage), "what the permit's stage allows"),
        "method": Fact(str, tuple(MiningMethod), "surface or underground"),
        "approximate": Fact(bool, (), "whether its outline was derived, e.g. a strip drawn from a centre-line"),
        "accuracy_m": Fact(float, (), "accuracy of its outline in metres"),
        "valid_from": Fact(date, (), 'its first day; d"0001-01-01" when not on record'),
        "valid_to": Fact(date, (), 'its last day; d"9999-12-31" when not on record'),
        "day": Fact(date, (), "the day whose zones count"),
    }
)
"""All facts by name, which is the name of the field of ZoneFacts."""


def says(text: str | None, words: tuple[str, ...]) -> bool:
    """Whether a text contains one of the words."""
    return text is not None and any(word in text.casefold() for word in words)


def stage_of(text: str | None, *, production: tuple[str, ...], exploration: tuple[str, ...], decisive: PermitStage) -> PermitStage:
    """What a permit's stage allows; where it has words of both kinds, `decisive` holds."""
    if not text:
        return PermitStage.UNRECORDED
    allows, forbids = says(text, production), says(text, exploration)
    if allows and forbids:
        return decisive
    return PermitStage.PRODUCTION if allows else PermitStage.EXPLORATION if forbids else PermitStage.UNCLEAR


def method_of(text: str | None, *, surface: tuple[str, ...], underground: tuple[str, ...]) -> MiningMethod:
    """Where the mineral may be taken out; words of both kinds, or of none, leave it unknown."""
    if not text:
        return MiningMethod.UNRECORDED
    above, below = says(text, surface), says(text, underground)
    if above == below:
        return MiningMethod.UNKNOWN
    return MiningMethod.SURFACE if above else MiningMethod.UNDERGROUND


def facts_of(zone: Zone, on: date, *, stage: PermitStage, method: MiningMethod) -> ZoneFacts:
    """The facts of a zone on a day."""
    return ZoneFacts(
        kind=zone.kind,
        code=zone.code or "",
        holder=zone.holder or "",
        commodity=(zone.commodity or "").casefold(),
        designation=(zone.designation or "").casefold(),
        stage=stage,
        method=method,
        approximate=zone.approximate,
        accuracy_m=zone.accuracy_m,
        valid_from=zone.valid_from or UNBEGUN,
        valid_to=zone.valid_to or UNENDED,
        day=on,
    )
