"""Which roofs are found, by their size and the pixel's: python benchmarks/hut_sizes.py [--model rgbn] [--worlds 24] [--json]

Simulated worlds of 2 x 2 km, half of them without mining. Roofs stand where the simulation builds some, in camps and villages, 20 m or
more apart; a look is made once for every size of roof, with the same places, turns, covers and noise, and once without any: what is
"found" then is chance. Land and roofs are mixed on the 2.5 m sub-grid by area and averaged to the pixel, so 3, 4 and 5 m see one
ground; "3 on 5" is a 3 m image on the service's grid.

A roof is found when a pixel that it touches is called hut. A connected piece of called huts is right when it touches a roof. Clusters are
joined as in alerts (`detectors/change.py`): one is found when enough pieces lie on its roofs, a called one is right when enough of its
pieces do. One look, no clouds; pieces are of masks as `jagawana detect` writes them. Brackets: 95 % from resampling worlds.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from simulated_roofs import SIZES, VIEWS, Labels, looks

from jagawana.detectors.classes import LandClass
from jagawana.detectors.decision import EIGHT, decided
from jagawana.detectors.detector import Detector
from jagawana.detectors.model_card import Ratio
from jagawana.detectors.scoring.intervals import ratio
from jagawana.detectors.things import MinimumMappingUnit
from jagawana.services.detect.models import load_detector

FEW_ROOFS = 5
"""Clusters up to this are also counted apart: a village is found by its number."""
COLUMNS = (
    "pixel", "roof, m²", "roofs found (n)", "in clusters of 2 to 5", "pieces right (n)", "false pieces per km²", "clusters of 2 to 5 found",
    "clusters of 2 or more found", "right", "of 3 or more found", "right",
)  # fmt: skip
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Counts:
    """Of one look in one view: single roofs, pieces called, clusters of 2 and of 3 roofs."""

    km2: float
    roofs: int
    found: int
    pieces: int
    right: int
    clusters: tuple[int, int]
    clusters_found: tuple[int, int]
    roofs_of_few: int
    found_of_few: int
    small: int
    small_found: int
    clusters_called: tuple[int, int]
    clusters_right: tuple[int, int]


def count(roof: Labels, huts: Flags, pixel_m: int) -> Counts:
    """What is called on one image; `roof` by pixel, 0 for none."""
    reach = max(1, round(MinimumMappingUnit.at(pixel_m).hut_cluster_m / 2 / pixel_m))
    piece, pieces = ndimage.label(huts, EIGHT)
    true_cluster, called_cluster = (ndimage.label(ndimage.maximum_filter(of, 2 * reach + 1), EIGHT)[0] for of in (roof > 0, huts))
    on_roof, at = huts & (roof > 0), roof > 0
    roofs_in = each(roof[at], true_cluster[at])
    hits_in = each(piece[on_roof], true_cluster[on_roof], len(roofs_in))
    pieces_in = each(piece[huts], called_cluster[huts])
    right_in = each(piece[on_roof], called_cluster[on_roof], len(pieces_in))
    few = (roofs_in >= 2) & (roofs_in <= FEW_ROOFS)
    found_in, few_at = each(roof[on_roof], true_cluster[on_roof], len(roofs_in)), np.flatnonzero(few)
    return Counts(
        km2=huts.size * pixel_m**2 / 1e6,
        roofs=len(np.unique(roof[at])),
        found=len(np.unique(roof[on_roof])),
        pieces=pieces,
        right=len(np.unique(piece[on_roof])),
        clusters=enough(roofs_in >= 2, roofs_in >= 3),
        clusters_found=enough((roofs_in >= 2) & (hits_in >= 2), (roofs_in >= 3) & (hits_in >= 3)),
        roofs_of_few=int(roofs_in[few_at].sum()),
        found_of_few=int(found_in[few_at].sum()),
        small=int(few.sum()),
        small_found=int((few & (hits_in >= 2)).sum()),
        clusters_called=enough(pieces_in >= 2, pieces_in >= 3),
        clusters_right=enough(right_in >= 2, right_in >= 3),
    )


def each(thing: Labels, place: Labels, places: int = 0) -> npt.NDArray[np.int64]:
    """How many different things each place holds; place 0 is none."""
    pairs = np.unique(np.stack([place, thing]), axis=1)
    return np.bincount(pairs[0][pairs[0] > 0], minlength=places)


def enough(*of: Flags) -> tuple[int, ...]:
    return tuple(int(flags.sum()) for flags in of)


@dataclass(frozen=True)
class Row:
    """Roofs of one size in one view."""

    view: str
    size: str
    found: Ratio
    found_of_few: Ratio
    right: Ratio
    false_per_km2: float
    small_found: Ratio
    clusters_found: tuple[Ratio, Ratio]
    clusters_right: tuple[Ratio, Ratio]

    def __str__(self) -> str:
        parts = (
            self.found,
            self.found_of_few,
            self.right,
            f"{self.false_per_km2:.1f}",
            self.small_found,
            self.clusters_found[0],
            self.clusters_right[0],
        )
        more = (self.clusters_found[1], self.clusters_right[1])
        return f"| {self.view} m | {self.size} | " + " | ".join(p if isinstance(p, str) else said(p) for p in (*parts, *more)) + " |"


def said(of: Ratio) -> str:
    if of.share is None:
        return "–"
    bracket = f" [{of.low:.2f}–{of.high:.2f}]" if of.low is not None else ""
    return f"{of.share:.2f}{bracket} ({of.n:,})"


def row(view: str, size: str, counts: list[Counts], world: list[str]) -> Row:
    def share(top: str, bottom: str, k: int | None = None) -> Ratio:
        columns = [[getattr(c, name) if k is None else getattr(c, name)[k] for c in counts] for name in (top, bottom)]
        return ratio(np.array(columns[0]), np.array(columns[1]), world)

    false = sum(c.pieces - c.right for c in counts) / sum(c.km2 for c in counts)
    found, right = (
        tuple(share(f"clusters_{of}", whole, k) for k in (0, 1)) for of, whole in (("found", "clusters"), ("right", "clusters_called"))
    )
    return Row(
        view, size, share("found", "roofs"), share("found_of_few", "roofs_of_few"), share("right", "pieces"), round(false, 2),
        share("small_found", "small"), found, right,
    )  # fmt: skip


def measure(detector: Detector, worlds: int) -> list[Row]:
    counts, blocks = defaultdict[tuple[str, str], list[Counts]](list), list[str]()
    for number in range(worlds):
        blocks.append(str(number))
        for seen, view in product(looks(number), VIEWS):
            image, pixel_m = seen.image(view)
            whole = np.ones(image.shape[1:], bool)
            huts = decided(detector(image, whole), whole, detector.spec.decision) == LandClass.HUT
            counts[view, seen.size].append(count(seen.roof_numbers(image.shape[1:], pixel_m), huts, pixel_m))
    return [row(view, size, counts[view, size], blocks) for view, size in product(VIEWS, SIZES)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="rgbn", help="rgbn, or the card of a network of your own")
    parser.add_argument("--worlds", type=int, default=24)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows = measure(load_detector(given.model, device="cpu", precision="fp32"), given.worlds)
    if given.json:
        print(json.dumps([asdict(r) for r in rows], indent=1, default=lambda r: r.model_dump()))
        return
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
