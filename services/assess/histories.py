"""A tile's observations, read back from blobs and folded: one state per model fingerprint, never mixed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
from cachetools import LRUCache

from jagawana.detectors.fold import FoldPolicy, TileState, fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import Observation
from jagawana.detectors.quicklook import read_quicklook
from jagawana.schemas.errors import DataError
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.observation_files import decode
from jagawana.services.store.tables import ObservationRow

KEPT_BYTES = 64 << 20
"""Decoded observations kept for the next scene of their tile: some forty, whatever the size of a scene."""
OBJECT_BYTES = 16 << 10
"""What an observation takes beside its arrays; measured on many small ones, which would else be kept by the ten thousand."""
KEPT_PICTURE_BYTES = 16 << 20
"""Decoded pictures kept while a tile's alerts are made: five of Sentinel-2, one at 5 m."""
Picture = npt.NDArray[np.uint8]
"""uint8 (h, w, 3): the quicklook of an observation."""


def no_picture(_row: ObservationRow) -> Picture | None:
    """For streams that have no store behind them."""
    return None


@dataclass(frozen=True)
class Stream:
    """The observations of one tile by one model fingerprint, and what they come to. `picture` reads a quicklook; None when it is lost."""

    fingerprint: str
    rows: Mapping[str, ObservationRow]
    state: TileState
    picture: Callable[[ObservationRow], Picture | None] = no_picture

    def row(self, observation: Observation) -> ObservationRow:
        """The database's row of an observation."""
        return self.rows[observation.observation_id]


class Histories:
    """Reads and folds; decoded observations are kept while there is room, since every new scene folds the tile again."""

    def __init__(self, blobs: BlobStore, policy: FoldPolicy, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.blobs, self.policy = blobs, policy
        self._kept: LRUCache[str, Observation] = LRUCache(kept_bytes, getsizeof=_size)
        self._pictures: LRUCache[str, Picture] = LRUCache(KEPT_PICTURE_BYTES, getsizeof=lambda picture: picture.nbytes)

    def streams(self, rows: Sequence[ObservationRow]) -> list[Stream]:
        """Fold each fingerprint's observations of one tile; oldest stream first.

        Args:
            rows: the current observations of one tile.

        Raises:
            DataError: BLOB_DAMAGED.
        """
        found = []
        for fingerprint, group in groupby(sorted(rows, key=lambda r: r.fingerprint), key=lambda r: r.fingerprint):
            mine = {r.observation_id: r for r in group}
            state = fold([self._decoded(row) for row in mine.values()], self.policy)
            found.append(Stream(fingerprint, mine, state, self._picture))
        return sorted(found, key=lambda s: (s.state.look_at(0), s.fingerprint))

    def _decoded(self, row: ObservationRow) -> Observation:
        kept: Observation | None = self._kept.get(row.observation_id)
        if kept is None:
            kept = decode(
                self._blob(row), square=tile_square(row.tile), observation_id=row.observation_id, scene_id=row.scene_id,
                platform=row.platform, acquired_at=row.acquired_at,
            )  # fmt: skip
            if _size(kept) <= self._kept.maxsize:
                self._kept[row.observation_id] = kept
        return kept

    def _picture(self, row: ObservationRow) -> Picture | None:
        """None when it is lost or damaged: an alert goes out without the hints of colour rather than not at all."""
        kept: Picture | None = self._pictures.get(row.quicklook)
        if kept is None:
            try:
                kept = read_quicklook(self.blobs.get(row.quicklook))
            except DataError:
                return None
            if kept.nbytes <= self._pictures.maxsize:
                self._pictures[row.quicklook] = kept
        return kept

    def _blob(self, row: ObservationRow) -> bytes:
        try:
            return self.blobs.get(row.blob)
        except DataError as e:
            raise DataError(e.code, f"{row.tile} seen by {row.scene_id}: {e.detail}") from e


def _size(observation: Observation) -> int:
    return observation.nbytes + OBJECT_BYTES
