"""Simulated land with roofs of a chosen size, seen at 3, 4 and 5 m; what `hut_sizes.py` measures on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.features import rasterize
from rasterio.warp import Resampling, reproject
from scipy import ndimage
from shapely import affinity
from shapely.geometry import Polygon, box

from jagawana.detectors.simulation import atmosphere
from jagawana.detectors.simulation.config import EPSG, WorldConfig
from jagawana.detectors.simulation.features import ROOFS
from jagawana.detectors.simulation.frame import SUB_M
from jagawana.detectors.simulation.noise import stream
from jagawana.detectors.simulation.paint import Patch
from jagawana.detectors.simulation.render import Texture, reflectance, shares
from jagawana.detectors.simulation.spectra import Cover
from jagawana.detectors.simulation.world import INSTRUMENTS, World

FIRST_SEED = 800_000
"""No training or test chip comes from these worlds."""
NONE = "none"
SIZES = {
    NONE: (36.0, 50.0),
    "< 36": (16.0, 36.0),
    "36-50": (36.0, 50.0),
    "50-70": (50.0, 70.0),
    "70-110": (70.0, 110.0),
    "> 110": (110.0, 180.0),
}
"""Square metres; training drew 36 to 108. Where there is none, it counts as if there were such ones."""
VIEWS = {"3": (3, None), "4": (4, None), "5": (5, None), "3 on 5": (3, 5)}
APART_M, FINE_M = 20.0, 0.5
THATCH = 0.2
Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Stand:
    """Where a roof is built, and how it looks in any size."""

    x: float
    y: float
    since_day: float
    turn: float
    longer: float
    quantile: float
    cover: Cover

    def outline(self, size: tuple[float, float]) -> Polygon:
        area = size[0] + self.quantile * (size[1] - size[0])
        long, short = (area * self.longer) ** 0.5 / 2, (area / self.longer) ** 0.5 / 2
        return affinity.rotate(box(self.x - long, self.y - short, self.x + long, self.y + short), self.turn)


def world_of(number: int) -> tuple[World, list[Stand]]:
    """A world without its roofs, and where they stood. Every other one has no mining."""
    sites = 0 if number % 2 else 4
    config = WorldConfig(seed=FIRST_SEED + number, width_km=2.0, height_km=2.0, sites=sites, zoned=False, dates_10m=1, dates_5m=0)
    world = World(config)
    patches = [*world.terrain.patches, *(p for site in world.sites for p in site.patches)]
    stands = stands_of(world, [p for p in patches if is_roof(p)])
    world.terrain = replace(world.terrain, patches=without_roofs(world.terrain.patches))
    world.sites = tuple(replace(site, patches=without_roofs(site.patches)) for site in world.sites)
    return world, stands


def is_roof(patch: Patch) -> bool:
    return bool((patch.cover == patch.cover.flat[0]).all()) and patch.cover.flat[0] in ROOFS


def without_roofs(patches: tuple[Patch, ...]) -> tuple[Patch, ...]:
    return tuple(p for p in patches if not is_roof(p))


def stands_of(world: World, roofs: list[Patch]) -> list[Stand]:
    rng, found = stream(world.config.seed, "stands"), list[Stand]()
    for patch in roofs:
        rows, columns = np.nonzero(patch.start_day < 1e8)
        if not len(rows):
            continue
        x = world.frame.west + (patch.window.col + columns.mean() + 0.5) * SUB_M
        y = world.frame.north - (patch.window.row + rows.mean() + 0.5) * SUB_M
        draw = rng.uniform(size=3)
        cover = ROOFS[int(rng.choice(4, p=[(1 - THATCH) / 3] * 3 + [THATCH]))]
        if all(np.hypot(x - s.x, y - s.y) >= APART_M for s in found) and world.frame.extent.buffer(-APART_M).contains(box(x, y, x, y)):
            found.append(Stand(x, y, float(patch.start_day.min()), 180 * draw[0], 1 + 0.6 * draw[1], draw[2], cover))
    return found


def with_sub_grid(texture: Texture, shape: tuple[int, int]) -> Texture:
    """The texture of the land also on the sub-grid: no finer than 5 m, without steps."""
    fine = (shape[0] * SUB_M / 5, shape[1] * SUB_M / 5)
    for of_scale in (texture.place, texture.pixel):
        of_scale[SUB_M] = np.stack([zoomed(field, fine) for field in of_scale[5]])
    texture.relief[SUB_M] = zoomed(texture.relief[5], fine)
    return texture


def zoomed(field: Array, shape: tuple[float, float]) -> Array:
    whole = field.reshape(round(shape[0]), round(shape[1]))
    return ndimage.zoom(whole, 5 / SUB_M, order=1, grid_mode=True, mode="nearest").astype(np.float32).ravel()


def roof_shares(world: World, roofs: list[Stand], size: tuple[float, float]) -> Array:
    """Share of each roof cover in each sub-pixel, (covers, h * w)."""
    h, w = world.frame.shape
    n = round(SUB_M / FINE_M)
    fine = np.full((h * n, w * n), 255, np.uint8)
    if roofs:
        rasterize([(s.outline(size), int(s.cover)) for s in roofs], out=fine, transform=grid_of(world, FINE_M))
    rows, columns = np.nonzero(fine != 255)
    out = np.zeros((len(Cover), h * w), np.float32)
    np.add.at(out, (fine[rows, columns], rows // n * w + columns // n), np.float32(1 / n**2))
    return out


def grid_of(world: World, pixel_m: float) -> Affine:
    return Affine(pixel_m, 0, world.frame.west, 0, -pixel_m, world.frame.north)


@lru_cache
def averaging(length: int, pixel_m: int) -> Array:
    """Weights of sub-pixels in pixels, (pixels, length)."""
    edges = np.arange(int(length * SUB_M / pixel_m))[:, None] * pixel_m
    starts = np.arange(length) * SUB_M
    shared = np.minimum(edges + pixel_m, starts + SUB_M) - np.maximum(edges, starts)
    return (np.clip(shared, 0, None) / pixel_m).astype(np.float32)


@lru_cache(maxsize=len(VIEWS))
def clear_sky(seed: int, shape: tuple[int, int], pixel_m: int) -> atmosphere.Sky:
    """Haze, no cloud."""
    return atmosphere.sky(stream(seed, "sky"), shape, cover=0.0, resolution_m=pixel_m)


@dataclass(frozen=True)
class Seen:
    """One look: what each sub-pixel reflects, float32 (B, h, w), and which roofs stand."""

    world: World
    roofs: list[Stand]
    size: str
    surface: Array

    def image(self, view: str) -> tuple[Array, int]:
        """What the sensor sees of it, and its pixel size."""
        pixel_m, onto_m = VIEWS[view]
        gear, seed = INSTRUMENTS["rgbn"], self.world.config.seed
        down, across = (averaging(side, pixel_m) for side in self.surface.shape[1:])
        surface = down @ self.surface @ across.T
        air = clear_sky(seed, surface.shape[1:], pixel_m)
        seen = atmosphere.sensed(
            stream(seed, "sensor"), atmosphere.through(surface, air, gear.bands), blur=gear.blur, shift_px=gear.shift_px, gain=gear.gain,
            noise=gear.noise, share_noise=gear.share_noise,
        )  # fmt: skip
        return (seen, pixel_m) if onto_m is None else (self._placed(seen, pixel_m, onto_m), onto_m)

    def _placed(self, image: Array, pixel_m: int, onto_m: int) -> Array:
        """As the service reads an image whose grid is not its own."""
        side = image.shape[1] * pixel_m // onto_m
        out = np.zeros((len(image), side, side), np.float32)
        crs = f"EPSG:{EPSG}"
        reproject(
            image, out, src_transform=grid_of(self.world, pixel_m), dst_transform=grid_of(self.world, onto_m), src_crs=crs, dst_crs=crs,
            resampling=Resampling.bilinear,
        )  # fmt: skip
        return out

    def roof_numbers(self, shape: tuple[int, int], pixel_m: int) -> Labels:
        """By pixel: the roof that touches it, from 1; 0 where none does."""
        outlines = [(s.outline(SIZES[self.size]), k) for k, s in enumerate(self.roofs, 1)]
        blank = np.zeros(shape, np.int32)
        return rasterize(outlines, out=blank, transform=grid_of(self.world, pixel_m), all_touched=True) if outlines else blank


def looks(number: int) -> Iterator[Seen]:
    """One day of a world, with roofs of every size."""
    world, stands = world_of(number)
    at = world.time_of(0.8 * world.config.days)
    roofs = [s for s in stands if s.since_day <= world.day_of(at)]
    texture, air = with_sub_grid(world.texture, world.frame.shape), atmosphere.weather(world.config.seed, at)
    land = shares(world.land_at(at), SUB_M)
    for size, limits in SIZES.items():
        built = roof_shares(world, roofs if size != NONE else [], limits)
        surface = reflectance(
            land * (1 - built.sum(axis=0)) + built, texture, world.palette, bands=INSTRUMENTS["rgbn"].bands, resolution_m=SUB_M,
            silt=air.silt, wetness=air.wetness, season=air.wet,
        )  # fmt: skip
        yield Seen(world, roofs, size, surface.reshape(-1, *world.frame.shape))
