"""The check at start: one made-up window whose answer is in the model card."""

import numpy as np

from jagawana.detectors.detector import Mask, Probabilities, Reflectance
from jagawana.detectors.model_card import KnownAnswer, ModelCard, Normalisation
from jagawana.schemas.errors import DataError, ErrorCode

MIN_AGREEMENT = 0.99
"""Share of pixels that must get the class they got in training; bf16 and other processors move a few at borders."""
MAX_DIFFERENCE = 0.02
"""Of a kept probability; measured on bf16 against fp32: see docs/detector.md."""
MIN_MARGIN = 0.1
"""Between the two likeliest classes; closer decisions are not compared."""
UNDECIDED = "-"
SIZE_PX = 64


def known_window(card: ModelCard) -> tuple[Reflectance, Mask]:
    """The window of a card: float32 (B, size, size) and bool (size, size)."""
    return window_of(card.known_answer.seed, card.known_answer.size_px, card.normalisation)


def window_of(seed: int, size_px: int, normalisation: Normalisation) -> tuple[Reflectance, Mask]:
    """Broad waves around the mean of every band, in steps of eighths so that no rounding differs between machines; one corner unseen.

    Waves of triangles, not of sines: exact in any arithmetic.
    """
    rows, columns = np.mgrid[0:size_px, 0:size_px]
    layers = []
    for band, (mean, std) in enumerate(zip(normalisation.mean, normalisation.std, strict=True)):
        phase = (rows * (1 + (seed + band) % 3) + columns * (1 + (seed // 3 + band // 2) % 4) + 11 * band * (seed % 7)) % 64
        layers.append(mean + std * (np.abs(phase - 32) / 8 - 2))
    valid = np.ones((size_px, size_px), bool)
    valid[: size_px // 4, : size_px // 4] = False
    return np.stack(layers).astype(np.float32), valid


def answer_of(probabilities: Probabilities, *, seed: int, every_px: int = 8) -> KnownAnswer:
    """What to keep of an answer: the classes of all clear decisions, and the probabilities of the pixels of a coarse grid."""
    size = probabilities.shape[1]
    pixels = tuple((row, column) for row in range(every_px // 2, size, every_px) for column in range(every_px // 2, size, every_px))
    second, first = np.sort(probabilities, axis=0)[-2:]
    digits = np.where(first - second > MIN_MARGIN, probabilities.argmax(axis=0).astype(str), UNDECIDED)
    return KnownAnswer(
        seed=seed,
        size_px=size,
        classes="".join(digits.ravel()),
        pixels=pixels,
        probabilities=tuple(tuple(round(float(p), 4) for p in probabilities[:, row, column]) for row, column in pixels),
    )


def same_answer(probabilities: Probabilities, card: ModelCard) -> None:
    """Nothing, or the refusal of a network that does not answer as its card says.

    Raises:
        DataError: MODEL_INVALID.
    """
    agreement, difference = likeness(probabilities, card.known_answer)
    if not (agreement >= MIN_AGREEMENT and difference <= MAX_DIFFERENCE):
        raise DataError(
            ErrorCode.MODEL_INVALID,
            f"{card.model_id} fails its known answer on this machine: {agreement:.1%} of classes agree, "
            f"probabilities differ by up to {difference:.3f}; try precision fp32, else install again",
        )


def likeness(probabilities: Probabilities, answer: KnownAnswer) -> tuple[float, float]:
    """Share of the clear decisions that are the same, and the largest difference of a kept probability."""
    expected = np.array(list(answer.classes)).reshape(answer.size_px, answer.size_px)
    clear = expected != UNDECIDED
    agreement = float((probabilities.argmax(axis=0).astype(str) == expected)[clear].mean()) if clear.any() else 0.0
    rows, columns = np.array(answer.pixels).T
    return agreement, float(np.abs(probabilities[:, rows, columns].T - np.array(answer.probabilities)).max())
