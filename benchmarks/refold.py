"""A tile's whole history folded again, as after every new scene: the shipped fold against one that looks at every entry in every look.

    python benchmarks/refold.py [--observations 60] [--repeat 5] [--json]

Simulated 10 km tiles at 10 m: about 1 % of the pixels ever stored, and 10 %; half of each look under cloud. Both come to the same bits,
which is asserted. Reading the blobs and taking the changes are timed apart. Times are processor time.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from jagawana.detectors.change import changes, inventory
from jagawana.detectors.classes import ALERTABLE
from jagawana.detectors.clouds import SkyClass
from jagawana.detectors.confirmation import Episode
from jagawana.detectors.fold import NEVER, FoldPolicy, Phase, TileState, fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import Observation, passes, sparse
from jagawana.services.store.observation_files import ObservationLabel, decode, encode

TILE = "49MDU57"
SIDE = 1000
BEGIN = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
Flags = npt.NDArray[np.bool_]
Layers = npt.NDArray[np.uint8]


def blobs_of_ground(rng: np.random.Generator, count: int, reach: int) -> Flags:
    """Round patches, bool (SIDE, SIDE)."""
    seeds = np.zeros((SIDE, SIDE), bool)
    seeds[tuple(rng.integers(reach, SIDE - reach, (2, count)))] = True
    return np.asarray(ndimage.distance_transform_edt(~seeds) < reach)


def scenes(share: float, number: int, seed: int = 3) -> list[tuple[Layers, Layers]]:
    """Stored probabilities, uint8 (5, SIDE, SIDE), and sky, uint8 (SIDE, SIDE), of each look.

    Mining that was there, mining that begins half way, a few roads; water and bare ground; specks that differ from look to look.
    """
    rng = np.random.default_rng(seed)
    sites = round(share * 1_500)
    old, new = blobs_of_ground(rng, sites, 9), blobs_of_ground(rng, sites, 9)
    roads = np.zeros((SIDE, SIDE), bool)
    roads[rng.integers(0, SIDE, round(share * 400)), :] = True
    water, bare = blobs_of_ground(rng, sites, 20), blobs_of_ground(rng, sites, 20)
    made = []
    for look in range(number):
        sky = np.where(ndimage.zoom(rng.random((12, 12)), SIDE / 12, order=1) < 0.5, SkyClass.CLOUD, SkyClass.CLEAR).astype(np.uint8)
        layers = np.zeros((5, SIDE, SIDE), np.uint8)
        begun = (old, roads, np.zeros_like(old), water, bare) if look < number // 2 else (old | new, roads, new & roads, water, bare)
        for layer, there in zip(layers, begun, strict=True):
            layer[there] = rng.integers(90, 256, int(there.sum()))
        specks = rng.random((3, SIDE, SIDE)) < share / number / 4
        layers[:3][specks] = rng.integers(26, 230, int(specks.sum()))
        layers[:, sky != SkyClass.CLEAR] = 0
        made.append((layers, sky))
    return made


def observed(number: int, layers: Layers, sky: Layers) -> Observation:
    positions, values = sparse(layers, origin=(0, 0), side=SIDE)
    name = f"look-{number:03}"
    return Observation(name, name, "sentinel-2a", BEGIN + timedelta(days=5 * number), 10, positions, values, sky, (0, 0))


def blob(number: int, layers: Layers, sky: Layers) -> bytes:
    label = ObservationLabel(TILE, f"look-{number:03}", BEGIN, "benchmark")
    return encode(layers, sky, square=tile_square(TILE), origin=(0, 0), resolution_m=10, label=label)


def read(content: bytes) -> Observation:
    return decode(content, square=tile_square(TILE), observation_id="o", scene_id="s", platform="sentinel-2a", acquired_at=BEGIN)


class EveryEntry:
    """The fold as it was before cost followed what is seen: every step is applied to all entries of the tile."""

    def __init__(self, observations: Sequence[Observation], policy: FoldPolicy) -> None:
        self.looks, self.policy = passes(observations), policy
        self.side = observations[0].side
        self.positions = self._ever_stored(round(policy.inventory * 255))
        n = len(self.positions)
        self.phase = np.zeros(n, np.uint8)
        self.first, self.before, self.confirmed, self.last, self.seen_last = (np.full(n, NEVER) for _ in range(5))
        self.episode = Episode.none(n)
        self.clean = np.zeros(n, np.int16)

    def run(self) -> TileState:
        rows, columns = np.divmod(self.positions % (self.side * self.side), self.side)
        for index, group in enumerate(self.looks):
            self._step(index, *self._seen_in(group, rows, columns))
        return TileState(
            10, self.side, self.looks, self.positions, self.phase, self.first, self.before, self.confirmed, self.last,
            self.episode.positive, self.episode.clear, self.episode.posterior,
        )  # fmt: skip

    def _step(self, index: int, clear: Flags, probability: npt.NDArray[np.float32]) -> None:
        present = clear & (probability >= self.policy.present)
        baseline = clear & (self.seen_last == NEVER) & (probability >= self.policy.inventory)
        self.phase[baseline] = Phase.INVENTORY
        self._expire(index)
        self._open(index, present & ~baseline & self._closed())
        self._weigh(index, clear & self._is(Phase.CANDIDATE, Phase.PROVISIONAL, Phase.CONFIRMED) & ~baseline, present, probability)
        self.clean = np.where(present, 0, self.clean + clear).astype(np.int16)
        over = clear & (self.clean >= self.policy.end_looks)
        self.phase[over & self._is(Phase.CONFIRMED)] = Phase.ENDED
        self.phase[over & self._is(Phase.INVENTORY)] = Phase.INVENTORY_ENDED
        self.last[present & ~self._closed()] = index
        self.seen_last[clear] = index

    def _is(self, *phases: Phase) -> Flags:
        return np.isin(self.phase, phases)

    def _closed(self) -> Flags:
        return self._is(Phase.ABSENT, Phase.ENDED, Phase.INVENTORY_ENDED)

    def _open(self, index: int, where: Flags) -> None:
        self.episode.reset(where)
        self.phase[where] = Phase.CANDIDATE
        self.first[where] = index
        self.before[where] = self.seen_last[where]
        self.confirmed[where] = NEVER

    def _weigh(self, index: int, where: Flags, present: Flags, probability: npt.NDArray[np.float32]) -> None:
        unconfirmed = where & ~self._is(Phase.CONFIRMED)
        self.episode.add(unconfirmed, probability, self.policy.present, self.policy.clip)
        self.episode.positive += where & ~unconfirmed & present
        self.episode.clear += where & ~unconfirmed
        rule = self.policy.rule
        confirmed = unconfirmed & rule.confirmed(self.episode, present)
        self.phase[confirmed] = Phase.CONFIRMED
        self.confirmed[confirmed] = index
        self.phase[unconfirmed & self._is(Phase.CANDIDATE) & rule.provisional(self.episode)] = Phase.PROVISIONAL
        self._forget(unconfirmed & ~confirmed & rule.rejected(self.episode))

    def _expire(self, index: int) -> None:
        waiting = self._is(Phase.CANDIDATE, Phase.PROVISIONAL)
        times = [min(o.acquired_at for o in group) for group in self.looks[: index + 1]]
        old = np.array([(times[-1] - t).days > self.policy.expire_days for t in times[:-1]] + [False])
        self._forget(waiting & old[self.first])

    def _forget(self, where: Flags) -> None:
        self.phase[where] = Phase.ABSENT
        self.first[where] = self.before[where] = self.last[where] = NEVER
        self.episode.reset(where)

    def _ever_stored(self, at_least: int) -> npt.NDArray[np.int64]:
        alertable, area = sorted(ALERTABLE.values()), self.side * self.side
        parts = [o.positions[(o.values >= at_least) & np.isin(o.positions // area, alertable)] for group in self.looks for o in group]
        return np.unique(np.concatenate(parts))

    def _seen_in(
        self, group: Sequence[Observation], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
    ) -> tuple[Flags, npt.NDArray[np.float32]]:
        clear, probability = np.zeros(len(rows), bool), np.zeros(len(rows), np.float32)
        for o in group:
            fresh = (o.sky_at(rows, columns) == SkyClass.CLEAR) & ~clear
            probability[fresh] = o.values_at(self.positions)[fresh] / np.float32(255)
            clear |= fresh
        return clear, probability


def same(a: TileState, b: TileState) -> bool:
    arrays = [f.name for f in fields(TileState) if f.name not in ("resolution_m", "side", "looks")]
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in arrays)


def timed(work: Callable[[], Any]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def measure(share: float, number: int, repeat: int) -> dict[str, Any]:
    seen = scenes(share, number)
    observations = [observed(n, *look) for n, look in enumerate(seen)]
    contents = [blob(n, *look) for n, look in enumerate(seen)]
    state, square = fold(observations), tile_square(TILE)
    assert same(state, EveryEntry(observations, FoldPolicy()).run()), "both folds come to the same bits"
    found = changes(state, square)
    work: dict[str, Callable[[], Any]] = {
        "ours": lambda: fold(observations),
        "every entry in every look": lambda: EveryEntry(observations, FoldPolicy()).run(),
        "reading the blobs": lambda: [read(content) for content in contents],
        "changes": lambda: changes(state, square),
        "inventory": lambda: inventory(state, square),
        "changes when there are none": lambda: changes(fold(observations[:1]), square),
    }
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeat):
        for name, task in work.items():
            times[name].append(timed(task))
    ms = {name: round(1000 * median(values), 2) for name, values in times.items()}
    pixels = len(np.unique(state.positions % SIDE**2)) / SIDE**2
    return {
        "name": f"refold of {number} observations, {100 * pixels:.1f} % of pixels ever stored", "n": repeat,
        "entries": len(state.positions), "changes": len(found), "ms": ms, "ratio": round(ms["every entry in every look"] / ms["ours"], 1),
        "versions": {name: version(name) for name in ("numpy", "scipy", "rasterio")},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--observations", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for share in (0.01, 0.1):
        figures = measure(share, given.observations, given.repeat)
        print(json.dumps(figures) if given.json else "; ".join(f"{name}: {value}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
