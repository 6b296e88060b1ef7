"""A rule pack: one country's law as data, in order of precedence, each rule with its articles, dates and words."""

from datetime import date
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from jagawana.rules.zones import Zone
from jagawana.schemas.alert import Article, Category, ChangeClass, Verdict, ZoneKind
from jagawana.schemas.base import Day, Model
from jagawana.schemas.errors import DataError, ErrorCode

SEVERITY = {Category.UNDETERMINED: 0, Category.HIGH: 1, Category.CONDITIONAL: 2, Category.LOW: 3}
"""How strict a category is. Undetermined is the softest: it is what is left when nothing can be said."""


class Ground(StrEnum):
    """What a zone means to a rule: its kind, and for concessions whether their stage allows production."""

    CONCESSION = "concession"
    EXPLORATION = "exploration"
    CONSERVATION = "conservation"
    PROTECTED_FOREST = "protected_forest"
    PRODUCTION_FOREST = "production_forest"
    RIPARIAN = "riparian"
    PROVINCE = "province"

    @property
    def kind(self) -> ZoneKind:
        """The kind of layer this ground comes from."""
        return ZoneKind.CONCESSION if self is Ground.EXPLORATION else ZoneKind(self.value)


class AlertWhen(StrEnum):
    """Whether what a rule covers leads to an alert."""

    ALWAYS = "always"
    NEAR_ACTIVITY = "near_activity"  # only with mining, or a hut beside a road, near
    NEVER = "never"


class Situation(Model):
    """Where a rule applies. All conditions must hold; without any, it applies everywhere."""

    inside_any: tuple[Ground, ...] = Field(default=(), description="inside a zone of one of these: the zone the verdict cites")
    also_inside: tuple[Ground, ...] = Field(default=(), description="and inside some zone of each of these")
    outside_all: tuple[Literal[Ground.CONCESSION, Ground.EXPLORATION], ...] = Field(
        default=(), description="outside every zone of these; never restricted zones, so that adding one cannot soften a verdict"
    )
    not_loaded: tuple[ZoneKind, ...] = Field(default=(), description="no layer of these kinds is at hand")


class Wording(Model):
    """Outward words in one language: says possible mining, leaves the judgement of legality to the authority."""

    label: str = Field(min_length=1, max_length=60)
    sentence: str = Field(min_length=1, max_length=240)


class Alerts(Model):
    """What leads to an alert under a rule."""

    mining: AlertWhen
    precursors: AlertWhen = Field(description="hauling roads and huts")


class Rule(Model):
    """One rule of a pack."""

    rule_id: str = Field(pattern=r"^[a-z0-9]+(\.[a-z0-9_]+)+$")
    category: Category
    articles: tuple[Article, ...]
    in_force_from: Day | None = None
    in_force_to: Day | None = None
    where: Situation
    caveat: str | None = Field(default=None, description="what the rule cannot see; plain English for the trace")
    wording: dict[Literal["id", "en"], Wording]
    alerts: Alerts

    def in_force(self, on: date) -> bool:
        """Whether the law behind the rule applies on that day."""
        return (self.in_force_from is None or self.in_force_from <= on) and (self.in_force_to is None or on <= self.in_force_to)

    @model_validator(mode="after")
    def _both_languages(self) -> Self:
        if set(self.wording) != {"id", "en"}:
            raise ValueError(f"rule {self.rule_id} needs wording in id and en")
        return self


class StageWords(Model):
    """Words in a permit's stage, lower case. A stage with none of them is taken as production, and the trace says so."""

    production: tuple[str, ...]
    exploration: tuple[str, ...]


class RulePack(Model):
    """Rules in order of precedence, strictest first: the first that covers a piece of ground decides it."""

    pack: str = Field(min_length=1)
    version: str = Field(min_length=1)
    stage_words: StageWords
    rules: tuple[Rule, ...] = Field(min_length=1)

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id. Raises DataError RULES_INVALID when the pack has none."""
        for rule in self.rules:
            if rule.rule_id == rule_id:
                return rule
        raise DataError(ErrorCode.RULES_INVALID, f"pack {self.pack} {self.version} has no rule {rule_id}; use the pack that judged it")

    def ground_of(self, zone: Zone) -> Ground:
        """What the zone means to the rules of this pack."""
        words = self.stage_words
        unproductive = says(zone.stage, words.exploration) and not says(zone.stage, words.production)
        return Ground.EXPLORATION if zone.kind is ZoneKind.CONCESSION and unproductive else Ground(zone.kind.value)

    @model_validator(mode="after")
    def _decides_everything_strictest_first(self) -> Self:
        ids = [r.rule_id for r in self.rules]
        if len(ids) != len(set(ids)):
            raise ValueError(f"a rule_id is used twice: {ids}")
        strictness = [SEVERITY[r.category] for r in self.rules]
        if strictness != sorted(strictness, reverse=True):
            raise ValueError("a softer rule stands before a stricter one, so it could soften a verdict")
        last = self.rules[-1]
        if last.where != Situation() or last.in_force_from or last.in_force_to:
            raise ValueError(f"the last rule, {last.rule_id}, must apply everywhere and always, so that every place gets a verdict")
        return self


def says(stage: str | None, words: tuple[str, ...]) -> bool:
    """Whether a permit's stage contains one of the words."""
    return stage is not None and any(word in stage.casefold() for word in words)


def load_pack(data: bytes) -> RulePack:
    """A rule pack from JSON.

    Raises:
        DataError: RULES_INVALID, naming the field and what is wrong with it.
    """
    try:
        return RulePack.model_validate_json(data)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "(root)"
        raise DataError(ErrorCode.RULES_INVALID, f"rule pack at {where}: {first['msg']}; mend the pack and load it again") from e


@lru_cache(maxsize=1)
def indonesia() -> RulePack:
    """The pack shipped for Indonesia (docs/rules-indonesia.md)."""
    return load_pack(files("jagawana.rules").joinpath("packs/indonesia.json").read_bytes())


def alert_worthy(verdict: Verdict, change_class: ChangeClass, pack: RulePack, *, near_activity: bool = False) -> bool:
    """Whether a new change judged so is told to a person.

    Args:
        near_activity: for roads and huts, whether mining (or a hut beside a road) is near.

    Raises:
        DataError: RULES_INVALID when the verdict cites a rule the pack does not have.
    """
    alerts = pack.rule(verdict.rule_id).alerts
    when = alerts.mining if change_class is ChangeClass.MINING else alerts.precursors
    return when is AlertWhen.ALWAYS or (when is AlertWhen.NEAR_ACTIVITY and near_activity)
