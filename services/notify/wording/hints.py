"""Hints in words: one line for the diggings, one for their ponds, their outline and the newest ground."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jagawana.schemas.alert import AlertContent, AlertState
from jagawana.schemas.hints import Hint, HintName, Leaning


class HintGroup(StrEnum):
    """What the hints of one line are about."""

    DIGGINGS = "diggings"
    PONDS = "ponds"
    OUTLINE = "outline"
    NEWEST = "newest"


@dataclass(frozen=True)
class HintPhrases:
    """What one language says of hints. In `value`, `{n}` is the number; in `leans`, `{text}` is the value in words."""

    title: str
    group: Mapping[HintGroup, str]
    value: Mapping[HintName, str]
    leans: str
    leaning: Mapping[Leaning, str]


GROUPS = {
    HintGroup.DIGGINGS: (HintName.DIGGINGS_PER_KM2, HintName.DIGGING_HA),
    HintGroup.PONDS: (HintName.PONDS_PER_KM2, HintName.POND_SHARE, HintName.POND_HA),
    HintGroup.OUTLINE: (HintName.SOLIDITY, HintName.COMPACTNESS, HintName.RECTANGULARITY, HintName.STRAIGHTNESS),
    HintGroup.NEWEST: (HintName.REDNESS, HintName.BRIGHTNESS, HintName.DARK_SHARE),
}
PERCENT = (HintName.POND_SHARE, HintName.STRAIGHTNESS, HintName.DARK_SHARE)
WHOLE = (HintName.DIGGINGS_PER_KM2, HintName.PONDS_PER_KM2)


def hint_lines(content: AlertContent, phrases: HintPhrases, *, decimal_mark: str) -> list[tuple[str, str]]:
    """A label and its values; nothing of what is withdrawn or has no hints."""
    if content.state is AlertState.RETRACTED:
        return []
    by_name = {h.name: h for h in content.hints}
    lines = []
    for group, names in GROUPS.items():
        told = [_in_words(by_name[name], phrases, decimal_mark) for name in names if name in by_name]
        lines += [(phrases.group[group], "; ".join(told))] if told else []
    return lines


def _in_words(hint: Hint, phrases: HintPhrases, decimal_mark: str) -> str:
    text = phrases.value[hint.name].format(n=_number(hint.name, hint.value, decimal_mark))
    if hint.leaning is Leaning.NONE or hint.threshold is None:
        return text
    return phrases.leans.format(text=text, what=phrases.leaning[hint.leaning], threshold=_number(hint.name, hint.threshold, decimal_mark))


def _number(name: HintName, value: float, decimal_mark: str) -> str:
    """As many digits as a reader can use: whole percentages and counts, two decimals of the rest."""
    if name in PERCENT:
        return f"{100 * value:.0f}"
    return f"{value:.{0 if name in WHOLE else 2}f}".replace(".", decimal_mark)
