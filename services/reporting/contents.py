"""What a report says, in the reader's language, before it is a page: the same for HTML and PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from jagawana.schemas.alert import AlertState, Category
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.notify.coordinates import decimal, spaced_cell
from jagawana.services.notify.pictures import before_and_after
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import hectares, number
from jagawana.services.notify.wording.names import safe_name
from jagawana.services.notify.wording.phrases import Phrases
from jagawana.services.statistics.charts import Panel, draw_panel
from jagawana.services.statistics.mined import Mined
from jagawana.services.statistics.national import Near, Picture
from jagawana.services.statistics.sums import Sum, total
from jagawana.services.statistics.words import PictureWords, words_of
from jagawana.services.store.blobs import BlobStore

MOST_PLACES, MOST_PICTURES = 15, 3
Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class PlacePictures:
    """Before and after of one place, JPEG."""

    caption: str
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Contents:
    """Everything on the report, ready to be set."""

    language: Language
    title: str
    subtitle: str
    banner: str
    numbers: Rows
    charts: Sequence[bytes]
    notes: Sequence[str]
    areas_title: str
    areas: Rows
    places_title: str
    places: Rows
    places_note: str
    pictures: Sequence[PlacePictures]
    picture_words: tuple[str, str]
    how_title: str
    how: Sequence[str]
    made_at: datetime


def contents(p: Picture, blobs: BlobStore, language: Language, *, made_at: datetime, coordinates: bool) -> Contents:
    """The report of a picture's province. Without `coordinates` nothing on it is finer than a 1 km cell.

    Raises:
        DataError: SETTINGS_INVALID for a province that no layer has.
    """
    province = _known_province(p)
    words, phrases = words_of(language), phrases_of(language)
    places = sorted(zip(p.counted, p.near, strict=True), key=lambda both: (-both[0].mining_ha, both[0].cell, both[0].code))[:MOST_PLACES]
    is_test = bool(p.counted) and not all(m.tense.is_real for m in p.counted)
    first, last = (_day(d, phrases) for d in p.period)
    return Contents(
        language=language, title=words.title.format(name=safe_name(province)),
        subtitle=f"{words.period.format(first=first, last=last)} · {words.made} {_day(made_at.date(), phrases)}",
        banner=words.test if is_test else "", numbers=_numbers(p, words, phrases),
        charts=[draw_panel(panel, p, language) for panel in Panel], notes=_notes(p, words), areas_title=words.table,
        areas=_areas(p, words, phrases), places_title=words.places, places=_places(places, p, words, phrases, coordinates=coordinates),
        places_note="" if coordinates else words.places_note, pictures=_pictures([m for m, _ in places], blobs, words, phrases),
        picture_words=(words.before, words.after), how_title=words.how, how=words.how_text, made_at=made_at,
    )  # fmt: skip


def _known_province(p: Picture) -> str:
    names = sorted({z.name for z in p.provinces} | {m.province for m in p.counted if m.province})
    if p.selection.province not in names:
        some = ", ".join(names[:40]) or "none: load a layer with jagawana zones load FILE --kind province"
        raise DataError(ErrorCode.SETTINGS_INVALID, f"no province is called {p.selection.province!r}; there are {some}")
    return p.selection.province


def _day(on: date | None, phrases: Phrases) -> str:
    return "–" if on is None else f"{on.day} {phrases.months[on.month - 1]} {on.year}"


def _numbers(p: Picture, words: PictureWords, phrases: Phrases) -> Rows:
    t = total(p.counted)
    rows = [(hectares(t.mining_ha, phrases), words.believed), (str(t.findings), words.findings), (str(t.told), words.told)]
    return rows if p.people is None else [*rows, (f"{p.people:.0f}", words.people.format(km=f"{p.surroundings.radius_km:g}"))]


def _notes(p: Picture, words: PictureWords) -> Sequence[str]:
    source = safe_name(Path(p.surroundings.population_source or "").stem)
    return [words.people_unknown if p.people is None else words.people_from.format(source=source)]


def _areas(p: Picture, words: PictureWords, phrases: Phrases) -> Rows:
    """A row a category, with what was already there apart where it was counted."""
    head = ["", words.ha, words.new, *([words.known] if p.has_known else []), words.ended]

    def row(name: str, t: Sum) -> list[str]:
        values = [t.mining_ha, t.new_ha, *([t.known_ha] if p.has_known else []), t.ended_ha]
        return [name, *(hectares(v, phrases) if v else "–" for v in values)]

    return [head, *(row(words.category[c], total(m for m in p.counted if m.category is c)) for c in Category)]


def _places(places: Sequence[tuple[Mined, Near]], p: Picture, words: PictureWords, phrases: Phrases, *, coordinates: bool) -> Rows:
    """A row a place, the largest first, with the columns that there is something for."""
    given = {"settlement": p.surroundings.settlements, "road": p.surroundings.roads, "river": p.surroundings.rivers, "place": coordinates}
    shown = [key for key in words.columns if given.get(key, True)]
    rows = [_place(m, near, words, phrases) for m, near in places]
    return [[words.columns[key] for key in shown], *([row[key] for key in shown] for row in rows)]


def _place(m: Mined, near: Near, words: PictureWords, phrases: Phrases) -> dict[str, str]:
    settlement, road, river = (number(n.km, phrases, decimals=1) if n else "–" for n in (near.settlement, near.road, near.river))
    return {
        "code": m.code or "–", "cell": spaced_cell(m.cell), "state": words.state[m.state], "ha": hectares(m.mining_ha, phrases),
        "category": words.category[m.category] if m.category is Category.UNDETERMINED else m.category.value,
        "first_seen": _day(m.first_seen_on, phrases), "road": road, "river": river,
        "settlement": words.near.format(name=safe_name(near.settlement_name), km=settlement) if near.settlement_name else settlement,
        "place": decimal(m.content.place) if m.content else _middle(m),
    }  # fmt: skip


def _middle(m: Mined) -> str:
    point = m.geometry.representative_point()
    return f"{point.y:.5f}, {point.x:.5f}"


def _pictures(places: Sequence[Mined], blobs: BlobStore, words: PictureWords, phrases: Phrases) -> Sequence[PlacePictures]:
    shown = [m for m in places if m.content is not None and m.state is not AlertState.ENDED][:MOST_PICTURES]
    captions = [f"{m.code} · {spaced_cell(m.cell)} · {hectares(m.mining_ha, phrases)} {words.ha}" for m in shown]
    return [PlacePictures(c, *before_and_after(m.content, blobs)) for c, m in zip(captions, shown, strict=True) if m.content]
