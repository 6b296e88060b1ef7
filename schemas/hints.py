"""What the ground looks like beside what it is: values that may help a reader guess method and commodity, never a verdict."""

from enum import StrEnum

from pydantic import Field

from jagawana.schemas.base import Model


class HintName(StrEnum):
    """What was measured; how, is in docs/hints.md."""

    DIGGINGS_PER_KM2 = "diggings_per_km2"
    DIGGING_HA = "digging_ha"
    PONDS_PER_KM2 = "ponds_per_km2"
    POND_HA = "pond_ha"
    POND_SHARE = "pond_share"
    SOLIDITY = "solidity"
    COMPACTNESS = "compactness"
    RECTANGULARITY = "rectangularity"
    STRAIGHTNESS = "straightness"
    REDNESS = "redness"
    BRIGHTNESS = "brightness"
    DARK_SHARE = "dark_share"


class Leaning(StrEnum):
    """What a value looks like. The first two are for values of shape; none of them has earned one yet (docs/hints.md)."""

    INFORMAL = "informal"
    STRUCTURED = "structured"
    COAL_LIKE_DARK = "coal_like_dark"
    LATERITE_LIKE_RED = "laterite_like_red"
    NONE = "none"


class Hint(Model):
    """One value with its unit, what it looks like, from which value on, and who says so."""

    name: HintName
    value: float
    unit: str = Field(description="per km2, ha, reflectance, or 1 for shares and indices")
    leaning: Leaning = Field(description="what it looks like; none when it says nothing, or when nothing was measured that would")
    threshold: float | None = Field(description="from this value on it leans; none where no threshold has held")
    source: str = Field(description="of the value's definition, and of the threshold")
