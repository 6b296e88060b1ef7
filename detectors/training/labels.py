"""Labelled images: single ones, pairs of dates, and places to vary; all of one size."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jagawana.detectors.model_card import TrainingSource
from jagawana.schemas.errors import DataError, ErrorCode

Flags = npt.NDArray[np.bool_]
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
"""What labelled pairs carry; a network reads some of them."""


@dataclass(frozen=True)
class Images:
    """Labelled images: `reflectance` float32 (N, B, H, W), 0..1, NaN where nothing was seen; `labels` uint8 (N, H, W), LandClass or 255."""

    reflectance: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Places:
    """The same ground at D dates: `reflectance` float32 (N, D, B, S, S), `labels` uint8 (N, D, S, S)."""

    reflectance: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def picked(self, index: Sequence[int]) -> "Places":
        """Some of them, in this order."""
        return Places(self.reflectance[index], self.labels[index])

    def images(self) -> Images:
        """All dates of the first place, then all of the second, and so on."""
        return Images(self.reflectance.reshape(-1, *self.reflectance.shape[2:]), self.labels.reshape(-1, *self.labels.shape[2:]))


def seen_once(images: Images) -> Places:
    """Each image as a place of one date."""
    return Places(images.reflectance[:, None], images.labels[:, None])


@dataclass(frozen=True)
class Pairs:
    """The same places at two dates. `before` and `after` in one order with `block` and `unchanged`; band order as in `bands`."""

    before: Images
    after: Images
    block: tuple[str, ...]
    unchanged: Flags
    bands: tuple[str, ...] = BANDS
    sources: tuple[TrainingSource, ...] = ()

    def __len__(self) -> int:
        return len(self.block)

    def within(self, blocks: frozenset[str]) -> "Pairs":
        """The pairs inside these blocks."""
        return self.where(np.array([b in blocks for b in self.block], dtype=bool))

    def where(self, keep: Flags) -> "Pairs":
        """The pairs that are kept."""
        before, after = (Images(i.reflectance[keep], i.labels[keep]) for i in (self.before, self.after))
        block = tuple(b for b, kept in zip(self.block, keep, strict=True) if kept)
        return Pairs(before, after, block, self.unchanged[keep], self.bands, self.sources)

    def with_bands(self, bands: tuple[str, ...]) -> "Pairs":
        """Only these bands, by STAC common name.

        Raises:
            DataError: BANDS_MISSING.
        """
        if missing := [b for b in bands if b not in self.bands]:
            raise DataError(
                ErrorCode.BANDS_MISSING, f"the labelled images have {', '.join(self.bands)}; {', '.join(missing)} is wanted too"
            )
        index = [self.bands.index(b) for b in bands]
        before, after = (Images(i.reflectance[:, index], i.labels) for i in (self.before, self.after))
        return Pairs(before, after, self.block, self.unchanged, bands, self.sources)

    def places(self) -> Places:
        """Both dates side by side."""
        reflectance = np.stack([self.before.reflectance, self.after.reflectance], axis=1)
        return Places(reflectance, np.stack([self.before.labels, self.after.labels], axis=1))


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Pairs of several sources, which share their bands and size."""
    before, after = (
        Images(np.concatenate([i.reflectance for i in date]), np.concatenate([i.labels for i in date]))
        for date in ([p.before for p in parts], [p.after for p in parts])
    )
    block = tuple(b for p in parts for b in p.block)
    sources = tuple(s for p in parts for s in p.sources)
    return Pairs(before, after, block, np.concatenate([p.unchanged for p in parts]), parts[0].bands, sources)
