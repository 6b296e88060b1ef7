"""The e-mail: one plain sentence first, then every fact on a line of its own, so that it can be read aloud over a radio."""

from dataclasses import dataclass
from datetime import datetime

from jagawana.schemas.alert import AlertPublished, AlertState, Cutout, Verdict, ZoneKind, ZoneOverlap
from jagawana.schemas.ids import short_code
from jagawana.services.notify.coordinates import decimal, dms, spaced_cell
from jagawana.services.notify.wording.facts import (
    day,
    first_look,
    has_mining,
    hectares,
    is_outside_every_permit,
    is_withdrawn,
    joined,
    leading_shape,
    news,
    number,
    percent,
    sizes,
    telling_zone,
    where_in_words,
    zone_in_words,
)
from jagawana.services.notify.wording.hints import hint_lines
from jagawana.services.notify.wording.names import safe_id, safe_name
from jagawana.services.notify.wording.phrases import Phrases

MAX_OTHER_ZONES = 5
MAX_SCENES = 6
"""Evidence scenes a message lists; the record has them all."""


@dataclass(frozen=True)
class Message:
    """What a mail program shows: one line, and plain text of many lines."""

    subject: str
    body: str


def long_message(record: AlertPublished, phrases: Phrases, *, now: datetime) -> Message:
    """Subject and body of an e-mail."""
    blocks = (
        phrases.tense_banner[record.alert_tense],
        headline(record, phrases),
        "\n".join(news_lines(record, phrases)),
        _lines(case_lines(record, phrases, now=now)),
        f"{phrases.labels.where}\n{_lines(place_lines(record, phrases))}",
        f"{phrases.labels.why}\n{_lines(_evidence_lines(record, phrases))}",
        _hints(record, phrases),
        f"{phrases.unverified}\n{phrases.footer.format(code=short_code(record.content.alert_id))}",
    )
    return Message(subject=_subject(record, phrases), body="\n\n".join(filter(None, blocks)) + "\n")


def headline(record: AlertPublished, phrases: Phrases) -> str:
    """What happened, in one sentence."""
    content = record.content
    template = (
        phrases.headline_withdrawn
        if is_withdrawn(content)
        else phrases.headline_precursor
        if not has_mining(content)
        else phrases.headline_ended
        if content.state is AlertState.ENDED
        else phrases.headline_mining
    )
    return template.format(sizes=sizes(content, phrases), zone=where_in_words(content.verdict, phrases))


def _subject(record: AlertPublished, phrases: Phrases) -> str:
    content = record.content
    what = (
        phrases.possible_mining.format(size=f"{hectares(content.mining_ha, phrases)} ha")
        if has_mining(content)
        else phrases.possible_precursor.format(size=sizes(content, phrases))
    )
    zone = telling_zone(content.verdict)
    where = (
        zone_in_words(zone, phrases)
        if zone
        else phrases.outside_short
        if is_outside_every_permit(content.verdict)
        else phrases.unclear_zone_short
    )
    text = phrases.subject[record.alert_type].format(what=what, zone=where)
    # The bracketed code is the same in every record of an alert: mail programs thread by it, people search for it.
    return f"{phrases.tense_prefix[record.alert_tense]}[{short_code(content.alert_id)}] {text[:1].upper()}{text[1:]}"


def news_lines(record: AlertPublished, phrases: Phrases) -> list[str]:
    """What is new since the record before, or why it is withdrawn."""
    content = record.content
    if is_withdrawn(content):
        reasons = joined([phrases.withdrawn_because[c] for c in news(record)], phrases)
        return [f"{phrases.labels.reason}: {reasons}."]
    precursor = [] if has_mining(content) else [phrases.precursor_note]
    return [*precursor, f"{phrases.labels.news}: " + " ".join(phrases.news[c] for c in news(record))]


Line = tuple[str, str]
"""A label and its text."""


def case_lines(record: AlertPublished, phrases: Phrases, *, now: datetime) -> list[Line]:
    """What, how sure, since when and under which permit; a line without text is not shown."""
    content, words = record.content, phrases.labels
    case = [(words.code, f"{short_code(content.alert_id)} r{record.record_number}"), (words.state, phrases.state[content.state])]
    if is_withdrawn(content):  # figures nobody should act on are not repeated
        return case
    return [
        *case,
        (words.seen, sizes(content, phrases)),
        (words.certainty, _certainty(record, phrases)),
        (words.severity, phrases.severity.format(**content.severity.model_dump()) if content.severity else ""),
        (words.since, _since(record, phrases)),
        (words.image_age, _age(content.last_seen_at, phrases, now=now)),
        (words.category, phrases.category[content.verdict.category]),
        (words.permit, permits_in_words(content.verdict, phrases)),
        (words.inventory, phrases.inventory.format(ha=hectares(content.inventory_ha, phrases)) if content.inventory_ha > 0 else ""),
    ]


def place_lines(record: AlertPublished, phrases: Phrases) -> list[Line]:
    """Where: coordinates, cell, zones and how near their boundary."""
    content, words = record.content, phrases.labels
    verdict = content.verdict
    return [
        (words.decimal, decimal(content.place)),
        (words.dms, dms(content.place, phrases.hemispheres)),
        (words.cell, spaced_cell(content.cell)),
        (words.zone, _telling_zone_line(verdict, phrases)),
        (words.other_zones, joined([_overlap(z, phrases) for z in _other_zones(verdict)], phrases)),
        (words.province, safe_name(content.province or "")),
        (words.boundary, _boundary(verdict, phrases)),
    ]


def _evidence_lines(record: AlertPublished, phrases: Phrases) -> list[Line]:
    content, words = record.content, phrases.labels
    verdict, evidence = content.verdict, content.evidence
    scenes = [safe_id(s) for s in evidence.scene_ids[-MAX_SCENES:]]
    articles = "; ".join(f"{safe_name(a.law)} {safe_name(a.article)}" for a in verdict.articles)
    return [
        (
            words.rule,
            f"{safe_id(verdict.rule_id)} ({safe_id(verdict.pack)} {safe_id(verdict.pack_version)})" + (f"; {articles}" if articles else ""),
        ),
        (words.scenes, ", ".join(scenes) or phrases.none),
        (words.picture_before, _picture(evidence.before, phrases)),
        (words.picture_after, _picture(evidence.after, phrases)),
    ]


def _hints(record: AlertPublished, phrases: Phrases) -> str:
    lines = hint_lines(record.content, phrases.hints, decimal_mark=phrases.decimal_mark)
    return f"{phrases.hints.title}\n{_lines(lines)}" if lines else ""


def _lines(lines: list[Line]) -> str:
    return "\n".join(f"{label}: {text}" for label, text in lines if text)


def _certainty(record: AlertPublished, phrases: Phrases) -> str:
    shape = leading_shape(record.content)
    words = next(w for at_least, w in phrases.certainty_words if shape.probability >= at_least)
    text = phrases.certainty.format(words=words, percent=percent(shape.probability), positive=shape.looks_positive, clear=shape.looks_clear)
    return text if record.content.evidence.calibrated else f"{text}; {phrases.uncalibrated}"


def _since(record: AlertPublished, phrases: Phrases) -> str:
    shape = first_look(record.content)
    first = day(shape.first_seen_at, phrases)
    if shape.last_clear_before_at is None:
        return phrases.since_first.format(first=first)
    return phrases.since_between.format(before=day(shape.last_clear_before_at, phrases), first=first)


def _age(last_seen_at: datetime, phrases: Phrases, *, now: datetime) -> str:
    days = max((now.date() - last_seen_at.date()).days, 0)
    template = phrases.age_today if days == 0 else phrases.age_day if days == 1 else phrases.age_days
    return template.format(n=days, day=day(last_seen_at, phrases))


def permits_in_words(verdict: Verdict, phrases: Phrases) -> str:
    """Every permit on record at the place, its holder and whether it was in force on the day that counts."""
    permits = [z for z in verdict.zones if z.kind is ZoneKind.CONCESSION]
    return "; ".join(_permit(z, verdict, phrases) for z in permits) or phrases.permit_none


def _permit(zone: ZoneOverlap, verdict: Verdict, phrases: Phrases) -> str:
    template = phrases.permit_holder if zone.holder else phrases.permit_unnamed_holder
    text = template.format(name=safe_name(zone.name) or phrases.zone_unnamed, holder=safe_name(zone.holder or ""))
    if zone.valid_to is None:
        return text
    until = datetime(zone.valid_to.year, zone.valid_to.month, zone.valid_to.day)
    validity = phrases.permit_expired if zone.valid_to < verdict.judged_on else phrases.permit_valid
    return f"{text}, {validity.format(day=day(until, phrases))}"


def _telling_zone_line(verdict: Verdict, phrases: Phrases) -> str:
    zone = telling_zone(verdict)
    return _overlap(zone, phrases) if zone else where_in_words(verdict, phrases)


def _other_zones(verdict: Verdict) -> list[ZoneOverlap]:
    told = telling_zone(verdict)
    others = [z for z in verdict.zones if z is not told and z.kind is not ZoneKind.PROVINCE]
    return sorted(others, key=lambda z: (-z.overlap_ha, z.zone_id))[:MAX_OTHER_ZONES]


def _overlap(zone: ZoneOverlap, phrases: Phrases) -> str:
    return phrases.zone_overlap.format(
        name=zone_in_words(zone, phrases), ha=hectares(zone.overlap_ha, phrases), percent=percent(zone.share)
    )


def _boundary(verdict: Verdict, phrases: Phrases) -> str:
    if not verdict.near_boundary:
        return ""
    tolerance = number(verdict.tolerance_m, phrases)
    if verdict.boundary_margin_m is None:
        return phrases.near_boundary_unmeasured.format(tolerance=tolerance)
    return phrases.near_boundary.format(margin=number(verdict.boundary_margin_m, phrases), tolerance=tolerance)


def _picture(cutout: Cutout | None, phrases: Phrases) -> str:
    return phrases.picture.format(day=day(cutout.acquired_at, phrases), scene=safe_id(cutout.scene_id)) if cutout else ""
