"""The SMS: everything a ranger needs to find the place and the case, in 160 septets whatever the zone is called."""

from jagawana.schemas.alert import AlertContent, AlertPublished, AlertType
from jagawana.schemas.ids import short_code
from jagawana.services.notify.coordinates import decimal
from jagawana.services.notify.wording.facts import (
    has_mining,
    hectares,
    is_outside_every_permit,
    is_withdrawn,
    leading_shape,
    news,
    percent,
    short_day,
    telling_zone,
)
from jagawana.services.notify.wording.gsm7 import SMS_SEPTETS, plain, septets, shortened
from jagawana.services.notify.wording.names import safe_name
from jagawana.services.notify.wording.phrases import Phrases

ROOM_FOR_ZONE = 24
"""Characters kept for the zone's name before the optional parts are added."""
_MAX_RECORD = 99_999
_MAX_HA, _MAX_KM, _MAX_HUTS = 99_999, 999, 999


def compact_text(record: AlertPublished, phrases: Phrases) -> str:
    """Tense, code, record, category, what, zone, coordinates; then, as far as there is room, day, boundary, certainty and cell."""
    head = " ".join(
        filter(None, (phrases.tense_prefix[record.alert_tense], _case(record), _category(record, phrases), _what(record, phrases)))
    )
    place = decimal(record.content.place, separator=",")
    zone = _zone(record.content, phrases)
    tail = _tail(record, phrases, room=SMS_SEPTETS - septets(f"{head}.  {place}") - min(len(zone), ROOM_FOR_ZONE) - 1)
    room = SMS_SEPTETS - septets(f"{head}. . {' '.join([place, *tail])}")
    zone = shortened(zone, room)
    return " ".join(filter(None, (f"{head}.", f"{zone}." if zone else "", place, *tail)))


def _case(record: AlertPublished) -> str:
    number = record.record_number
    return f"{short_code(record.content.alert_id)} r{number if number <= _MAX_RECORD else f'{_MAX_RECORD}+'}"


def _category(record: AlertPublished, phrases: Phrases) -> str:
    return phrases.compact.category[record.content.verdict.category]


def _what(record: AlertPublished, phrases: Phrases) -> str:
    content, words = record.content, phrases.compact
    if is_withdrawn(content):
        return words.withdrawn.format(why=words.withdrawn_because[news(record)[0]])
    seen = (
        [words.mining.format(size=_area(content, phrases))]
        if has_mining(content)
        else [*_precursors(content, phrases), words.no_mining_yet]
    )
    again = [] if record.alert_type is not AlertType.UPDATE else [words.withdrawn_because[news(record)[0]]]
    return ", ".join([*seen, words.state[content.state], *again])


def _precursors(content: AlertContent, phrases: Phrases) -> list[str]:
    words = phrases.compact
    parts = []
    if content.road_m > 0:
        parts.append(words.road.format(size=_length(content.road_m)))
    if content.huts > 0:
        parts.append(words.huts.format(size=content.huts if content.huts <= _MAX_HUTS else f"{_MAX_HUTS}+"))
    return parts


def _area(content: AlertContent, phrases: Phrases) -> str:
    return f"{hectares(content.mining_ha, phrases)}ha" if content.mining_ha <= _MAX_HA else f">{_MAX_HA}ha"


def _length(length_m: float) -> str:
    if length_m < 10_000:
        return f"{round(length_m, -1):.0f}m"
    return f"{length_m / 1000:.0f}km" if length_m / 1000 <= _MAX_KM else f">{_MAX_KM}km"


def _zone(content: AlertContent, phrases: Phrases) -> str:
    """The zone in the fewest letters: known forest-law names abbreviated, the kind in front only where the name does not say it."""
    zone, words = telling_zone(content.verdict), phrases.compact
    if zone is None:
        return words.outside if is_outside_every_permit(content.verdict) else words.unclear
    name = plain(safe_name(zone.name))
    for full, abbreviated in words.abbreviations:
        if name.casefold().startswith(full.casefold()):
            return f"{abbreviated}{name[len(full) :]}"
    return f"{words.zone_kind[zone.kind]} {name}".strip(" .")


def _tail(record: AlertPublished, phrases: Phrases, *, room: int) -> list[str]:
    content = record.content
    wanted = [
        short_day(content.last_seen_at, phrases),
        phrases.compact.near_boundary if content.verdict.near_boundary else "",
        "" if is_withdrawn(content) else f"P{percent(leading_shape(content).probability)}%",
        content.cell,
    ]
    parts: list[str] = []
    for part in filter(None, wanted):
        if sum(len(p) + 1 for p in parts) + len(part) + 1 <= room:
            parts.append(part)
    return parts
