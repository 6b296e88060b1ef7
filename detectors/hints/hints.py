"""All hints of one place."""

from jagawana.detectors.hints.colour import colour
from jagawana.detectors.hints.ground import Ground
from jagawana.detectors.hints.layout import layout
from jagawana.detectors.hints.leaning import READINGS, hint
from jagawana.detectors.hints.outline import outline
from jagawana.detectors.hints.ponds import ponds
from jagawana.schemas.hints import Hint, HintName


def values_of(ground: Ground) -> dict[HintName, float]:
    """Every value that the ground has; what cannot be said of it is left out."""
    return layout(ground) | ponds(ground) | outline(ground) | colour(ground)


def hints_of(ground: Ground) -> tuple[Hint, ...]:
    """Every value as a hint, always in the same order."""
    values = values_of(ground)
    return tuple(hint(name, values[name]) for name in READINGS if name in values)
