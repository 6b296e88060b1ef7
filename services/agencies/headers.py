"""Headers of a Kafka record: the envelope's fields again, what identifies an alert's record, and the signature. Text only, in UTF-8.

A header that is no UTF-8 would make some subscribers' libraries drop the record.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.envelope import read_object
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.topics import Topic
from jagawana.services.agencies.keys import PrivateKey
from jagawana.services.agencies.signing import sign
from jagawana.services.store.log import Event

Headers = list[tuple[str, bytes]]
CONTENT_TYPE = b"application/cloudevents+json; charset=utf-8"
ATTRIBUTES = ("specversion", "id", "source", "type", "subject", "time", "dataschema")
NOT_OURS = frozenset({Topic.SCENES})
"""Others' messages, passed on: we do not vouch for them."""
MAX_VALUE = 1024
logger = logging.getLogger(__name__)


def headers_of(event: Event) -> Headers:
    """What a subscriber can know without parsing the value. What cannot be read has its `msg_id` only."""
    named = [("msg_id", event.event_id.encode())]
    try:
        envelope = read_object(event.payload)
    except DataError:
        return named
    attributes = [(f"ce_{name}", envelope[name]) for name in ATTRIBUTES if isinstance(envelope.get(name), str)]
    return [
        ("content-type", CONTENT_TYPE),
        *named,
        *((name, value.encode()) for name, value in [*attributes, *_of_alert(envelope)] if len(value) <= MAX_VALUE),
    ]


def signing(key: PrivateKey | None, now: Callable[[], datetime]) -> Callable[[Event], Headers]:
    """`headers_of`, with the signature where there is a key, the message is ours, and it is JSON.

    The function raises DataError SETTINGS_INVALID when the key has expired: nothing is sent unsigned that subscribers want signed.
    """

    def signed_headers_of(event: Event) -> Headers:
        headers = headers_of(event)
        if key is None or event.topic in NOT_OURS:
            return headers
        try:
            signature = sign(event.payload, key, now())
        except DataError as e:
            if e.code is ErrorCode.SETTINGS_INVALID:
                raise
            logger.warning("%s %s is sent unsigned: %s", event.topic, event.event_id[:12], e)
            return headers
        return [*headers, ("sig", signature.text.encode()), ("kid", signature.kid.encode())]

    return signed_headers_of


def _of_alert(envelope: dict[str, Any]) -> list[tuple[str, str]]:
    data = envelope.get("data")
    content = data.get("content") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(content, dict) or f".{AlertPublished.name}." not in str(envelope.get("type")):
        return []
    return [("alert_id", str(content.get("alert_id"))), ("record_number", str(data.get("record_number")))]
