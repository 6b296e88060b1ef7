"""Heartbeats of a worker: through the log and the relay, so that one that arrives vouches for the whole way."""

from datetime import datetime, timedelta

from jagawana.schemas.operation import Heartbeat
from jagawana.schemas.topics import Topic
from jagawana.services.store.port import Store

INTERVAL_S = 60.0
"""Three missed ones are three minutes: soon enough for a ranger, and a few thousand rows a day."""
KEPT = timedelta(days=1)
"""In our own log; Kafka keeps them for a week."""


def beat(store: Store, room: str, instance: str, *, progress_age_s: float, at: datetime, interval_s: float = INTERVAL_S) -> None:
    """Send one sign of life, and forget those of long ago; call it every `interval_s` seconds.

    Raises:
        TransientError: STORE_BUSY; the next one will do.
    """
    message = Heartbeat(room=room, instance=instance, at=at, progress_age_s=round(progress_age_s, 3), interval_s=interval_s)
    with store.transaction() as tx:
        tx.log.publish(Topic.HEARTBEAT, message, source=f"/jagawana/{room}", at=at)
        tx.log.drop_before(Topic.HEARTBEAT, at - KEPT)  # after: SQLite would give the last one's position again
