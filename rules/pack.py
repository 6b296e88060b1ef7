"""A rule pack: one country's law as data, in order of precedence, each rule with its articles, dates and words."""

from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from jagawana.rules.expressions import Lists, check, holds
from jagawana.rules.facts import FACTS, PermitStage, ZoneFacts, facts_of, method_of, stage_of
from jagawana.rules.rule import AlertWhen, LanguageCode, LegalGround, Name, Rule, Situation
from jagawana.rules.zones import Zone
from jagawana.schemas.alert import Category, ChangeClass, Verdict, ZoneKind
from jagawana.schemas.base import Model
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault

STRICTNESS = {Category.UNDETERMINED: 0, Category.HIGH: 1, Category.CONDITIONAL: 2, Category.LOW: 3}
"""How strict a category is. Undetermined is the softest: it is what is left when nothing can be said."""
PERMISSIVE = frozenset({ZoneKind.CONCESSION, ZoneKind.FOREST_USE_APPROVAL, ZoneKind.PEOPLES_MINING_AREA})
"""Kinds that allow something. Only being outside of these can be a condition, so that adding a restricted zone cannot soften a verdict."""
SHIPPED = ("indonesia", "brazil")


class StageWords(Model):
    """Words in a permit's stage, lower case. A stage with none of them is taken as production, and the trace says so."""

    production: tuple[str, ...]
    exploration: tuple[str, ...]
    decisive: Literal[PermitStage.PRODUCTION, PermitStage.EXPLORATION] = Field(
        default=PermitStage.PRODUCTION, description="what a stage with words of both kinds is"
    )


class MethodWords(Model):
    """Words in a permit's method, lower case."""

    surface: tuple[str, ...] = ()
    underground: tuple[str, ...] = ()


class NamedList(Model):
    """Text that conditions look things up in, with where it is from. Compared exactly."""

    source: str = Field(min_length=1, max_length=400)
    values: tuple[str, ...]


class RulePack(Model):
    """Rules in order of precedence, strictest first: the first that covers a piece of ground decides it."""

    pack: str = Field(min_length=1)
    version: str = Field(min_length=1)
    languages: tuple[LanguageCode, ...] = Field(min_length=1, description="every rule has its words in each of these")
    stage_words: StageWords
    method_words: MethodWords = MethodWords()
    lists: dict[Name, NamedList] = Field(default={}, description="what conditions may look things up in")
    grounds: dict[Name, LegalGround] = Field(min_length=1, description="what zones mean to the rules, by name")
    rules: tuple[Rule, ...] = Field(min_length=1)

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id. Raises DataError RULES_INVALID when the pack has none."""
        for rule in self.rules:
            if rule.rule_id == rule_id:
                return rule
        raise DataError(ErrorCode.RULES_INVALID, f"pack {self.pack} {self.version} has no rule {rule_id}; use the pack that judged it")

    def facts_of(self, zone: Zone, on: date) -> ZoneFacts:
        """What conditions may ask about a zone on a day."""
        words = self.stage_words
        stage = stage_of(zone.stage, production=words.production, exploration=words.exploration, decisive=words.decisive)
        method = method_of(zone.method, surface=self.method_words.surface, underground=self.method_words.underground)
        return facts_of(zone, on, stage=stage, method=method)

    def grounds_of(self, zone: Zone, on: date) -> tuple[Name, ...]:
        """What the zone means to the rules of this pack on a day, in the pack's order."""
        named = [(name, ground) for name, ground in self.grounds.items() if ground.kind is zone.kind]
        if not any(ground.when for _, ground in named):
            return tuple(name for name, _ in named)
        facts = self.facts_of(zone, on)
        return tuple(name for name, ground in named if ground.when is None or holds(ground.when, facts, self.named_lists))

    @property
    def named_lists(self) -> Lists:
        """The lists as conditions know them."""
        return tuple((name, found.values) for name, found in self.lists.items())

    @model_validator(mode="after")
    def _lists_are_not_facts(self) -> Self:
        for name in self.lists:
            if name in FACTS:
                raise ValueError(f"the list {name} has the name of a fact; give it another")
        return self

    @model_validator(mode="after")
    def _conditions_can_be_asked(self) -> Self:
        for name, ground in self.grounds.items():
            if ground.when is not None:
                try:
                    check(ground.when, self.named_lists)
                except ValueError as e:
                    raise ValueError(f"ground {name}: {e}") from e
        return self

    @model_validator(mode="after")
    def _only_what_allows_something_can_be_avoided(self) -> Self:
        for rule in self.rules:
            unknown = [name for name in rule.where.grounds if name not in self.grounds]
            if unknown:
                raise ValueError(f"rule {rule.rule_id} names the ground {unknown[0]!r}; there are {', '.join(self.grounds)}")
            avoided = [*((n, self.grounds[n].kind) for n in (*rule.where.outside_all, *rule.where.unless_inside))]
            avoided += [(kind.value, kind) for kind in rule.where.not_loaded]
            for name, kind in avoided:
                if kind not in PERMISSIVE:
                    raise ValueError(
                        f"rule {rule.rule_id} rests on the absence of {name!r}, a restricted zone: adding one could soften a verdict"
                    )
        return self

    @model_validator(mode="after")
    def _decides_everything_strictest_first(self) -> Self:
        ids = [r.rule_id for r in self.rules]
        if len(ids) != len(set(ids)):
            raise ValueError(f"a rule_id is used twice: {ids}")
        strictness = [STRICTNESS[r.category] for r in self.rules]
        if strictness != sorted(strictness, reverse=True):
            raise ValueError("a softer rule stands before a stricter one, so it could soften a verdict")
        last = self.rules[-1]
        if last.where != Situation() or last.in_force_from or last.in_force_to:
            raise ValueError(f"the last rule, {last.rule_id}, must apply everywhere and always, so that every place gets a verdict")
        return self

    @model_validator(mode="after")
    def _speaks_its_languages(self) -> Self:
        for rule in self.rules:
            if set(rule.wording) != set(self.languages):
                raise ValueError(f"rule {rule.rule_id} needs wording in {' and '.join(self.languages)}")
        return self


def load_pack(data: bytes) -> RulePack:
    """A rule pack from JSON.

    Raises:
        DataError: RULES_INVALID, naming the field and what is wrong with it.
    """
    try:
        return RulePack.model_validate_json(data)
    except ValidationError as e:
        raise DataError(ErrorCode.RULES_INVALID, f"rule pack {first_fault(e)}; mend the pack and load it again") from e


@lru_cache(maxsize=len(SHIPPED))
def shipped_pack(name: Literal["indonesia", "brazil"] | str) -> RulePack:
    """A pack that comes with the program.

    Raises:
        DataError: RULES_INVALID when there is none of that name.
    """
    if name not in SHIPPED:
        raise DataError(ErrorCode.RULES_INVALID, f"no rule pack {name!r} comes with the program; there are {', '.join(SHIPPED)}")
    return load_pack(files("jagawana.rules").joinpath(f"packs/{name}.json").read_bytes())


def indonesia() -> RulePack:
    """The pack shipped for Indonesia (docs/rules-indonesia.md)."""
    return shipped_pack("indonesia")


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
