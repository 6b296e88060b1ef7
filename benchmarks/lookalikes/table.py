"""What is called mining and is none, by kind of place: python benchmarks/lookalikes/table.py --data DIR --calls s2.calls.npz …

Kinds come from the interpreters' notes (kinds.csv beside this file); rows below them are of places whose note names the thing, whatever
their kind. `series.py` has a row for a series without any mining. `--calls` is what `jagawana train` wrote: every place called by a
network that had not seen its block. `--before CARD.json` adds an older network on the blocks it had not seen, and the same blocks alone.
"""

import argparse
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jagawana.detectors.classes import NOT_OBSERVED, LandClass
from jagawana.detectors.decision import LIKELIEST, decided
from jagawana.detectors.inference.choosing import choose
from jagawana.detectors.inference.detector import UNetDetector
from jagawana.detectors.model_card import ModelCard, read_card
from jagawana.detectors.training.labels import Pairs
from jagawana.services.training.amazon_pairs import LABELS, read_amazon_pairs

KM2 = 1e-4
"""Of a pixel of 10 m."""
KINDS = {
    "river": "rivers, sandbars, rapids, streams",
    "lake": "lakes and reservoirs, drawdown shores",
    "ponds": "fish, treatment and farm ponds",
    "field": "fields, pasture, clearings, roads",
    "settlement": "villages, towns, plants, quarries",
    "rock": "bare rock, sand, slides",
    "cloud": "thin cloud, haze, shadow",
    "forest": "forest",
}
NOTED = {"slides named in the note": "slide", "cloud, haze or smoke named in the note": "cloud|haz[ey]|veil|smoke"}
Classes = npt.NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds s2_amazon_pairs and s2_amazon_labels")
    parser.add_argument("--calls", type=Path, required=True)
    parser.add_argument("--before", type=Path, help="card of an older network, its weights beside it")
    given = parser.parse_args()
    pairs, kind = read_amazon_pairs(given.data), kinds_of(given.data)
    with np.load(given.calls) as stored:
        calls = stored["classes"]
    columns = {"now": (calls, np.ones(len(pairs), bool))}
    if given.before:
        card = read_card(given.before.read_bytes(), name=given.before.name)
        unseen = np.isin(pairs.block, [block for fold in card.split.folds for block in fold])
        columns = {"before": (called_by(card, given.before, pairs), unseen), "now, same places": (calls, unseen)} | columns
    for line in table(pairs, kind, notes_of(given.data), columns):
        print(line)


def kinds_of(data: Path) -> npt.NDArray[np.str_]:
    """The kind of each pair, in the order of read_amazon_pairs; empty where both dates show mining."""
    with (Path(__file__).parent / "kinds.csv").open(encoding="utf-8", newline="") as file:
        kind = {row["sample_id"]: row["kind"] for row in csv.DictReader(file)}
    with np.load(data / LABELS / "labels.npz", allow_pickle=False) as hand:
        return np.array([kind.get(str(name), "") for name in hand["sample_id"]])


def notes_of(data: Path) -> list[str]:
    """What the interpreters wrote of each pair, in the order of read_amazon_pairs."""
    with np.load(data / LABELS / "labels.npz", allow_pickle=False) as hand:
        return [str(note) for note in hand["note"]]


def called_by(card: ModelCard, path: Path, pairs: Pairs) -> Classes:
    """uint8 (N, 2, S, S): the classes an older network calls."""
    detector = UNetDetector.from_weights(
        path.with_suffix(".safetensors").read_bytes(), card, choose("cpu", "fp32", "auto")[0], precision="fp32"
    )
    images = pairs.with_bands(card.bands).places().images()
    decision = card.decision.decision if card.decision else LIKELIEST
    found = []
    for picture in images.reflectance:
        seen = np.isfinite(picture).all(axis=0)
        found.append(decided(detector(np.nan_to_num(picture), seen), seen, decision))
    return np.stack(found).reshape(len(pairs), 2, *images.labels.shape[1:])


def table(
    pairs: Pairs, kind: npt.NDArray[np.str_], notes: list[str], columns: dict[str, tuple[Classes, npt.NDArray[np.bool_]]]
) -> Iterator[str]:
    """Markdown: false mining pixels per 1,000 km² of labelled ground without mining, and images called of images."""
    yield "| kind of place | " + " | ".join(f"{name}: px per 1,000 km² (images called / images)" for name in columns) + " |"
    yield "|---" * (1 + len(columns)) + "|"
    truth = pairs.places().labels
    free = ~(truth == LandClass.MINING).any(axis=(2, 3)) & (truth != NOT_OBSERVED).any(axis=(2, 3))
    rows = {words: kind == name for name, words in KINDS.items()} | {"all": np.ones(len(pairs), bool)}
    rows |= {words: np.array([bool(re.search(named, note, re.IGNORECASE)) for note in notes]) for words, named in NOTED.items()}
    for words, of_row in rows.items():
        cells = (cell(truth, calls, free & (on & of_row)[:, None]) for calls, on in columns.values())
        yield f"| {words} | " + " | ".join(cells) + " |"


def cell(truth: Classes, calls: Classes, where: npt.NDArray[np.bool_]) -> str:
    """One kind under one network; `where` is bool (N, 2)."""
    if not where.any():
        return "–"
    false = ((calls == LandClass.MINING) & (truth != NOT_OBSERVED))[where].sum(axis=(1, 2))
    area = (truth != NOT_OBSERVED)[where].sum() * KM2
    return f"{1000 * false.sum() / area:,.0f} ({int((false >= 10).sum())} / {len(false)})"


if __name__ == "__main__":
    main()
