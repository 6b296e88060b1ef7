"""The small map of the report as one inline SVG: zones by kind, tiles, alert cells and shapes, frame with degrees, scale and north."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape
from shapely import box, clip_by_rect, get_parts, make_valid, unary_union
from shapely.geometry import shape as to_shapely
from shapely.geometry.base import BaseGeometry

from jagawana.schemas.alert import AlertState, ChangeClass, ZoneKind
from jagawana.schemas.ids import short_code
from jagawana.services.notify.cutouts import nice_length
from jagawana.services.notify.wording.names import safe_name
from jagawana.services.web.report_view import AlertCard, MapZone, ReportView, WatchedTile
from jagawana.services.web.report_words import PageWords

WIDTH, MAX_HEIGHT, FRAME, EDGE = 760.0, 760.0, 30.0, 6.0
"""Drawing size in SVG units; FRAME holds the degrees, left and below; EDGE is the rim above and right."""
DRAW_ORDER = (
    ZoneKind.PROVINCE,
    ZoneKind.PRODUCTION_FOREST,
    ZoneKind.PROTECTED_FOREST,
    ZoneKind.SUSTAINABLE_USE,
    ZoneKind.INDIGENOUS_LAND,
    ZoneKind.CONSERVATION,
    ZoneKind.RIPARIAN,
    ZoneKind.FOREST_USE_APPROVAL,
    ZoneKind.PEOPLES_MINING_AREA,
    ZoneKind.CONCESSION,
)
_LABEL_AREA = 9000.0
"""Square SVG units a zone must cover before its name is written on it."""
_M_PER_DEGREE = 111_320.0
_SMALLEST_CELL = 9.0


@dataclass(frozen=True)
class Plane:
    """Plate carrée around the middle latitude: degrees to SVG units, true to scale in both directions at the middle of the map."""

    west: float
    south: float
    east: float
    north: float

    @property
    def shrink(self) -> float:
        """Metres of a degree of longitude per metre of a degree of latitude."""
        return math.cos(math.radians((self.south + self.north) / 2))

    @property
    def scale(self) -> float:
        """SVG units per degree of latitude."""
        inner = WIDTH - FRAME - EDGE
        return min(inner / ((self.east - self.west) * self.shrink), (MAX_HEIGHT - FRAME - EDGE) / (self.north - self.south))

    @property
    def height(self) -> float:
        """Height of the drawing with its frame."""
        return (self.north - self.south) * self.scale + FRAME + EDGE

    @property
    def width(self) -> float:
        """Width of the drawing with its frame."""
        return (self.east - self.west) * self.shrink * self.scale + FRAME + EDGE

    def at(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Where a place lies on the drawing."""
        return (FRAME + (longitude - self.west) * self.shrink * self.scale, EDGE + (self.north - latitude) * self.scale)


def map_svg(view: ReportView, words: PageWords) -> Markup:
    """The map, or nothing where there is no tile and no alert to show."""
    plane = _plane_around([t.outline for t in view.tiles] + [c.cell_outline for c in view.cards])
    if plane is None:
        return Markup("")
    inside = _frame(plane)
    layers = [
        *(_zone(z, plane) for kind in DRAW_ORDER for z in view.zones if z.kind is kind),
        *(_tile(t, plane) for t in view.tiles),
        *(_cell(c, plane) for c in view.cards),
        *(_shapes(c, plane) for c in view.cards),
        *_zone_labels(view.zones, plane),
        *(_cell_label(c, plane) for c in view.cards),
    ]
    head = Markup('<svg class="map" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}">').format(
        plane.width, plane.height, words.map_title
    )
    clip = Markup('<clipPath id="inside">{}</clipPath>').format(inside)
    content = Markup('<g clip-path="url(#inside)">{}</g>').format(Markup("").join(layers))
    return Markup("").join([head, _PATTERNS, clip, _ground(plane), content, _graticule(plane), _scale_and_north(plane), Markup("</svg>")])


_PATTERNS = Markup(
    '<defs><pattern id="p-conservation" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="7" height="7" fill="#bcd9bf"/><path d="M0 0V7" stroke="#2f6b46" stroke-width="1.6"/></pattern>'
    '<pattern id="p-protected_forest" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect width="6" height="6" fill="#cfe5cb"/><circle cx="3" cy="3" r="1" fill="#4d8a57"/></pattern>'
    '<pattern id="p-concession" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">'
    '<path d="M0 0V9" stroke="#7b5aa6" stroke-width="1" opacity=".55"/></pattern></defs>'
)


def _plane_around(shapes: Sequence[BaseGeometry]) -> Plane | None:
    if not shapes:
        return None
    west, south, east, north = unary_union([box(*s.bounds) for s in shapes]).bounds
    pad = 0.04 * max(east - west, north - south, 0.002)
    return Plane(west - pad, south - pad, east + pad, north + pad)


def _frame(plane: Plane) -> Markup:
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        FRAME,
        EDGE,
        plane.width - FRAME - EDGE,
        plane.height - FRAME - EDGE,
    )


def _ground(plane: Plane) -> Markup:
    return Markup('<g class="ground">{}</g>').format(_frame(plane))


def _zone(zone: MapZone, plane: Plane) -> Markup:
    return Markup('<path class="zone {}" d="{}"><title>{}</title></path>').format(
        zone.kind.value, _path(_clipped(zone.shape, plane), plane), safe_name(zone.name)
    )


def _clipped(shape: BaseGeometry, plane: Plane) -> BaseGeometry:
    """What of a zone is on the map, a little beyond its edge so that no outline runs along the frame, and no finer than half a unit."""
    pad = 4 / plane.scale
    simple = shape.simplify(0.5 / plane.scale, preserve_topology=True)
    whole = simple if simple.is_valid else make_valid(simple, method="structure")
    return clip_by_rect(whole, plane.west - pad, plane.south - pad, plane.east + pad, plane.north + pad)


def _path(shape: BaseGeometry, plane: Plane) -> str:
    """SVG path data of polygons and lines; points have none."""
    pieces = []
    for part in get_parts(shape):
        rings = [part.exterior, *part.interiors] if part.geom_type == "Polygon" else [part] if part.geom_type == "LineString" else []
        pieces += [_subpath(ring.coords, plane, closed=part.geom_type == "Polygon") for ring in rings if not ring.is_empty]
    return "".join(pieces)


def _subpath(places: Iterable[tuple[float, ...]], plane: Plane, *, closed: bool) -> str:
    points = [plane.at(p[0], p[1]) for p in places]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + ("Z" if closed else "")


def _tile(tile: WatchedTile, plane: Plane) -> Markup:
    x, y = plane.at(tile.outline.bounds[0], tile.outline.bounds[3])
    text = Markup('<text class="tile-name" x="{:.1f}" y="{:.1f}">{}</text>').format(x + 6, y + 15, tile.tile)
    return Markup('<path class="tile" d="{}"/>').format(_path(tile.outline, plane)) + text


def _cell(card: AlertCard, plane: Plane) -> Markup:
    state = card.latest.content.state
    title = f"{short_code(card.latest.content.alert_id)} · {card.latest.content.cell}"
    return Markup('<a href="#a-{}"><path class="cell {}" d="{}"><title>{}</title></path></a>').format(
        card.latest.content.alert_id,
        state.value,
        _path(_visible(card.cell_outline, plane), plane),
        title,
    )


def _visible(outline: BaseGeometry, plane: Plane) -> BaseGeometry:
    """A cell on a map of a whole province would be a speck: it is grown to a size the eye finds."""
    width = (outline.bounds[3] - outline.bounds[1]) * plane.scale
    return outline if width >= _SMALLEST_CELL else outline.buffer((_SMALLEST_CELL - width) / 2 / plane.scale)


def _shapes(card: AlertCard, plane: Plane) -> Markup:
    if card.latest.content.state is AlertState.RETRACTED:
        return Markup("")
    drawn = []
    for shape in card.latest.content.shapes:
        geometry = to_shapely(shape.geometry.model_dump())
        if shape.change_class is ChangeClass.HUT:
            places = [plane.at(p.x, p.y) for p in get_parts(geometry)]
            drawn += [Markup('<circle class="hut" cx="{:.1f}" cy="{:.1f}" r="2.4"/>').format(x, y) for x, y in places]
        else:
            drawn.append(Markup('<path class="{}" d="{}"/>').format(shape.change_class.value, _path(geometry, plane)))
    return Markup("").join(drawn)


def _cell_label(card: AlertCard, plane: Plane) -> Markup:
    west, _, east, north = card.cell_outline.bounds
    x, y = plane.at((west + east) / 2, north)
    return Markup('<text class="cell-name" x="{:.1f}" y="{:.1f}">{}</text>').format(x, y - 4, short_code(card.latest.content.alert_id))


def _zone_labels(zones: Sequence[MapZone], plane: Plane) -> Iterable[Markup]:
    for zone in (z for z in zones if z.kind is not ZoneKind.PROVINCE):
        part = _largest(_clipped(zone.shape, plane))
        if part is None or part.area * plane.shrink * plane.scale**2 < _LABEL_AREA:
            continue
        place = part.representative_point()
        x, y = plane.at(place.x, place.y)
        yield Markup('<text class="zone-name" x="{:.1f}" y="{:.1f}">{}</text>').format(x, y, safe_name(zone.name, max_length=34))


def _largest(shape: BaseGeometry) -> BaseGeometry | None:
    polygons = [p for p in get_parts(shape) if p.geom_type == "Polygon" and not p.is_empty]
    return max(polygons, key=lambda p: p.area) if polygons else None


def _graticule(plane: Plane) -> Markup:
    """Degrees along the frame, as on a printed sheet."""
    step = nice_length(max(plane.east - plane.west, plane.north - plane.south) / 3)
    decimals = max(0, -math.floor(math.log10(step)))
    marks = [Markup('<g class="frame">{}</g>').format(_frame(plane))]
    for longitude in _multiples(plane.west, plane.east, step):
        x, y = plane.at(longitude, plane.south)
        marks.append(_mark(x, y, x, y + 5, x, y + 18, f"{abs(longitude):.{decimals}f}°{'W' if longitude < 0 else 'E'}"))
    for latitude in _multiples(plane.south, plane.north, step):
        x, y = plane.at(plane.west, latitude)
        marks.append(_mark(x, y, x - 5, y, x - 9, y, f"{abs(latitude):.{decimals}f}°{'S' if latitude < 0 else 'N'}", turned=True))
    return Markup("").join(marks)


def _multiples(low: float, high: float, step: float) -> list[float]:
    return [n * step for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _mark(x1: float, y1: float, x2: float, y2: float, tx: float, ty: float, text: str, *, turned: bool = False) -> Markup:
    line = Markup('<line class="tick" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(x1, y1, x2, y2)
    turn = Markup(' transform="rotate(-90 {:.1f} {:.1f})"').format(tx, ty) if turned else Markup("")
    return line + Markup('<text class="degrees" x="{:.1f}" y="{:.1f}"{}>{}</text>').format(tx, ty, turn, text)


def _scale_and_north(plane: Plane) -> Markup:
    ground_m = (plane.east - plane.west) * plane.shrink * _M_PER_DEGREE
    length_m = nice_length(ground_m / 4)
    width = length_m / _M_PER_DEGREE * plane.scale
    x, y = FRAME + 14, plane.height - FRAME - 16
    text = f"{length_m:.0f} m" if length_m < 1000 else f"{length_m / 1000:.0f} km"
    bar = Markup(
        '<g class="scale"><rect class="plate" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="34"/>'
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="5"/><rect class="half" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="5"/>'
        '<text x="{:.1f}" y="{:.1f}">{}</text></g>'
    ).format(x - 8, y - 22, width + 16, x, y, width, x + width / 2, y, width / 2, x + width / 2, y - 6, escape(text))
    nx, ny = plane.width - EDGE - 24, EDGE + 16
    north = Markup('<g class="north"><path d="M{0:.1f} {1:.1f}l8 24l-8 -6l-8 6z"/><text x="{0:.1f}" y="{2:.1f}">N</text></g>').format(
        nx, ny, ny + 38
    )
    return bar + north
