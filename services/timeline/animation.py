"""The place over time as an animated GIF: the recorded picture of every look that showed enough of it, with what was believed drawn on."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.grid import reproject, tile_square, utm_epsg
from jagawana.detectors.quicklook import read_quicklook
from jagawana.schemas.alert import ChangeClass
from jagawana.schemas.errors import DataError
from jagawana.services.notify.cutouts import COLOURS, KNOWN_COLOURS, MARGIN_M, Bounds, Outline, Picture, draw
from jagawana.services.notify.wording import Language, phrases_of
from jagawana.services.notify.wording.facts import hectares, short_day
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.tables import ObservationRow
from jagawana.services.timeline.place import Place
from jagawana.services.timeline.run import Point, Timeline
from jagawana.services.timeline.words import TimelineWords, words_of

SIZE_PX, LEGEND_PX, LEGEND_ROW_PX = 640, 46, 21
INK = (24, 28, 26)
GROUND_COLOURS = 128
FRAME_MS, LAST_MS = 700, 2500
MOST_FRAMES = 80
"""More are thinned evenly: a file that a phone still opens."""
FIELDS = {
    ("mining_known", ChangeClass.MINING, True), ("mining_new", ChangeClass.MINING, False), ("roads_known", ChangeClass.ROAD, True),
    ("roads_new", ChangeClass.ROAD, False), ("huts_known", ChangeClass.HUT, True), ("huts_new", ChangeClass.HUT, False),
}  # fmt: skip


def animate(timeline: Timeline, place: Place, blobs: BlobStore, path: Path, language: Language) -> int:
    """Write the GIF; nothing where no look showed enough. Returns the number of frames."""
    seen = timeline.seen
    chosen = [seen[n] for n in np.unique(np.linspace(0, len(seen) - 1, min(len(seen), MOST_FRAMES)).round().astype(int))] if seen else []
    frames = [_frame(point, place, blobs, language) for point in chosen]
    if frames:
        first, *others = [_with_palette(f) for f in frames]
        durations = [FRAME_MS] * len(others) + [LAST_MS]
        first.save(path, "GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False, disposal=1)
    return len(frames)


def _with_palette(frame: Image.Image) -> Image.Image:
    """256 colours at most, of which those of the outlines are always exact: a median cut would mix them with the ground."""
    ground = frame.quantize(GROUND_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(v for colour in (*COLOURS.values(), *KNOWN_COLOURS.values()) for v in colour), *ground[: 3 * GROUND_COLOURS]])
    return frame.quantize(palette=palette, dither=Image.Dither.NONE)


def _frame(point: Point, place: Place, blobs: BlobStore, language: Language) -> Image.Image:
    words, phrases = words_of(language), phrases_of(language)
    epsg = utm_epsg(place.geometry.centroid.x, place.geometry.centroid.y)
    area = reproject(place.geometry, 4326, epsg)
    window = _window(area)
    label = f"{short_day(point.at, phrases)}  {hectares(point.ha('mining_known') + point.ha('mining_new'), phrases)} ha"
    picture = _mosaic([r for r in point.rows if tile_square(r.tile).epsg == epsg], blobs, window, label)
    jpeg = draw(picture, _outlines(point, epsg), window=window, size_px=SIZE_PX)
    drawn = Image.open(io.BytesIO(jpeg)).convert("RGB")
    _draw_area(drawn, area, window)
    canvas = Image.new("RGB", (drawn.width, drawn.height + LEGEND_PX), (255, 255, 255))
    canvas.paste(drawn, (0, 0))
    _legend(canvas, drawn.height, words)
    return canvas


def _window(area: BaseGeometry) -> Bounds:
    """A square around the place, so that frames of all places have one shape."""
    west, south, east, north = area.bounds
    half = max(east - west, north - south) / 2 + MARGIN_M
    x, y = (west + east) / 2, (south + north) / 2
    return Bounds(x - half, y - half, x + half, y + half)


def _mosaic(rows: Sequence[ObservationRow], blobs: BlobStore, window: Bounds, label: str) -> Picture:
    """The pictures of all tiles in the window, at the size the frame can show."""
    side_m = window.east - window.west
    size = min(2 * SIZE_PX, max(1, round(side_m / min((r.resolution_m for r in rows), default=10))))
    canvas, mask = Image.new("RGB", (size, size)), Image.new("L", (size, size))
    for row in rows:
        try:
            picture = Image.fromarray(read_quicklook(blobs.get(row.quicklook)))
        except DataError:
            continue  # lost or damaged: hatched, as ground that nobody saw
        west, south, east, north = map(float, row.quicklook_bounds.split(","))
        left, top = round((west - window.west) / side_m * size), round((window.north - north) / side_m * size)
        shape = max(1, round((east - west) / side_m * size)), max(1, round((north - south) / side_m * size))
        canvas.paste(picture.resize(shape, Image.Resampling.BILINEAR), (left, top))
        mask.paste(255, (left, top, left + shape[0], top + shape[1]))
    return Picture(np.asarray(canvas), window, label, np.asarray(mask) > 0)


def _outlines(point: Point, epsg: int) -> list[Outline]:
    parts = [(tile, shape, kind, known) for field, kind, known in sorted(FIELDS) for tile, shape in point.shapes(field)]
    return [
        Outline(kind, reproject(shape, tile_square(tile).epsg, epsg), known) for tile, shape, kind, known in parts if not shape.is_empty
    ]


def _draw_area(canvas: Image.Image, area: BaseGeometry, window: Bounds) -> None:
    scale = canvas.width / (window.east - window.west)
    pen = ImageDraw.Draw(canvas)
    for ring in shapely.get_parts(shapely.boundary(shapely.get_parts(area))):
        for line in shapely.get_parts(ring):
            pen.line([((x - window.west) * scale, (window.north - y) * scale) for x, y, *_ in line.coords], fill=(255, 255, 255), width=1)


def _legend(canvas: Image.Image, top: int, words: TimelineWords) -> None:
    """A row for what is new and a row for what was already there."""
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=13)
    kinds = {ChangeClass.MINING: words.mining.split(",")[0], ChangeClass.ROAD: words.roads.split(",")[0], ChangeClass.HUT: words.huts}
    for row, (title, colours) in enumerate(((words.new, COLOURS), (words.known, KNOWN_COLOURS))):
        x, middle = 10.0, top + 12 + row * LEGEND_ROW_PX
        pen.text((x, middle), f"{title}:", font=font, fill=INK, anchor="lm")
        x += 18 + max(pen.textlength(f"{t}:", font=font) for t in (words.new, words.known))
        for kind, text in kinds.items():
            pen.rectangle([x, middle - 5, x + 16, middle + 5], outline=colours[kind], width=3)
            pen.text((x + 22, middle), text, font=font, fill=INK, anchor="lm")
            x += 40 + pen.textlength(text, font=font)
