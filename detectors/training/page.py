"""The model card as a page, for people."""

from collections.abc import Iterator

from jagawana.detectors.model_card import Evaluation, ModelCard, Ratio, TrainingSource


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

Look-alikes by kind of place, and the worst calls as pictures: [docs/detector.md](../../docs/detector.md).
"""


def _provenance(card: ModelCard) -> str:
    sources = "\n".join(f"| {s.name} | {s.images} | {_terms(s)} | {s.remarks} |" for s in card.sources)
    folds = "\n".join(f"* fold {n}: {', '.join(blocks)}" for n, blocks in enumerate(card.split.folds, 1))
    return f"""## Trained on

| source | images | licence | remarks |
|---|---|---|---|
{sources}

{card.split.method}

{folds}

Probabilities: logits divided by {card.temperature:g}; {"calibrated" if card.calibrated else "not calibrated"}.
"""


def _terms(source: TrainingSource) -> str:
    """Licence, and what else is known of the right to use and pass on."""
    parts = [source.licence]
    if source.attribution is not None:
        parts.append(f"attribution: {source.attribution}")
    if source.redistribution is not None:
        parts.append("may be passed on" if source.redistribution else "not to be passed on")
    return "; ".join(parts)


def _chapter(title: str, of: Evaluation) -> str:
    rows = "\n".join(
        f"| {c.land_class} | {said(c.iou)} | {said(c.f1)} | {said(c.precision)} | {said(c.recall)} | {c.recall.n} |" for c in of.classes
    )
    alarm, found = of.images_without_mining_called, of.mining_images_found
    head = f"""## {title}

{of.data} {of.images} images; brackets: 95 % from resampling blocks.

| class | IoU | F1 | precision | recall | labelled px |
|---|---|---|---|---|---|
{rows}

* mean IoU over the classes present: {of.mean_iou}
* roads within 2 px, by pixels: precision {said(of.road_precision_2px)}, recall {said(of.road_recall_2px)}
* roads within 2 px, by length of centre-line: correctness {said(of.road_correctness)}, completeness {said(of.road_completeness)}
* images without mining, called mining (0.1 ha or more): {said(alarm)} of {alarm.n}
* images with mining, found: {said(found)} of {found.n}
* expected calibration error of the mining probability: {of.calibration_error}"""
    return "\n".join([head, *_change(of), "", *_reliability(of), *_blocks(of)])


def _change(of: Evaluation) -> Iterator[str]:
    """Between the two dates of a pair; nothing where there are none."""
    if not (of.pairs or of.unchanged_pairs_with_event.n):
        return
    yield f"* new mining of 0.3 ha or more in a pair: {_both(of.event_precision, of.event_recall)}"
    yield f"* new mining, connected pieces of 0.3 ha or more: {_both(of.patch_precision, of.patch_recall)}"
    yield (
        f"* new mining by pixels: IoU {said(of.new_mining_iou)}, precision {said(of.new_mining_precision)}, "
        f"recall {said(of.new_mining_recall)}"
    )
    yield f"* unchanged pairs with new mining of 0.3 ha called: {_share(of.unchanged_pairs_with_event)}"
    yield f"* new roads of 200 m or more in a pair: {_both(of.road_event_precision, of.road_event_recall)}"
    yield (
        f"* new roads within 2 px: precision {said(of.new_road_precision_2px)}, recall {said(of.new_road_recall_2px)}; by length: "
        f"correctness {said(of.new_road_correctness)}, completeness {said(of.new_road_completeness)}"
    )
    yield f"* unchanged pairs with a new road called: {_share(of.unchanged_pairs_with_road_event)}"
    yield f"* pixels labelled alike at both dates, called differently: {_share(of.flipped)}"


def _reliability(of: Evaluation) -> Iterator[str]:
    if of.reliability:
        yield "| said: mining with | truly mining | px |\n|---|---|---|"
        yield from (f"| {b.probability:.2f} | {b.frequency:.2f} | {b.n} |" for b in of.reliability)
        yield ""


def _blocks(of: Evaluation) -> Iterator[str]:
    if of.blocks:
        yield "| block | images | mining IoU | precision | recall | roads complete | correct | false images | events right | found |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
    for b in of.blocks:
        shares = (
            b.mining_iou, b.mining_precision, b.mining_recall, b.road_completeness, b.road_correctness, b.images_without_mining_called,
            b.event_precision, b.event_recall,
        )  # fmt: skip
        yield f"| {b.block} | {b.images} | {' | '.join(said(s) for s in shares)} |"
    if of.blocks:
        yield ""


def _both(precision: Ratio, recall: Ratio) -> str:
    return f"precision {_share(precision)}, recall {_share(recall)}"


def _share(value: Ratio) -> str:
    return f"{said(value)} of {value.n}"


def said(value: Ratio) -> str:
    """`0.68 [0.60–0.75]`, without brackets where there is one block, or a dash where there was nothing to count."""
    if value.share is None:
        return "–"
    return f"{value.share:.2f}" if value.low is None else f"{value.share:.2f} [{value.low:.2f}–{value.high:.2f}]"
