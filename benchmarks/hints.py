"""What the hints tell apart, on real places: python benchmarks/hints.py --data ../shared/data --folds DIR [--model s2]

Values of `detectors/hints` of the 403 labelled pairs at their second date, from 0.3 ha of labelled mining on: industrial places (within
1.5 km of Amazon Mining Watch's points of industrial ground) against all others, most of which are informal gold mining. Twice: with the
labels as mask, and with the calls of networks that had not seen the place's block, which is what an alert is made of. `--folds` holds a
folder for each of these networks with its card and weights (`jagawana train` makes them). Water is what the network stores of it (0.10 and
more), colours are read back from the quicklook, as in alerts, unless the row says otherwise. AUC: share of pairs in which the industrial
place has the higher value; brackets: 95 % from resampling blocks. A value may lean only where both intervals leave out 0.5.

Then the outlines alone: hand-drawn artisanal and placer diggings against mining polygons of all kinds, both on a 10 m grid.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio.features
import shapely
from affine import Affine

from jagawana.detectors.classes import LandClass
from jagawana.detectors.decision import LIKELIEST, decided
from jagawana.detectors.grid import reproject, utm_epsg
from jagawana.detectors.hints.colour import LEAST_HA
from jagawana.detectors.hints.ground import Ground
from jagawana.detectors.hints.hints import hints_of, values_of
from jagawana.detectors.hints.leaning import READINGS
from jagawana.detectors.hints.outline import outline
from jagawana.detectors.history import FLOOR
from jagawana.detectors.inference.choosing import choose
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.model_card import Ratio, read_card
from jagawana.detectors.quicklook import quicklook, read_quicklook, reflectance
from jagawana.detectors.scoring.intervals import auc
from jagawana.detectors.training.labels import Pairs
from jagawana.schemas.hints import HintName, Leaning
from jagawana.services.training.amazon_pairs import LABELS, PAIRS, read_amazon_pairs

PIXEL_M, NEAR_M, LEAST_PX = 10.0, 1500.0, 30
INDUSTRIAL = ("industrial_negatives2025-08", "industrial_negatives_possgold2025-08")
"""The second file is of industrial ground that may also be gold mining."""
EQUAL_AREA = 6933
OUTLINES = "vectors/mining_polygons_sample/mining_polygons_sample.gpkg"
Flags = npt.NDArray[np.bool_]
Values = dict[str, float]


@dataclass(frozen=True)
class Calls:
    """Of all pairs, (N, 2, S, S): mining called, and water that is stored."""

    mining: Flags
    water: Flags


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of all data sets")
    parser.add_argument("--folds", type=Path, required=True, help="holds DIR/<fold>/<model>.json and .safetensors")
    parser.add_argument("--model", default="s2")
    given = parser.parse_args()
    pairs, (industrial, maybe_gold) = read_amazon_pairs(given.data), industrial_places(given.data)
    calls = called(given.folds, given.model, pairs)
    labelled = pairs.after.labels == LandClass.MINING
    enough = labelled.sum(axis=(1, 2)) >= LEAST_PX
    masks = {"labels": (labelled, pairs.before.labels == LandClass.MINING), "calls": (calls.mining[:, 1], calls.mining[:, 0])}
    tables = {name: table_of(pairs, now, before, calls.water[:, 1], enough) for name, (now, before) in masks.items()}
    block = np.array(pairs.block)
    print(*rows(tables, industrial, block), sep="\n")
    print("\nWithout the places that may be gold mining:\n")
    print(*rows({name: table[~maybe_gold[table.index]] for name, table in tables.items()}, industrial, block), sep="\n")
    print("\n" + "\n".join(leaning(pairs, calls, enough)))
    print("\n" + "\n".join(outlines(given.data / OUTLINES)))


def industrial_places(data: Path) -> tuple[Flags, Flags]:
    """Which labelled pairs lie near industrial ground, and near such as may be gold mining."""
    places = pd.read_csv(data / PAIRS / "pairs.csv").set_index("sample_id")
    with np.load(data / LABELS / "labels.npz", allow_pickle=False) as hand:
        places = places.loc[[str(name) for name in hand["sample_id"]]]
    here = geopandas.GeoSeries.from_xy(places.lon, places.lat, crs=4326).to_crs(EQUAL_AREA)
    folder = data / "amazon_mining_watch" / "sampling_locations"
    points = [geopandas.read_file(folder / f"{name}.geojson").to_crs(EQUAL_AREA).union_all() for name in INDUSTRIAL]
    near = [here.distance(of).to_numpy() < NEAR_M for of in points]
    return near[0] | near[1], near[1]


def called(folds: Path, model: str, pairs: Pairs) -> Calls:
    """Every place by the network that had not seen its block.

    Raises:
        SystemExit: the networks left some block to nobody.
    """
    shape = (len(pairs), 2, *pairs.after.labels.shape[1:])
    found, done = Calls(np.zeros(shape, bool), np.zeros(shape, bool)), np.zeros(len(pairs), bool)
    for path in sorted(folds.glob(f"*/{model}.json")):
        card = read_card(path.read_bytes(), name=path.name)
        weights = path.with_suffix(".safetensors").read_bytes()
        detector = UNetDetector.from_weights(weights, card, choose("cpu", "fp32", "auto")[0], precision="fp32")
        decision = card.decision.decision if card.decision else LIKELIEST
        chosen, mine = pairs.with_bands(card.bands), np.isin(pairs.block, [b for fold in card.split.folds for b in fold])
        for i in np.flatnonzero(mine):
            for date, images in enumerate((chosen.before, chosen.after)):
                seen = np.isfinite(images.reflectance[i]).all(axis=0)
                probabilities = detector(np.nan_to_num(images.reflectance[i]), seen)
                found.mining[i, date] = decided(probabilities, seen, decision) == LandClass.MINING
                found.water[i, date] = np.rint(probabilities[LandClass.WATER] * 255) >= FLOOR
        done |= mine
    if not done.all():
        raise SystemExit(f"{folds} has no network for {sorted(set(np.array(pairs.block)[~done]))}; give the folder of all folds")
    return found


def ground_of(pairs: Pairs, i: int, now: Flags, before: Flags, water: Flags) -> Ground:
    """A place at its second date as an alert has it: colours through the quicklook."""
    blue, green, red = pairs.after.reflectance[i, :3]
    colours = reflectance(read_quicklook(quicklook(np.stack([red, green, blue])))).transpose(2, 0, 1)
    new = now & ~before
    front = new if np.count_nonzero(new) * PIXEL_M**2 * 1e-4 >= LEAST_HA - 1e-9 else now
    return Ground(PIXEL_M, now, water, front, np.where(np.isfinite(red), colours, np.nan))


def table_of(pairs: Pairs, now: Flags, before: Flags, water: Flags, enough: Flags) -> pd.DataFrame:
    """A row for each place with enough mining, a column for each value; NaN where a value cannot be said."""
    which = [int(i) for i in np.flatnonzero(enough & (now.sum(axis=(1, 2)) >= LEAST_PX))]
    return pd.DataFrame([all_values(pairs, i, ground_of(pairs, i, now[i], before[i], water[i])) for i in which], index=which)


def all_values(pairs: Pairs, i: int, ground: Ground) -> Values:
    """The hints, and beside them ponds by SWIR and colours by the bands themselves."""
    blue, green, red, _, swir, _ = pairs.after.reflectance[i]
    swir_ground = replace(ground, water=(green > swir) & ground.mining)
    band_ground = replace(ground, colours=np.stack([red, green, blue]))
    ponds = (HintName.PONDS_PER_KM2, HintName.POND_SHARE, HintName.POND_HA)
    colours = (HintName.REDNESS, HintName.BRIGHTNESS, HintName.DARK_SHARE)
    hints: Values = {str(name): value for name, value in values_of(ground).items()}
    hints |= {f"{name}, MNDWI > 0 (needs B11)": values_of(swir_ground).get(name, np.nan) for name in ponds}
    return hints | {f"{name}, from the bands": values_of(band_ground).get(name, np.nan) for name in colours}


def rows(tables: dict[str, pd.DataFrame], industrial: Flags, block: npt.NDArray[np.str_]) -> Iterator[str]:
    """Markdown: medians of industrial and other places and the AUC, with each mask; and whether both intervals leave out 0.5."""
    yield "| value | " + " | ".join(f"{name}: industrial, other | AUC (n)" for name in tables) + " | holds |"
    yield "|---" * (2 + 2 * len(tables)) + "|"
    names = [str(name) for name in READINGS]
    columns = {c for table in tables.values() for c in table}
    for column in sorted(columns, key=lambda c: (c not in names, names.index(c.split(",")[0]))):
        cells, held = [], []
        for table in tables.values():
            told = table[column].dropna()
            high = industrial[told.index]
            score = auc(told.to_numpy(), high, list(block[told.index]))
            cells.append(f"{told[high].median():.3g}, {told[~high].median():.3g} | {said(score)} ({high.sum()}, {(~high).sum()})")
            held.append(leaves_out_half(score))
        yield f"| {column} | " + " | ".join(cells) + f" | {'yes' if all(held) else 'no'} |"


def said(of: Ratio) -> str:
    return "–" if of.share is None else f"{of.share:.2f} [{of.low:.2f}–{of.high:.2f}]"


def leaves_out_half(of: Ratio) -> bool:
    return of.low is not None and of.high is not None and not of.low <= 0.5 <= of.high


def leaning(pairs: Pairs, calls: Calls, enough: Flags) -> Iterator[str]:
    """How often the calls of these places, where nobody mines coal or laterite as far as is known, lean all the same."""
    which = np.flatnonzero(enough & (calls.mining[:, 1].sum(axis=(1, 2)) >= LEAST_PX))
    hints = [hints_of(ground_of(pairs, i, calls.mining[i, 1], calls.mining[i, 0], calls.water[i, 1])) for i in which]
    for name in (name for name, reading in READINGS.items() if reading.threshold is not None):
        told = [h for of in hints for h in of if h.name is name]
        high = sorted(h.value for h in told)
        leans = sum(h.leaning is not Leaning.NONE for h in told)
        yield (
            f"{name}: {leans} of {len(told)} places lean at {READINGS[name].threshold}; median {np.median(high):.2f}, "
            f"95 of 100 below {np.quantile(high, 0.95):.2f}; {len(which) - len(told)} places without a value"
        )


def outlines(path: Path) -> Iterator[str]:
    """Markdown: values of outlines, hand-drawn artisanal and placer diggings against mining of all kinds; blocks are multipolygons."""
    kinds = {"artisanal or placer": "annotated_artisanal_or_placer", "all kinds": "tropics_2019_demo"}
    drawn = {kind: list(outline_values(geopandas.read_file(path, layer=layer).geometry)) for kind, layer in kinds.items()}
    artisanal, mixed = drawn.values()
    yield f"| outline | {' | '.join(f'{kind} (n {len(of)})' for kind, of in drawn.items())} | AUC |"
    yield "|---|---|---|---|"
    block = [f"a{n}" for n, _ in artisanal] + [f"m{n}" for n, _ in mixed]
    for name in artisanal[0][1]:
        value = np.array([v[name] for of in drawn.values() for _, v in of])
        first = np.arange(len(value)) < len(artisanal)
        yield f"| {name} | {np.median(value[first]):.2f} | {np.median(value[~first]):.2f} | {said(auc(value, first, block))} |"


def outline_values(shapes: Sequence[shapely.Geometry]) -> Iterator[tuple[int, dict[HintName, float]]]:
    """Every part large enough, rasterised at 10 m, with the number of its multipolygon."""
    for number, shape in enumerate(shapes):
        for part in shapely.get_parts(reproject(shape, 4326, utm_epsg(shape.centroid.x, shape.centroid.y))):
            west, south, east, north = part.bounds
            size = int((north - south) / PIXEL_M) + 6, int((east - west) / PIXEL_M) + 6
            grid = Affine(PIXEL_M, 0, west - 3 * PIXEL_M, 0, -PIXEL_M, north + 3 * PIXEL_M)
            mask = rasterio.features.rasterize([(part, 1)], out_shape=size, transform=grid).astype(bool)
            if values := outline(Ground(PIXEL_M, mask, np.zeros_like(mask), mask)):
                yield number, values


if __name__ == "__main__":
    main()
