"""The evaluation as one self-contained HTML page: figures, and pictures of the best and the worst. It runs no script."""

from collections.abc import Callable
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from jagawana.detectors.classes import LandClass
from jagawana.detectors.model_card import Evaluation, Ratio
from jagawana.detectors.training.page import said
from jagawana.services.evaluation.dataset.looking import Looker
from jagawana.services.evaluation.dataset.pictures import UNSURE, choose, css_colour, triptych, visible
from jagawana.services.evaluation.dataset.scores import DatasetScore

Rows = tuple[tuple[str, Ratio, str], ...]
"""What is measured, the share, and what it is a share of."""


def page(score: DatasetScore, looker: Looker, *, title: str) -> str:
    """The page. Names from outside are escaped; pictures travel inside as data.

    Args:
        score: of the folder.
        looker: that made it; it looks again at the images that are shown.
        title: the folder's name.
    """
    chosen = choose(score.images)
    shown = {kind: [triptych(s, looker) for s in getattr(chosen, kind)] for kind in ("best", "worst", "false")}
    template = _environment().from_string(
        (files("jagawana.services.evaluation.dataset") / "templates" / "evaluation.html.j2").read_text("utf-8")
    )
    return template.render(
        title=title,
        score=score,
        of=score.evaluation,
        css=Markup((files("jagawana.services.web") / "templates" / "report.css").read_text("utf-8")),
        roads=road_rows(score.evaluation),
        change=change_rows(score.evaluation),
        whole=image_rows(score.evaluation),
        classes=[c.name.lower() for c in LandClass],
        colours=[(c.name.lower(), css_colour(c)) for c in LandClass] + [("unsure", "#" + "".join(f"{v:02x}" for v in UNSURE))],
        shown=shown,
    )


def image_rows(of: Evaluation) -> Rows:
    """Whole images."""
    return (
        ("images with mining (0.1 ha), found", of.mining_images_found, "images"),
        ("images without mining, called mining (0.1 ha)", of.images_without_mining_called, "images"),
    )


def road_rows(of: Evaluation) -> Rows:
    """Roads within 2 px."""
    return (
        ("roads within 2 px: completeness, by length", of.road_completeness, "m labelled"),
        ("roads within 2 px: correctness, by length", of.road_correctness, "m called"),
        ("roads within 2 px: recall, by pixels", of.road_recall_2px, "px labelled"),
        ("roads within 2 px: precision, by pixels", of.road_precision_2px, "px called"),
    )


def change_rows(of: Evaluation) -> Rows:
    """Between the two dates of pairs; none without pairs."""
    if not of.pairs:
        return ()
    return (
        ("new mining, 0.3 ha in a pair: precision", of.event_precision, "pairs called"),
        ("new mining, 0.3 ha in a pair: recall", of.event_recall, "pairs"),
        ("new mining, pieces of 0.3 ha: precision", of.patch_precision, "pieces called"),
        ("new mining, pieces of 0.3 ha: recall", of.patch_recall, "pieces"),
        ("new mining, by pixels: precision", of.new_mining_precision, "px called"),
        ("new mining, by pixels: recall", of.new_mining_recall, "px"),
        ("new mining, by pixels: IoU", of.new_mining_iou, "px"),
        ("unchanged pairs that raise new mining", of.unchanged_pairs_with_event, "pairs"),
        ("new road, 200 m in a pair: precision", of.road_event_precision, "pairs called"),
        ("new road, 200 m in a pair: recall", of.road_event_recall, "pairs"),
        ("new road, correctness by length", of.new_road_correctness, "m called"),
        ("new road, completeness by length", of.new_road_completeness, "m"),
        ("unchanged pairs that raise a new road", of.unchanged_pairs_with_road_event, "pairs"),
        ("labelled alike at both dates, called differently", of.flipped, "px"),
    )


def _environment() -> Environment:
    env = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    more: dict[str, Callable[..., str]] = {
        "name": visible,
        "said": said,
        "count": lambda n: f"{n:,}",
        "percent": lambda v: f"{100 * v:.0f} %",
    }
    env.filters |= more
    return env
