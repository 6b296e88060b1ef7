"""The model card as a page, for people."""

from jagawana.detectors.model_card import Evaluation, ModelCard, Ratio


def page(card: ModelCard) -> str:
    """The card as Markdown; generated, never edited."""
    chapters = (
        ("Test blocks", card.test),
        ("Spectral baseline, same test blocks", card.baseline),
        ("Simulated chips, unseen seeds", card.simulated),
    )
    figures = [_chapter(title, evaluation) for title, evaluation in chapters if evaluation]
    return "\n".join([_head(card), _provenance(card), *figures])


def _head(card: ModelCard) -> str:
    reads = f"{', '.join(card.bands)} as surface reflectance at {card.min_resolution_m:g} to {card.max_resolution_m:g} m"
    limits = "\n".join(f"* {limit}" for limit in card.limits)
    return f"""# Model card: {card.model_id} version {card.version}

U-Net, base {card.architecture.base}, {card.architecture.poolings} poolings. Reads {reads}.
Tells apart {", ".join(card.classes)}.
Weights SHA-256 `{card.sha256}`. Made by `{card.command}` (seed {card.seed}).

## What it cannot do

{limits}
"""


def _provenance(card: ModelCard) -> str:
    sources = "\n".join(f"| {s.name} | {s.images} | {s.licence} | {s.remarks} |" for s in card.sources)
    split = card.split
    counts = f"Training {len(split.training_blocks)} blocks, calibration {len(split.calibration_blocks)}, test {len(split.test_blocks)}"
    return f"""## Trained on

| source | images | licence | remarks |
|---|---|---|---|
{sources}

{split.method} {counts} ({", ".join(split.test_blocks) or "none"}).
Probabilities: logits divided by {card.temperature:g}; {"calibrated" if card.calibrated else "not calibrated"}.
"""


def _chapter(title: str, of: Evaluation) -> str:
    rows = "\n".join(f"| {c.land_class} | {said(c.iou)} | {said(c.precision)} | {said(c.recall)} | {c.recall.n} |" for c in of.classes)
    alarm, found = of.images_without_mining_called, of.mining_images_found
    precision, recall, quiet = of.event_precision, of.event_recall, of.unchanged_pairs_with_event
    return f"""## {title}

{of.data} {of.images} images; brackets: 95 % from resampling blocks.

| class | IoU | precision | recall | labelled px |
|---|---|---|---|---|
{rows}

* mean IoU over the classes present: {of.mean_iou}
* roads within 2 px: precision {said(of.road_precision_2px)}, recall {said(of.road_recall_2px)}
* images without mining, called mining (10 px or more): {said(alarm)} of {alarm.n}
* images with mining, found: {said(found)} of {found.n}
* new mining of 0.3 ha or more between two dates: precision {said(precision)} of {precision.n}, recall {said(recall)} of {recall.n}
* unchanged pairs with such an event called: {said(quiet)} of {quiet.n}
* expected calibration error of the mining probability: {of.calibration_error}
"""


def said(value: Ratio) -> str:
    """`0.68 [0.60–0.75]`, or a dash where there was nothing to count."""
    return "–" if value.share is None else f"{value.share:.2f} [{value.low:.2f}–{value.high:.2f}]"
