"""One rule: where it applies, the law behind it, its words, and whether it leads to an alert."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from jagawana.schemas.alert import Article, Category, ZoneKind
from jagawana.schemas.base import Day, Model

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,60}$")]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]


class AlertWhen(StrEnum):
    """Whether what a rule covers leads to an alert."""

    ALWAYS = "always"
    NEAR_ACTIVITY = "near_activity"  # only with mining, or a hut beside a road, near
    NEVER = "never"


class LegalGround(Model):
    """What a zone means to rules: its kind, and a condition on its record. A zone can be several grounds."""

    kind: ZoneKind
    when: str | None = Field(default=None, description="condition over the zone's facts; without it, every zone of the kind")
    words: str = Field(min_length=1, max_length=80, description="for the trace, e.g. 'a conservation area'")


class Situation(Model):
    """Where a rule applies, by names of grounds. All conditions must hold; without any, it applies everywhere."""

    inside_any: tuple[Name, ...] = Field(default=(), description="inside a zone of one of these: the zone the verdict cites")
    also_inside: tuple[Name, ...] = Field(default=(), description="and inside some zone of each of these")
    outside_all: tuple[Name, ...] = Field(
        default=(),
        description="known to be outside every zone of these, which allow something: without a layer of their kind it is not known",
    )
    unless_inside: tuple[Name, ...] = Field(
        default=(), description="but not inside a zone of these, which allow something, where one is on record"
    )
    not_loaded: tuple[ZoneKind, ...] = Field(default=(), description="no layer of these kinds, which allow something, is at hand")

    @property
    def grounds(self) -> tuple[Name, ...]:
        """All that are named."""
        return (*self.inside_any, *self.also_inside, *self.outside_all, *self.unless_inside)


class Wording(Model):
    """Outward words in one language: says possible mining, leaves the judgement of legality to the authority."""

    label: str = Field(min_length=1, max_length=60)
    sentence: str = Field(min_length=1, max_length=240)


class Alerts(Model):
    """What leads to an alert under a rule."""

    mining: AlertWhen
    precursors: AlertWhen = Field(description="hauling roads and huts")


def _holds_on(on: date, first: date | None, last: date | None) -> bool:
    """Both days count; without one it has always held, or holds for ever."""
    return (first is None or first <= on) and (last is None or on <= last)


class CitedArticle(Article):
    """A source of law, and the days of which it is cited so: an amendment changes how a law is cited, not what the rule asks."""

    cited_from: Day | None = None
    cited_to: Day | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.cited_from and self.cited_to and self.cited_to < self.cited_from:
            raise ValueError(f"{self.law} {self.article} is cited to {self.cited_to}, before it is from {self.cited_from}")
        return self


class Rule(Model):
    """One rule of a pack."""

    rule_id: str = Field(pattern=r"^[a-z0-9]+(\.[a-z0-9_]+)+$")
    category: Category
    articles: tuple[CitedArticle, ...]
    in_force_from: Day | None = None
    in_force_to: Day | None = None
    where: Situation
    caveat: str | None = Field(default=None, description="what the rule cannot see; plain English for the trace")
    wording: dict[LanguageCode, Wording]
    alerts: Alerts

    def in_force(self, on: date) -> bool:
        """Whether the law behind the rule applies on that day."""
        return _holds_on(on, self.in_force_from, self.in_force_to)

    def articles_on(self, on: date) -> tuple[Article, ...]:
        """The law as it stood on that day: nobody is held to an amendment that came later."""
        return tuple(Article(law=a.law, article=a.article) for a in self.articles if _holds_on(on, a.cited_from, a.cited_to))

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.in_force_from and self.in_force_to and self.in_force_to < self.in_force_from:
            raise ValueError(f"rule {self.rule_id} ends on {self.in_force_to}, before it begins on {self.in_force_from}")
        return self
