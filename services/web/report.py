"""The report: one self-contained HTML page that opens on a phone without a network, prints on paper, and runs no script."""

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jagawana.schemas.alert import AlertPublished, AlertState, Category, Verdict
from jagawana.schemas.ids import short_code
from jagawana.services.notify.coordinates import decimal, dms, spaced_cell
from jagawana.services.notify.wording.facts import day, hectares, leading_shape, percent, sizes, where_in_words, zone_in_words
from jagawana.services.notify.wording.hints import hint_lines
from jagawana.services.notify.wording.long import Line, case_lines, headline, news_lines, place_lines
from jagawana.services.notify.wording.names import safe_id, safe_name
from jagawana.services.notify.wording.phrases import Phrases
from jagawana.services.web.report_chart import chart_svg
from jagawana.services.web.report_map import DRAW_ORDER, map_svg
from jagawana.services.web.report_view import AlertCard, ReportView
from jagawana.services.web.report_words import PageWords, words_of

_PNG = b"\x89PNG"


@dataclass(frozen=True)
class CardText:
    """An alert as the page shows it."""

    card: AlertCard
    record: AlertPublished
    code: str
    rank: str
    category: str
    state: AlertState
    headline: str
    news: tuple[str, ...]
    facts: tuple[Line, ...]
    place: tuple[Line, ...]
    hints: tuple[Line, ...]
    before: Markup
    after: Markup


def render_report(view: ReportView) -> str:
    """The page as HTML. Names from outside are sanitised and escaped; pictures travel inside as data."""
    words, phrases = words_of(view.language)
    template = _environment(phrases).from_string(_read("report.html.j2"))
    return template.render(
        view=view,
        words=words,
        phrases=phrases,
        css=Markup(_read("report.css")),
        map=map_svg(view, words),
        charts=[(s, chart_svg(s, words)) for s in view.series],
        cards=[_card(c, view, words, phrases, rank) for c, rank in zip(view.cards, _ranks(view.cards, words), strict=True)],
        kinds=[k for k in DRAW_ORDER if any(z.kind is k for z in view.zones)],
        totals=_totals(view, words),
        states={c.latest.content.state for c in view.cards},
        clear=_clear_share(view),
    )


def _read(name: str) -> str:
    # The template folder of the installed package; the page itself needs no file.
    return (files("jagawana.services.web") / "templates" / name).read_text(encoding="utf-8")


def _environment(phrases: Phrases) -> Environment:
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    env.filters |= {
        "day": lambda at: day(at, phrases),
        "ha": lambda area_ha: hectares(area_ha, phrases),
        "percent": percent,
        "name": safe_name,
        "ident": safe_id,
        "zone": lambda zone: zone_in_words(zone, phrases),
        "where": lambda verdict: where_in_words(verdict, phrases),
        "sizes": lambda content: sizes(content, phrases),
        "code": short_code,
        "spaced": spaced_cell,
        "decimal": decimal,
        "dms": dms,
        "probability": lambda content: percent(leading_shape(content).probability),
    }
    return env


def _ranks(cards: Sequence[AlertCard], words: PageWords) -> list[str]:
    """The place of each alert among those that stand, by severity; cards come in that order, withdrawn ones last and without a place."""
    contents = [c.latest.content for c in cards]
    standing = sum(c.state is not AlertState.RETRACTED for c in contents)
    totals = [c.severity.total if c.severity else "–" for c in contents]
    return [words.rank.format(n=n, m=standing, total=total) if n <= standing else "–" for n, total in enumerate(totals, 1)]


def _card(card: AlertCard, view: ReportView, words: PageWords, phrases: Phrases, rank: str) -> CardText:
    record = card.latest
    return CardText(
        card=card,
        record=record,
        code=short_code(record.content.alert_id),
        rank=rank,
        category=_category(record.content.verdict, words),
        state=record.content.state,
        headline=headline(record, phrases),
        news=tuple(news_lines(record, phrases)),
        facts=tuple(case_lines(record, phrases, now=view.made_at)),
        place=tuple(place_lines(record, phrases)),
        hints=tuple(hint_lines(record.content, phrases.hints, decimal_mark=phrases.decimal_mark)),
        before=_picture(card.before, words.before, words),
        after=_picture(card.after, words.after, words),
    )


def _category(verdict: Verdict, words: PageWords) -> str:
    return words.undetermined if verdict.category is Category.UNDETERMINED else f"{words.category} {verdict.category}"


def _picture(content: bytes | None, alt: str, words: PageWords) -> Markup:
    if content is None:
        return Markup('<div class="no-picture">{}</div>').format(words.missing_picture)
    mime = "image/png" if content.startswith(_PNG) else "image/jpeg"
    return Markup('<img alt="{}" src="data:{};base64,{}">').format(alt, mime, base64.b64encode(content).decode())


def _totals(view: ReportView, words: PageWords) -> dict[str, list[tuple[str, int]]]:
    contents = [c.latest.content for c in view.cards]
    return {
        words.by_category: _counted(_category(c.verdict, words) for c in contents),
        words.by_state: _counted(words.state[c.state] for c in contents),
    }


def _counted(names: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(names).items())


def _clear_share(view: ReportView) -> float | None:
    """Mean share of the tiles really seen, over all looks."""
    looks = sum(t.looks for t in view.tiles)
    return sum(t.clear_share * t.looks for t in view.tiles) / looks if looks else None
