"""A tile's observations, read back from blobs and folded: one state per model fingerprint, never mixed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from jagawana.detectors.fold import FoldPolicy, TileState, fold
from jagawana.detectors.grid import tile_square
from jagawana.detectors.history import Observation
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.observation_files import decode
from jagawana.services.store.tables import ObservationRow


@dataclass(frozen=True)
class Stream:
    """The observations of one tile by one model fingerprint, and what they come to."""

    fingerprint: str
    rows: Mapping[str, ObservationRow]
    state: TileState

    def row(self, observation: Observation) -> ObservationRow:
        """The database's row of an observation."""
        return self.rows[observation.observation_id]


class Histories:
    """Reads and folds; decoded observations are kept while there is room, since every new scene folds the tile again."""

    def __init__(self, blobs: BlobStore, policy: FoldPolicy, *, kept: int = 256) -> None:
        self.blobs, self.policy = blobs, policy
        self._decoded = lru_cache(maxsize=kept)(self._decode)
        self._known: dict[str, ObservationRow] = {}

    def streams(self, rows: Sequence[ObservationRow]) -> list[Stream]:
        """Fold each fingerprint's observations of one tile; oldest stream first.

        Args:
            rows: the current observations of one tile.

        Raises:
            DataError: BLOB_DAMAGED.
        """
        self._known = {r.observation_id: r for r in rows}
        found = []
        for fingerprint, group in groupby(sorted(rows, key=lambda r: r.fingerprint), key=lambda r: r.fingerprint):
            mine = {r.observation_id: r for r in group}
            found.append(Stream(fingerprint, mine, fold([self._decoded(name) for name in mine], self.policy)))
        return sorted(found, key=lambda s: (s.state.look_at(0), s.fingerprint))

    def _decode(self, observation_id: str) -> Observation:
        row = self._known[observation_id]
        return decode(
            self.blobs.get(row.blob), square=tile_square(row.tile), observation_id=row.observation_id, scene_id=row.scene_id,
            platform=row.platform, acquired_at=row.acquired_at,
        )  # fmt: skip
