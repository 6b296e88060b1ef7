"""The small pictures of an alert: before and after, outlined, dated, with a scale bar. Pure drawing: arrays in, image bytes out."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from shapely import get_parts
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import ChangeClass

SIZE_PX = 480
MARGIN_M = 100.0
"""Ground shown around the cell: enough to recognise the river bend beside it."""
MAX_BYTES = 150_000
"""What a phone on a forest edge network fetches in seconds; two pictures and the text stay under a 512 kB mail."""
COLOURS = {ChangeClass.MINING: (213, 43, 30), ChangeClass.ROAD: (230, 159, 0), ChangeClass.HUT: (0, 114, 178)}
"""Vermilion-red, orange and blue: told apart with every common colour blindness (after Okabe and Ito), and by form besides."""
KNOWN_COLOURS = {ChangeClass.MINING: (204, 121, 167), ChangeClass.ROAD: (240, 228, 66), ChangeClass.HUT: (86, 180, 233)}
"""Of what was already there at the first clear look."""
_WHITE, _INK = (255, 255, 255), (24, 28, 26)
_NOT_SEEN, _HATCH = (205, 207, 205), (165, 168, 166)
_SUPERSAMPLING = 2
_JPEG_QUALITIES = (90, 82, 72, 60, 45)

Rgb = npt.NDArray[np.uint8]
"""uint8 (H, W, 3), north up."""


class Bounds(NamedTuple):
    """West, south, east, north in metres of one UTM zone."""

    west: float
    south: float
    east: float
    north: float

    def grown(self, by_m: float) -> "Bounds":
        """The same place with more ground around it."""
        return Bounds(self.west - by_m, self.south - by_m, self.east + by_m, self.north + by_m)


@dataclass(frozen=True)
class Picture:
    """One look from above. `seen` is bool (H, W), False where cloud or the image's edge hides the ground; None means all seen."""

    rgb: Rgb
    bounds: Bounds
    label: str
    seen: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Outline:
    """A shape to draw, in the picture's UTM metres; `is_known` was already there at the first clear look."""

    change_class: ChangeClass
    shape: BaseGeometry
    is_known: bool = False


def draw_pair(
    before: Picture | None,
    after: Picture | None,
    outlines: Sequence[Outline],
    *,
    cell: Bounds,
    missing_label: str = "no clear image",
) -> tuple[bytes, bytes]:
    """Before and after, JPEG, of one window: the cell and MARGIN_M around it. The same outlines lie on both, for the eye to compare."""
    window = cell.grown(MARGIN_M)
    return (
        draw(before, outlines, window=window, missing_label=missing_label, is_before=True),
        draw(after, outlines, window=window, missing_label=missing_label),
    )


def draw(
    picture: Picture | None,
    outlines: Sequence[Outline],
    *,
    window: Bounds,
    missing_label: str = "no clear image",
    size_px: int = SIZE_PX,
    is_before: bool = False,
) -> bytes:
    """One picture as JPEG of at most MAX_BYTES.

    Args:
        picture: what was seen, or None where there is no picture: the window is hatched grey and says so.
        outlines: shapes in the window's coordinates; those outside it are not drawn.
        window: what to show; ground outside the picture is hatched grey.
        missing_label: what to write in place of the date where there is no picture.
        size_px: width of the result.
        is_before: draws outlines thin, as what is to come.
    """
    width = size_px * _SUPERSAMPLING
    height = max(1, round(width * (window.north - window.south) / (window.east - window.west)))
    canvas = _hatched(width, height)
    if picture is not None:
        _paste(canvas, picture, window)
    pen = ImageDraw.Draw(canvas)
    to_px = _projection(window, width, height)
    for outline in sorted(outlines, key=lambda o: list(COLOURS).index(o.change_class)):
        _draw_outline(pen, outline, to_px, width_px=(2 if is_before else 4) * _SUPERSAMPLING // 2)
    _draw_scale(pen, window, width, height)
    _draw_label(pen, picture.label if picture is not None else missing_label)
    small = canvas.resize((size_px, max(1, height // _SUPERSAMPLING)), Image.Resampling.LANCZOS)
    return _as_jpeg(small)


def _hatched(width: int, height: int) -> Image.Image:
    """Grey with diagonal strokes: not seen, as on maps, and never mistaken for ground."""
    canvas = Image.new("RGB", (width, height), _NOT_SEEN)
    pen = ImageDraw.Draw(canvas)
    step = 12 * _SUPERSAMPLING
    for x in range(-height, width, step):
        pen.line([(x, height), (x + height, 0)], fill=_HATCH, width=_SUPERSAMPLING)
    return canvas


def _paste(canvas: Image.Image, picture: Picture, window: Bounds) -> None:
    """Resample the picture into the window. Enlarged by Lanczos for the eye; where nothing was seen, the hatching stays."""
    box = _window_in_pixels(picture, window)
    image = Image.fromarray(np.ascontiguousarray(picture.rgb), "RGB")
    seen = np.ones(picture.rgb.shape[:2], bool) if picture.seen is None else picture.seen
    mask = Image.fromarray(np.where(seen, np.uint8(255), np.uint8(0)), "L")
    inside = _inside(box, image.width, image.height)
    if inside is None:
        return
    target = _target_of(inside, box, canvas.width, canvas.height)
    size = (max(1, target[2] - target[0]), max(1, target[3] - target[1]))
    ground = image.resize(size, Image.Resampling.LANCZOS, box=inside)
    canvas.paste(ground, target[:2], mask.resize(size, Image.Resampling.NEAREST, box=inside))


_Box = tuple[float, float, float, float]


def _window_in_pixels(picture: Picture, window: Bounds) -> _Box:
    rows, columns = picture.rgb.shape[:2]
    b = picture.bounds
    per_m_x, per_m_y = columns / (b.east - b.west), rows / (b.north - b.south)
    return (
        (window.west - b.west) * per_m_x,
        (b.north - window.north) * per_m_y,
        (window.east - b.west) * per_m_x,
        (b.north - window.south) * per_m_y,
    )


def _inside(box: _Box, columns: int, rows: int) -> _Box | None:
    left, top, right, bottom = max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(columns)), min(box[3], float(rows))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _target_of(inside: _Box, box: _Box, width: int, height: int) -> tuple[int, int, int, int]:
    x, y = width / (box[2] - box[0]), height / (box[3] - box[1])
    return (
        round((inside[0] - box[0]) * x),
        round((inside[1] - box[1]) * y),
        round((inside[2] - box[0]) * x),
        round((inside[3] - box[1]) * y),
    )


_ToPx = Callable[[float, float], tuple[float, float]]


def _projection(window: Bounds, width: int, height: int) -> _ToPx:
    per_m_x, per_m_y = width / (window.east - window.west), height / (window.north - window.south)
    return lambda x, y: ((x - window.west) * per_m_x, (window.north - y) * per_m_y)


def _draw_outline(pen: ImageDraw.ImageDraw, outline: Outline, to_px: _ToPx, *, width_px: int) -> None:
    colour = (KNOWN_COLOURS if outline.is_known else COLOURS)[outline.change_class]
    if outline.change_class is ChangeClass.HUT:
        for part in get_parts(outline.shape):
            _draw_dot(pen, to_px(part.centroid.x, part.centroid.y), colour, radius=5 * _SUPERSAMPLING)
        return
    lines = [[to_px(x, y) for x, y, *_ in line.coords] for line in _lines_of(outline.shape)]
    for line in lines:  # all halos first: a halo must not cut a neighbouring line
        pen.line(line, fill=_WHITE, width=width_px + 2 * _SUPERSAMPLING, joint="curve")
    for line in lines:
        pen.line(line, fill=colour, width=width_px, joint="curve")


def _lines_of(shape: BaseGeometry) -> list[Any]:
    parts = [p.boundary if p.geom_type == "Polygon" else p for p in get_parts(shape)]
    return [line for part in parts for line in get_parts(part) if not line.is_empty]


def _draw_dot(pen: ImageDraw.ImageDraw, at: tuple[float, float], colour: tuple[int, int, int], *, radius: int) -> None:
    for r, fill in ((radius + _SUPERSAMPLING, _WHITE), (radius, colour)):
        pen.ellipse([at[0] - r, at[1] - r, at[0] + r, at[1] + r], fill=fill)


def _draw_scale(pen: ImageDraw.ImageDraw, window: Bounds, width: int, height: int) -> None:
    ground_m = window.east - window.west
    length_m = nice_length(ground_m / 4)
    pad, thick = 10 * _SUPERSAMPLING, 4 * _SUPERSAMPLING
    right, bottom = width - pad, height - pad
    left = right - length_m / ground_m * width
    pen.rectangle([left - _SUPERSAMPLING, bottom - thick - _SUPERSAMPLING, right + _SUPERSAMPLING, bottom + _SUPERSAMPLING], fill=_WHITE)
    pen.rectangle([left, bottom - thick, right, bottom], fill=_INK)
    text = f"{length_m:.0f} m" if length_m < 1000 else f"{length_m / 1000:.0f} km"
    pen.text(
        (right, bottom - thick - 3 * _SUPERSAMPLING),
        text,
        font=_font(13),
        fill=_WHITE,
        anchor="rs",
        stroke_width=_SUPERSAMPLING,
        stroke_fill=_INK,
    )


def nice_length(at_most: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no longer than this."""
    power = 10.0 ** math.floor(math.log10(at_most))
    return max(step * power for step in (1, 2, 5) if step * power <= at_most * (1 + 1e-9))


def _draw_label(pen: ImageDraw.ImageDraw, text: str) -> None:
    font, pad = _font(15), 7 * _SUPERSAMPLING
    left, top, right, bottom = pen.textbbox((pad * 2, pad * 2), text, font=font)
    pen.rounded_rectangle([left - pad, top - pad, right + pad, bottom + pad], radius=pad, fill=_WHITE)
    pen.text((pad * 2, pad * 2), text, font=font, fill=_INK)


def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size_px * _SUPERSAMPLING)


def _as_jpeg(image: Image.Image) -> bytes:
    for quality in _JPEG_QUALITIES:
        out = io.BytesIO()
        # Not `optimize`: it needs the whole file in one buffer, and pillow guesses that buffer too small for noisy ground.
        image.save(out, "JPEG", quality=quality, subsampling=0 if quality > 75 else 2)
        if out.tell() <= MAX_BYTES:
            break
    return out.getvalue()
