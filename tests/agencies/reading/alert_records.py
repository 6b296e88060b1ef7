"""Alerts with several records each, in a database's log, as the assess room leaves them there."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from jagawana.schemas.alert import AlertPublished, AlertState, AlertType, WhatChanged
from jagawana.schemas.envelope import encode
from jagawana.schemas.examples import example_messages
from jagawana.schemas.ids import message_id, sha256_of
from jagawana.schemas.topics import Topic
from jagawana.services.store.port import Store

AT = datetime(2026, 6, 1, tzinfo=UTC)
FIRST = next(m for m in example_messages() if isinstance(m, AlertPublished))


def record(alert_id: UUID, number: int) -> AlertPublished:
    """Record `number` of an alert; the third withdraws it."""
    withdrawn = number == 3
    content = FIRST.content.model_copy(
        update={"alert_id": alert_id, "state": AlertState.RETRACTED if withdrawn else AlertState.PROVISIONAL}
    )
    later = AlertType.RETRACTION if withdrawn else AlertType.SUBSEQUENT
    return FIRST.model_copy(
        update={
            "content": content,
            "content_sha256": sha256_of(content),
            "record_number": number,
            "message_id": message_id(alert_id, number),
            "supersedes": message_id(alert_id, number - 1) if number > 1 else None,
            "alert_type": later if number > 1 else AlertType.INITIAL,
            "what_changed": (WhatChanged.FIRST_SEEN if number == 1 else WhatChanged.STATE,),
            "decided_at": AT + timedelta(minutes=number),
        }
    )


def told(store: Store, records: list[AlertPublished]) -> None:
    """Both topics, as `assess.commit` publishes."""
    for one in records:
        payload = encode(one, source="/jagawana/assess", at=one.decided_at)
        with store.transaction() as tx:
            tx.log.append(Topic.ALERTS, one.key, payload, one.decided_at)
            tx.log.append(Topic.ALERT_STATE, str(one.content.alert_id), payload, one.decided_at)


def ids(n: int) -> list[UUID]:
    return [uuid4() for _ in range(n)]
