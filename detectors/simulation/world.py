"""A simulated world: one config in; land, looks and scenes out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from shapely.geometry import Point

from jagawana.detectors.simulation import atmosphere, terrain
from jagawana.detectors.simulation.classification import classify
from jagawana.detectors.simulation.config import EPSG, TILE_CORNER, WorldConfig
from jagawana.detectors.simulation.frame import SUB_M, Frame, frame_across_tiles
from jagawana.detectors.simulation.noise import stream
from jagawana.detectors.simulation.paint import Covers, Mask
from jagawana.detectors.simulation.placing import SITUATIONS, Spot, spot, usual_distance_m
from jagawana.detectors.simulation.render import Array, Mixture, Texture, reflectance
from jagawana.detectors.simulation.sites import Site, artisanal, industrial
from jagawana.detectors.simulation.spectra import Palette
from jagawana.detectors.simulation.timeline import artisanal_timeline, industrial_timeline
from jagawana.detectors.simulation.zoning import WorldZone, ground_for, zones
from jagawana.schemas.errors import DataError, ErrorCode

Sensor = Literal["s2", "rgbn"]


@dataclass(frozen=True)
class Instrument:
    """A sensor: bands in order (STAC common names), pixel size, and how well it sees."""

    bands: tuple[str, ...]
    resolution_m: int
    blur: float
    shift_px: float
    gain: float
    noise: float
    share_noise: float
    cloud_factor: float


INSTRUMENTS: dict[Sensor, Instrument] = {
    "s2": Instrument(("blue", "green", "red", "nir", "swir16", "swir22"), 10, 0.20, 0.12, 0.02, 0.0012, 0.012, 1.0),
    "rgbn": Instrument(("blue", "green", "red", "nir"), 5, 0.30, 0.20, 0.04, 0.0030, 0.015, 0.25),
}
"""Blur, shift, gain and noise are assumed: Sentinel-2 registers better and is more stable than PlanetScope mosaics; cloud_factor makes
the four-band looks as clear as monthly mosaics are."""


@dataclass(frozen=True)
class Look:
    """One acquisition: which sensor, when (aware UTC), its number in the sensor's series, and the day of the world."""

    sensor: Sensor
    number: int
    day: float
    acquired_at: datetime


@dataclass(frozen=True)
class SceneArrays:
    """What a look saw.

    Attributes:
        reflectance: float32 (B, h, w), 0..1.2, clouds and all.
        valid: bool (h, w), inside the swath.
        scl: uint8 (h, w), six-band looks only.
        opacity, shadow: float32 (h, w), what cloud and shadow really were.
        ground: uint8 sub-grid, the covers below.
    """

    look: Look
    reflectance: Array
    valid: Mask
    scl: npt.NDArray[np.uint8] | None
    opacity: Array
    shadow: Array
    ground: Covers


class World:
    """Land with a history, and two sensors that look at it. Deterministic in its config."""

    def __init__(self, config: WorldConfig) -> None:
        self.config = config
        self.frame: Frame = frame_across_tiles(width_km=config.width_km, height_km=config.height_km, epsg=EPSG, corner=TILE_CORNER)
        self.terrain = terrain.build(config, self.frame)
        self.zones: tuple[WorldZone, ...] = zones(config, self.terrain)
        self.sites: tuple[Site, ...] = _mine(self)
        self.looks: tuple[Look, ...] = _looks(config)
        self._mixtures = {m: Mixture(m) for m in (5, 10)}

    @cached_property
    def palette(self) -> Palette:
        """Spectra of this world."""
        return Palette(self.config.seed)

    @cached_property
    def texture(self) -> Texture:
        """Texture of this world's ground."""
        return Texture(self.config.seed, self.frame)

    def day_of(self, at: datetime) -> float:
        """Days since the first day."""
        return (at - self.config.starts_at) / timedelta(days=1)

    def time_of(self, day: float) -> datetime:
        """The time of a day number, to the second."""
        return self.config.starts_at + timedelta(seconds=round(day * 86_400))

    def land_at(self, at: datetime) -> Covers:
        """Cover of every sub-pixel at a time: uint8 (H, W) on the 2.5 m sub-grid, values of Cover."""
        day = self.day_of(at)
        ground = terrain.at_day(self.terrain, day, atmosphere.weather(self.config.seed, at).level)
        for site in self.sites:
            for patch in site.patches:
                patch.paint(ground, day)
        return ground

    def scene(self, look: Look, *, resolution_m: int | None = None) -> SceneArrays:
        """What a look saw, at the sensor's own pixel size or (four bands only) at 10 m."""
        gear, seed = INSTRUMENTS[look.sensor], self.config.seed
        pixel_m = resolution_m or gear.resolution_m
        rng = stream(seed, f"look-{look.sensor}", look.number)
        day = atmosphere.weather(seed, look.acquired_at)
        ground = self.land_at(look.acquired_at)
        h, w = (side // round(pixel_m / SUB_M) for side in self.frame.shape)
        surface = reflectance(
            self._mixtures[pixel_m].of(ground),
            self.texture,
            self.palette,
            bands=gear.bands,
            resolution_m=pixel_m,
            silt=day.silt,
            wetness=day.wetness,
            season=day.wet,
        ).reshape(-1, h, w)
        cover = atmosphere.cloud_cover(rng, self.config.cloudiness * gear.cloud_factor, day.wet)
        air = atmosphere.sky(rng, (h, w), cover=cover, resolution_m=pixel_m)
        seen = atmosphere.through(surface, air, gear.bands)
        seen = atmosphere.sensed(
            rng, seen, blur=gear.blur, shift_px=gear.shift_px, gain=gear.gain, noise=gear.noise, share_noise=gear.share_noise
        )
        valid = atmosphere.swath(rng, (h, w))
        scl = classify(rng, seen, air, valid) if look.sensor == "s2" else None
        return SceneArrays(look, seen, valid, scl, air.opacity, air.shadow, ground)


def _looks(config: WorldConfig) -> tuple[Look, ...]:
    """All looks in order of time. Sentinel-2 comes on the dot; the four-band looks fall between, within two days of their month's turn."""
    looks = []
    for k in range(config.dates_10m):
        day = float(round(k * config.days / config.dates_10m))
        looks.append(Look("s2", k, day, config.starts_at + timedelta(days=day)))
    for k in range(config.dates_5m):
        shift = int(stream(config.seed, "rgbn-day", k).integers(-2, 3))
        day = float(round(k * config.days / config.dates_5m) + 4 + shift)
        at = config.starts_at + timedelta(days=day, minutes=31)
        looks.append(Look("rgbn", k, (at - config.starts_at) / timedelta(days=1), at))
    return tuple(sorted(looks, key=lambda s: (s.acquired_at, s.sensor)))


def _mine(world: World) -> tuple[Site, ...]:
    """The mining sites of a world: the legal pit first, because it takes most room; site n never depends on site n + 1."""
    config, land = world.config, world.terrain
    if config.sites == 0:
        return ()
    max_ha = 1.5 * config.width_km * config.height_km
    sites: list[Site] = []
    taken: list[Point] = []
    pit = _pit_spot(world) if config.industrial and config.zoned else None
    if pit is not None:
        taken.append(pit.place)
        permitted = ground_for("concession", world.zones, world.frame)
        line = industrial_timeline(config.seed, days=config.days, max_ha=0.5 * max_ha)
        sites.append(industrial(config, land, pit, line, permitted=permitted))
    for k in range(config.sites):
        place = _site_spot(world, taken, k)
        taken.append(place.place)
        sites.append(artisanal(config, land, place, artisanal_timeline(config.seed, k, days=config.days, max_ha=max_ha), index=k))
    return tuple(sites)


def _pit_spot(world: World) -> Spot | None:
    """A spot for the legal pit, well inside its concession; None where a very small world has no room in it."""
    ground = ground_for("concession", world.zones, world.frame)
    for margin_m in (180, 100, 0):
        rng = stream(world.config.seed, f"spot-pit-{margin_m}")
        room = ground.buffer(-margin_m)
        found = spot(rng, world.terrain, room, [], situation="concession", apart_m=usual_distance_m(world.terrain), by_stream=False)
        if found is not None:
            return found
    return None


def _site_spot(world: World, taken: list[Point], index: int) -> Spot:
    """A spot in the situation that is this site's turn, else anywhere outside the zones, else anywhere, nearer to others if need be."""
    first = SITUATIONS[index % len(SITUATIONS)] if world.config.zoned else "any"
    for crowding in (1.0, 0.55, 0.3):
        apart_m = crowding * usual_distance_m(world.terrain)
        for situation in dict.fromkeys((first, "outside", "any")):
            ground = world.frame.extent if situation == "any" else ground_for(situation, world.zones, world.frame)
            rng = stream(world.config.seed, f"spot-{situation}-{crowding}", index)
            found = spot(rng, world.terrain, ground, taken, situation=situation, apart_m=apart_m)
            if found is not None:
                return found
    raise DataError(ErrorCode.SETTINGS_INVALID, f"no room for mining site {index + 1}: ask for fewer sites or a larger world")
