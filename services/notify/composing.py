"""One record for one recipient, as it leaves: subject, body and attachments. Pure."""

from datetime import datetime

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.ids import short_code
from jagawana.services.notify.audience import Format, Recipient
from jagawana.services.notify.channels import Attachment, OutgoingMessage
from jagawana.services.notify.exports import to_geojson, to_gpx
from jagawana.services.notify.wording import compact, long


def compose(record: AlertPublished, recipient: Recipient, pictures: tuple[bytes, bytes], *, now: datetime) -> OutgoingMessage:
    """The message; `pictures` are before and after. A compact channel carries no attachments."""
    code = short_code(record.content.alert_id)
    brief = recipient.format is Format.COMPACT
    text = None if brief else long(record, recipient.language, now=now)
    return OutgoingMessage(
        idempotency_key=f"{record.message_id}/{recipient.id}",
        recipient_id=recipient.id,
        address=recipient.channel.get_secret_value(),
        stem=f"{record.decided_at:%Y%m%dT%H%M%SZ}-{code}-r{record.record_number}",
        subject="" if text is None else text.subject,
        body=compact(record, recipient.language) if text is None else text.body,
        attachments=() if brief else _attachments(record, recipient, pictures, code),
    )


def _attachments(record: AlertPublished, recipient: Recipient, pictures: tuple[bytes, bytes], code: str) -> tuple[Attachment, ...]:
    before, after = pictures
    return (
        Attachment(f"{code}-before.jpg", "image/jpeg", before),
        Attachment(f"{code}-after.jpg", "image/jpeg", after),
        Attachment(f"{code}.gpx", "application/gpx+xml", to_gpx([record], lang=recipient.language).encode()),
        Attachment(f"{code}.geojson", "application/geo+json", to_geojson([record]).encode()),
    )
