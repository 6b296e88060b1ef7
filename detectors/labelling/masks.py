"""Answers to masks: segments first, polygons over them, roads over those, and what is unsure over everything."""

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.labelling.answer import ImageAnswer, Point

Mask = npt.NDArray[np.uint8]
Segments = npt.NDArray[np.uint16]


def mask_of(answer: ImageAnswer, segments: Segments, observed: npt.NDArray[np.bool_]) -> Mask:
    """LandClass, uint8 (H, W); 255 where the interpreter is unsure or nothing was observed.

    A pixel belongs to a polygon, or to a road of its width, when its centre does.

    Args:
        answer: without `problems`.
        segments: numbers, uint16 (H, W).
        observed: bool (H, W).
    """
    value_of = np.full(int(segments.max()) + 1, LandClass.BACKGROUND, np.uint8)
    for name, numbers in answer.segments.items():
        value_of[list(numbers)] = LandClass[name.upper()]
    mask = value_of[segments]
    _draw(mask, ((shapely.Polygon(p.points), LandClass[p.land_class.upper()]) for p in answer.polygons))
    _draw(mask, ((_strip(r.points, r.width_px), LandClass.ROAD) for r in answer.roads))
    mask[np.isin(segments, answer.unsure.segments)] = NOT_OBSERVED
    _draw(mask, ((shapely.Polygon(ring), NOT_OBSERVED) for ring in answer.unsure.polygons))
    mask[~observed] = NOT_OBSERVED
    return mask


def problems(answer: ImageAnswer, segments: Segments, observed: npt.NDArray[np.bool_]) -> list[str]:
    """What in an answer contradicts its chip, in words for the interpreter; empty when all is well."""
    found = [*_wrong_segments(answer, int(segments.max())), *_wrong_shapes(answer, segments.shape)]
    return found or list(_wrong_scene(answer, mask_of(answer, segments, observed)))


def _draw(mask: Mask, shapes: Iterable[tuple[BaseGeometry, int]]) -> None:
    if drawn := list(shapes):
        rasterize(drawn, out=mask, transform=Affine.identity())


def _strip(points: tuple[Point, ...], width: float) -> BaseGeometry:
    return shapely.LineString(points).buffer(width / 2)


def _wrong_segments(answer: ImageAnswer, last: int) -> Iterator[str]:
    named = {f"segments.{name}": numbers for name, numbers in answer.segments.items()} | {"unsure.segments": answer.unsure.segments}
    for where, numbers in named.items():
        for number in numbers:
            if not 1 <= number <= last:
                yield f"{where}: there is no segment {number}; the picture has 1 to {last}"
    times = Counter(number for where, numbers in named.items() if where != "unsure.segments" for number in set(numbers))
    for number in sorted(n for n, count in times.items() if count > 1):
        classes = " and ".join(name for name, numbers in answer.segments.items() if number in numbers)
        yield f"segments: {number} is called {classes}; name it once, and correct parts of it with polygons"


def _wrong_shapes(answer: ImageAnswer, shape: tuple[int, ...]) -> Iterator[str]:
    drawn: list[tuple[str, tuple[Point, ...], BaseGeometry]]
    drawn = [(f"polygons[{i}] ({p.land_class})", p.points, shapely.Polygon(p.points)) for i, p in enumerate(answer.polygons)]
    drawn += [(f"unsure.polygons[{i}]", ring, shapely.Polygon(ring)) for i, ring in enumerate(answer.unsure.polygons)]
    drawn += [(f"roads[{i}]", road.points, _strip(road.points, road.width_px)) for i, road in enumerate(answer.roads)]
    height, width = shape
    for where, points, geometry in drawn:
        outside = [p for p in points if not (0 <= p[0] <= width and 0 <= p[1] <= height)]
        if outside:
            yield f"{where}: point {list(outside[0])} lies outside; columns go from 0 to {width}, rows from 0 to {height} (column first)"
        elif not geometry.is_valid:
            yield f"{where}: {shapely.is_valid_reason(geometry)}; the outline must not cross itself"
        elif not rasterize([geometry], out_shape=shape, transform=Affine.identity()).any():
            yield f"{where}: no pixel's centre lies inside; a pixel in column c and row r has its centre at [c + 0.5, r + 0.5]"


def _wrong_scene(answer: ImageAnswer, mask: Mask) -> Iterator[str]:
    mining = int((mask == LandClass.MINING).sum())
    if answer.scene is None and not answer.is_empty:
        yield "scene: say mining, not_mining or doubtful; as long as it is null the image counts as not answered"
    if answer.scene == "mining" and not mining:
        yield "scene: says mining, but no mining is drawn; name its segments, or say doubtful"
    if answer.scene == "not_mining" and mining:
        yield f"scene: says not_mining, but {mining} pixels of mining are drawn; say mining or doubtful, or take them out"
