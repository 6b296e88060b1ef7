"""Small pictures of labelled images: as the eye sees them, as they were labelled, and as they were called."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.quicklook import quicklook
from jagawana.detectors.scoring.pixels import Classes
from jagawana.services.evaluation.dataset.looking import Looker, thinning
from jagawana.services.evaluation.dataset.scores import ImageScore

SIDE_PX = 480
SHOWN_PX = 240
"""Smaller images are enlarged to about this, so that their pixels stay sharp."""
EACH = 6
COLOURS = {
    LandClass.BACKGROUND: (223, 231, 220), LandClass.MINING: (194, 43, 30), LandClass.ROAD: (217, 142, 0), LandClass.WATER: (126, 183, 216),
    LandClass.BARE: (203, 182, 135), LandClass.HUT: (0, 80, 140),
}  # fmt: skip
"""Mining, roads and huts as on the alerts' page; the rest pale, so that these three stand out."""
UNSURE = (150, 154, 151)


@dataclass(frozen=True)
class Triptych:
    """One image three times, as `img` elements."""

    score: ImageScore
    image: Markup
    truth: Markup
    called: Markup


@dataclass(frozen=True)
class Choice:
    """The images a person should look at: the best and the worst with mining, and those without that were called mining most."""

    best: tuple[ImageScore, ...]
    worst: tuple[ImageScore, ...]
    false: tuple[ImageScore, ...]


def choose(images: Sequence[ImageScore]) -> Choice:
    """At most EACH of a kind; no image is both among the best and among the worst."""
    mined = sorted((i for i in images if i.mining_px), key=lambda i: (-(i.mining_iou or 0.0), i.labelled.name))
    free = sorted((i for i in images if not i.mining_px and i.called_mining_px), key=lambda i: (-i.called_mining_px, i.labelled.name))
    worst = min(EACH, len(mined) // 2)
    best = mined[: min(EACH, len(mined) - worst)]
    return Choice(tuple(best), tuple(reversed(mined[len(mined) - worst :])), tuple(free[:EACH]))


def triptych(score: ImageScore, looker: Looker) -> Triptych:
    """The three pictures of one image; it is looked at again."""
    look, name = looker.look(score.labelled), visible(score.labelled.name)
    rgb = looker.picture(score.labelled, at_most_px=SIDE_PX)
    enlarged = max(1, SHOWN_PX // max(rgb.shape[1:]))
    photograph = quicklook(rgb.repeat(enlarged, axis=1).repeat(enlarged, axis=2))
    step = thinning(look.truth.shape, SIDE_PX)
    truth, called = (_png(of[::step, ::step]) for of in (look.truth, look.classes))
    return Triptych(score, _img(photograph, "jpeg", name), _img(truth, "png", f"{name}, labelled"), _img(called, "png", f"{name}, called"))


def css_colour(land_class: LandClass) -> str:
    """As the page's legend writes it."""
    return "#" + "".join(f"{v:02x}" for v in COLOURS[land_class])


def visible(name: str) -> str:
    """As it is written, without line breaks and marks that turn the direction of writing."""
    return "".join(c for c in name if c.isprintable())


def _png(classes: Classes) -> bytes:
    palette = np.zeros((256, 3), np.uint8)
    palette[NOT_OBSERVED] = UNSURE
    for land_class, colour in COLOURS.items():
        palette[land_class] = colour
    picture, out = Image.fromarray(np.ascontiguousarray(classes)), io.BytesIO()
    picture.putpalette(palette.tobytes())
    picture.save(out, "PNG")
    return out.getvalue()


def _img(content: bytes, kind: str, alt: str) -> Markup:
    return Markup('<img alt="{}" src="data:image/{};base64,{}">').format(alt, kind, base64.b64encode(content).decode())
