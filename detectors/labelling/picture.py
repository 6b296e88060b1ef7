"""The picture an interpreter looks at: natural colour, false colour, and numbered segments, a row for each date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

NATURAL = ("red", "green", "blue")
WITH_SWIR, WITHOUT_SWIR = ("swir16", "nir", "red"), ("nir", "red", "green")
MARGIN, HEADING, TICK_PX = 34, 26, 8
SIDE, LEAST, MOST = 1000, 5, 10
"""Screen pixels a panel should not much exceed, and how often at least and at most a pixel is enlarged."""
LEAST_SPAN = 0.06
"""Reflectance between black and white at least, so that even forest does not become noise."""
GAMMA = 1.3
INK, BORDER, NUMBER, HALO = (30, 30, 30), (255, 230, 0), (255, 255, 255), (0, 0, 0)
Layers = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class _Panel:
    title: str
    pixels: npt.NDArray[np.uint8]
    numbered: bool


def picture(dates: Mapping[str, Layers], segments: npt.NDArray[np.uint16]) -> bytes:
    """A PNG. Ticks at the edges are pixel coordinates, every 8 pixels; dots mark their crossings.

    Args:
        dates: title of each row and its reflectance by STAC common name, each float32 (H, W), NaN where there is no data; needs
            blue, green, red and nir.
        segments: numbers, uint16 (H, W); 0 is no segment.
    """
    height, width = segments.shape
    scale = int(np.clip(SIDE // max(height, width), LEAST, MOST))
    rows = _rows(dates)
    across, down = width * scale + 2 * MARGIN, height * scale + HEADING + 2 * MARGIN
    canvas = Image.new("RGB", (across * 3, down * len(rows)), (255, 255, 255))
    for r, row in enumerate(rows):
        for c, panel in enumerate(row):
            canvas.paste(_drawn(panel, segments, scale), (c * across, r * down))
    out = BytesIO()
    canvas.save(out, "PNG", optimize=True)
    return out.getvalue()


def _rows(dates: Mapping[str, Layers]) -> list[list[_Panel]]:
    """Panels by date; all dates have one stretch, or an unchanged place would look changed."""
    false = WITH_SWIR if all("swir16" in layers for layers in dates.values()) else WITHOUT_SWIR
    natural, falsely = _stretched(list(dates.values()), NATURAL), _stretched(list(dates.values()), false)
    return [
        [
            _Panel(f"{title}  red green blue", rgb, False),
            _Panel(f"{title}  {' '.join(false)}", other, False),
            _Panel(f"{title}  segments", rgb, True),
        ]
        for title, rgb, other in zip(dates, natural, falsely, strict=True)
    ]


def _stretched(dates: Sequence[Layers], bands: tuple[str, ...]) -> list[npt.NDArray[np.uint8]]:
    """uint8 (H, W, 3) of each date, haze taken off. Natural colours have one span for all bands, so that they stay true."""
    values = np.stack([np.stack([layers[b] for b in bands], axis=-1) for layers in dates])
    if not np.isfinite(values).any():
        return list(np.zeros(values.shape, np.uint8))
    low = np.nanpercentile(values, 1, axis=(0, 1, 2))
    span = np.maximum(np.nanpercentile(values, 99, axis=(0, 1, 2)) - low, LEAST_SPAN)
    span = span.max() if bands == NATURAL else span
    shown = np.clip(np.nan_to_num((values - low) / span), 0, 1) ** (1 / GAMMA) * 255
    return list(np.where(np.isfinite(values), np.rint(shown), 0).astype(np.uint8))


def _drawn(panel: _Panel, segments: npt.NDArray[np.uint16], scale: int) -> Image.Image:
    height, width = segments.shape
    image = Image.new("RGB", (width * scale + 2 * MARGIN, height * scale + HEADING + 2 * MARGIN), (255, 255, 255))
    enlarged = panel.pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    if panel.numbered:
        enlarged[_borders(segments.repeat(scale, axis=0).repeat(scale, axis=1))] = BORDER
    corner = (MARGIN, HEADING + MARGIN)
    image.paste(Image.fromarray(enlarged), corner)
    pen = ImageDraw.Draw(image)
    pen.text((MARGIN, 6), panel.title, INK, ImageFont.load_default(15))
    _ticks(pen, corner, (height, width), scale)
    if panel.numbered:
        _numbers(pen, corner, segments, scale)
    return image


def _borders(enlarged: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    edge = np.zeros(enlarged.shape, bool)
    edge[1:] |= enlarged[1:] != enlarged[:-1]
    edge[:, 1:] |= enlarged[:, 1:] != enlarged[:, :-1]
    return edge


def _ticks(pen: ImageDraw.ImageDraw, corner: tuple[int, int], shape: tuple[int, int], scale: int) -> None:
    font, (left, top), (height, width) = ImageFont.load_default(11), corner, shape
    right, bottom = left + width * scale, top + height * scale
    for column in range(0, width + 1, TICK_PX):
        x = left + column * scale
        pen.line([(x, top - 6), (x, top - 1)], INK)
        pen.line([(x, bottom), (x, bottom + 5)], INK)
        pen.text((x, top - 8), str(column), INK, font, anchor="ms")
        pen.text((x, bottom + 8), str(column), INK, font, anchor="mt")
    for row in range(0, height + 1, TICK_PX):
        y = top + row * scale
        pen.line([(left - 6, y), (left - 1, y)], INK)
        pen.line([(right, y), (right + 5, y)], INK)
        pen.text((left - 8, y), str(row), INK, font, anchor="rm")
        pen.text((right + 8, y), str(row), INK, font, anchor="lm")
    pen.point(
        [(left + c * scale, top + r * scale) for r in range(TICK_PX, height, TICK_PX) for c in range(TICK_PX, width, TICK_PX)], NUMBER
    )


def _numbers(pen: ImageDraw.ImageDraw, corner: tuple[int, int], segments: npt.NDArray[np.uint16], scale: int) -> None:
    """Each number where its segment is widest."""
    font = ImageFont.load_default(13)
    for number, box in enumerate(ndimage.find_objects(segments.astype(np.int32)), 1):
        if box is None:
            continue
        inside = np.pad(segments[box] == number, 1)
        depth = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        x = corner[0] + (box[1].start + column + 0.5) * scale
        y = corner[1] + (box[0].start + row + 0.5) * scale
        pen.text((x, y), str(number), NUMBER, font, anchor="mm", stroke_width=2, stroke_fill=HALO)
