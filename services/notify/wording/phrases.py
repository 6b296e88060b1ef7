"""What a language must be able to say. One field per phrase, so a language that lacks one does not construct.

In a template, `{…}` is filled by the name given; the test of this module checks that both languages fill the same names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from jagawana.schemas.alert import AlertState, AlertType, Category, ChangeClass, WhatChanged, ZoneKind
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.coordinates import Hemispheres
from jagawana.services.notify.wording.hints import HintPhrases


@dataclass(frozen=True)
class Labels:
    """The words before the colons of an e-mail."""

    code: str
    category: str
    seen: str
    zone: str
    other_zones: str
    permit: str
    province: str
    since: str
    image_age: str
    state: str
    certainty: str
    severity: str
    decimal: str
    dms: str
    cell: str
    boundary: str
    inventory: str
    scenes: str
    picture_before: str
    picture_after: str
    rule: str
    where: str
    why: str
    reason: str
    news: str


@dataclass(frozen=True)
class CompactPhrases:
    """The words of an SMS: short, and of the GSM-7 alphabet."""

    category: Mapping[Category, str]
    mining: str
    road: str
    huts: str
    no_mining_yet: str
    state: Mapping[AlertState, str]
    withdrawn: str
    withdrawn_because: Mapping[WhatChanged, str]
    zone_kind: Mapping[ZoneKind, str]
    outside: str
    unclear: str
    abbreviations: tuple[tuple[str, str], ...]
    near_boundary: str


@dataclass(frozen=True)
class Phrases:
    """Everything one language says to a ranger."""

    code: str
    decimal_mark: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    hemispheres: Hemispheres
    tense_prefix: Mapping[AlertTense, str]
    tense_banner: Mapping[AlertTense, str]
    subject: Mapping[AlertType, str]
    possible_mining: str
    possible_precursor: str
    headline_mining: str
    headline_precursor: str
    headline_ended: str
    headline_withdrawn: str
    inside_zone: str
    outside_zones: str
    unclear_zone: str
    unclear_zone_short: str
    outside_short: str
    zone_unnamed: str
    size: Mapping[ChangeClass, str]
    one_hut: str
    joined_last: str
    news: Mapping[WhatChanged, str]
    withdrawn_because: Mapping[WhatChanged, str]
    precursor_note: str
    category: Mapping[Category, str]
    zone_kind: Mapping[ZoneKind, str]
    permit_holder: str
    permit_unnamed_holder: str
    permit_valid: str
    permit_expired: str
    permit_none: str
    zone_overlap: str
    since_between: str
    since_first: str
    age_today: str
    age_days: str
    age_day: str
    state: Mapping[AlertState, str]
    certainty_words: tuple[tuple[float, str], ...]
    certainty: str
    severity: str
    uncalibrated: str
    near_boundary: str
    near_boundary_unmeasured: str
    inventory: str
    picture: str
    none: str
    unverified: str
    footer: str
    labels: Labels
    hints: HintPhrases
    compact: CompactPhrases
