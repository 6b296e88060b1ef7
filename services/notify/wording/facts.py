"""What every message needs to know of a record, and how a language writes numbers, days and lists."""

from collections.abc import Sequence
from datetime import datetime

from jagawana.schemas.alert import (
    AlertContent,
    AlertPublished,
    AlertShape,
    AlertState,
    Category,
    ChangeClass,
    Stage,
    Verdict,
    WhatChanged,
    ZoneKind,
    ZoneOverlap,
)
from jagawana.services.notify.wording.names import safe_name
from jagawana.services.notify.wording.phrases import Phrases

_ORDER = (ChangeClass.MINING, ChangeClass.ROAD, ChangeClass.HUT)
_WEIGHT = (
    WhatChanged.NO_LONGER_SEEN,
    WhatChanged.NO_LONGER_IN_ZONE,
    WhatChanged.FIRST_SEEN,
    WhatChanged.TENSE,
    WhatChanged.STAGE,
    WhatChanged.CATEGORY,
    WhatChanged.STATE,
    WhatChanged.AREA,
    WhatChanged.SEEN_AGAIN,
    WhatChanged.ZONE_LAYER,
    WhatChanged.RULE_PACK,
)
"""What changed, the weightiest first: the order in which a reader is told."""


def leading_shape(content: AlertContent) -> AlertShape:
    """The shape a message speaks of when it says how sure and since when: mining before roads before huts, then the surest, the first."""
    return min(content.shapes, key=lambda s: (_ORDER.index(s.change_class), -s.probability, s.first_seen_at))


def telling_zone(verdict: Verdict) -> ZoneOverlap | None:
    """The zone a message names: the decisive one, else the permit area it lies in, else none."""
    decisive = [z for z in verdict.zones if z.zone_id == verdict.decisive_zone]
    permits = [z for z in verdict.zones if z.kind is ZoneKind.CONCESSION]
    return next(iter(decisive + permits), None)


def is_outside_every_permit(verdict: Verdict) -> bool:
    """Whether the verdict rests on the absence of a permit."""
    return telling_zone(verdict) is None and verdict.category is Category.LOW


def is_withdrawn(content: AlertContent) -> bool:
    """Whether readers must forget what they were told."""
    return content.state is AlertState.RETRACTED


def has_mining(content: AlertContent) -> bool:
    """Whether mining itself was seen, not only a road or huts."""
    return content.stage is Stage.MINING


def news(record: AlertPublished) -> list[WhatChanged]:
    """What changed, each once, the weightiest first."""
    return sorted(set(record.what_changed), key=_WEIGHT.index)


def first_look(content: AlertContent) -> AlertShape:
    """The shape that was seen first: its last clear look without it bounds when the activity began."""
    return min(content.shapes, key=lambda s: s.first_seen_at)


def number(value: float, phrases: Phrases, *, decimals: int = 0) -> str:
    """A number with the language's decimal mark."""
    return f"{value:.{decimals}f}".replace(".", phrases.decimal_mark)


def hectares(area_ha: float, phrases: Phrases) -> str:
    """Two decimals below one hectare, one below a hundred: no digit that a 10 m pixel (0.01 ha) cannot carry."""
    return number(area_ha, phrases, decimals=2 if area_ha < 1 else 1 if area_ha < 100 else 0)


def percent(share: float) -> str:
    """A whole percentage that says neither 0 nor 100 unless it is."""
    return str(min(max(round(share * 100), 1), 99) if 0 < share < 1 else round(share * 100))


def day(at: datetime, phrases: Phrases) -> str:
    """14 Agustus 2026 (UTC)."""
    return f"{at.day} {phrases.months[at.month - 1]} {at.year}"


def short_day(at: datetime, phrases: Phrases) -> str:
    """14Agu26 (UTC)."""
    return f"{at.day}{phrases.short_months[at.month - 1]}{at.year % 100:02d}"


def joined(items: Sequence[str], phrases: Phrases) -> str:
    """a, b and c."""
    return phrases.joined_last.join(filter(None, (", ".join(items[:-1]), items[-1]))) if items else ""


def sizes(content: AlertContent, phrases: Phrases) -> str:
    """Area, length and count of what was seen, in words."""
    parts = []
    if content.mining_ha > 0 or has_mining(content):
        parts.append(phrases.size[ChangeClass.MINING].format(n=hectares(content.mining_ha, phrases)))
    if content.road_m > 0:
        parts.append(phrases.size[ChangeClass.ROAD].format(n=number(round(content.road_m, -1), phrases)))
    if content.huts > 0:
        parts.append(phrases.one_hut if content.huts == 1 else phrases.size[ChangeClass.HUT].format(n=content.huts))
    return joined(parts, phrases) or phrases.none


def zone_in_words(zone: ZoneOverlap, phrases: Phrases) -> str:
    """Kind and name, without saying the kind twice."""
    kind, name = phrases.zone_kind[zone.kind], safe_name(zone.name) or phrases.zone_unnamed
    return name if name.casefold().startswith(kind.casefold()) else f"{kind} {name}"


def where_in_words(verdict: Verdict, phrases: Phrases) -> str:
    """in protected forest X; outside any permit on record; or that the land status is unclear."""
    zone = telling_zone(verdict)
    if zone is not None:
        return phrases.inside_zone.format(zone=zone_in_words(zone, phrases))
    return phrases.outside_zones if is_outside_every_permit(verdict) else phrases.unclear_zone
