"""`jagawana evaluate --dataset`: score a folder, and write the figures for programs and a page for people."""

import json
import os
from pathlib import Path

from jagawana.services.evaluation.dataset.looking import Looker
from jagawana.services.evaluation.dataset.page import page
from jagawana.services.evaluation.dataset.scores import DatasetScore, Progress, score_folder
from jagawana.services.labelled.tables import mask_values
from jagawana.services.settings import Settings

FIGURES, PAGE = "evaluation.json", "evaluation.html"


def evaluate_dataset(folder: Path, out: Path, settings: Settings, *, progress: Progress | None = None) -> DatasetScore:
    """Score a folder of images and masks; writes evaluation.json and evaluation.html into `out`, each whole or not at all.

    Raises:
        DataError: the first file that cannot be scored, with what to do about it.
    """
    looker = Looker(settings, mask_values(folder))
    score = score_folder(folder, looker, progress=progress)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / FIGURES, json.dumps({"dataset": str(folder)} | score.as_dict(), indent=1, ensure_ascii=False) + "\n")
    _write(out / PAGE, page(score, looker, title=folder.resolve().name))
    return score


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
