"""What happens to a history from outside: scenes arrive, some twice; layers, packs and models change; the blob store goes away."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jagawana.schemas.topics import Topic

from .world import DAY_ONE, layers

if TYPE_CHECKING:
    from .history import History


@dataclass(frozen=True)
class Happenings:
    """Of one history."""

    history: "History"

    def all(self) -> list[Callable[[], None]]:
        """In a random order; the last one happens first."""
        arrivals = [s.payload for s in self.history.script.scenes]
        repeated = [p for p in arrivals if self.history.rng.random() < 0.15]
        self.history.counts["duplicates"] += len(repeated)
        actions: list[Callable[[], None]] = [self._arrival(p) for p in arrivals + repeated]
        actions += [self._zone_change(version) for version in self.history.script.zone_changes]
        actions += [self._deployment(model, None) for model in self.history.script.model_changes]
        actions += [self._deployment(None, pack) for pack in self.history.script.pack_changes]
        actions += [self._outage] if self.history.faults.sum and self.history.rng.random() < 0.1 else []
        self.history.rng.shuffle(actions)
        if self.history.rng.random() < 0.9:
            actions.append(self._zone_change("1"))
        return actions

    def _arrival(self, payload: bytes) -> Callable[[], None]:
        def arrive() -> None:
            with self.history.store.transaction() as tx:
                tx.log.append(Topic.SCENES, "scene", payload, DAY_ONE)

        return arrive

    def _zone_change(self, version: str) -> Callable[[], None]:
        def change() -> None:
            self.history.counts["zone changes"] += 1
            with self.history.store.transaction() as tx:
                tx.zones.activate("parks", version, layers()[version])

        return change

    def _outage(self) -> None:
        """The blob store goes away, perhaps for so long that a scene is begun a dozen times."""
        self.history.counts["outages"] += 1
        self.history.outside.blobs_away = self.history.rng.choice((100, 1000, 2000))

    def _deployment(self, model: str | None, pack: int | None) -> Callable[[], None]:
        def deploy() -> None:
            """New processes from now on; the old ones are told to go, or linger."""
            self.history.counts["deployments"] += 1
            before = self.history.config
            self.history.config = (model or before[0], before[1] if pack is None else pack)
            for worker in [w for w in self.history.scheduler.workers if not w.paused and self.history.rng.random() < 0.5]:
                self.history.scheduler.kill(worker)

        return deploy
