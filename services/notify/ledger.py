"""The notify room: whatever the delivery ledger owes is sent, one recipient and one channel per call."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from jagawana.schemas.alert import AlertPublished
from jagawana.schemas.errors import DataError, JagawanaError
from jagawana.services.failpoints import reached
from jagawana.services.notify.audience import Format, Recipient
from jagawana.services.notify.channels import Channel, Receipt, ReceiptState
from jagawana.services.notify.composing import compose
from jagawana.services.notify.pictures import before_and_after
from jagawana.services.observer import UNOBSERVED, DeliveryWork, Observer
from jagawana.services.store.blobs import BlobStore
from jagawana.services.store.port import Deliveries, Store
from jagawana.services.store.tables import DeliveryRow

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NotifyRoom:
    """What the room is given: recipients by id, and the channel that carries each one's messages."""

    store: Store
    blobs: BlobStore
    recipients: Mapping[str, Recipient]
    channel_of: Callable[[Recipient], Channel]
    now: Callable[[], datetime]
    attempts: int
    observer: Observer = UNOBSERVED

    def deliver_next(self) -> bool:
        """Send what is due longest. False when nothing is due."""
        reached("delivery.taking")
        with self.store.transaction() as tx:
            taken = tx.deliveries.take_next(token=uuid4().hex, now=self.now())
        if taken is None:
            return False
        reached("delivery.taken")
        with self.observer.watching(self._work(taken)) as work:
            receipt = self._send(taken, work)
            reached("delivery.settling")
            with self.store.transaction() as tx:
                self._settle(tx.deliveries, taken, receipt)
            reached("delivery.settled")
            work.outcome = receipt.state
            work.is_given_up = receipt.state is not ReceiptState.SENT and taken.attempts >= self.attempts
        return True

    def _work(self, taken: DeliveryRow) -> DeliveryWork:
        recipient = self.recipients.get(taken.recipient_id)
        return DeliveryWork(recipient.schema_name if recipient else "unknown", taken.alert_id, taken.record_number)

    def _send(self, taken: DeliveryRow, work: DeliveryWork) -> Receipt:
        recipient = self.recipients.get(taken.recipient_id)
        if recipient is None:
            return Receipt(ReceiptState.FAILED, "", "the recipient is no longer in the audience file")
        try:
            with self.store.transaction() as tx:
                work.record = record = tx.alerts.record(taken.alert_id, taken.record_number)
            message = compose(record, recipient, self._pictures(record, recipient), now=self.now())
            reached("delivery.sending")
            receipt = self.channel_of(recipient).send(message)
            reached("delivery.sent")
            return receipt
        except DataError as e:
            logger.error("delivery to %s cannot work: %s", taken.recipient_id, e)
            return Receipt(ReceiptState.FAILED, "", e.detail)
        except JagawanaError as e:
            return Receipt(ReceiptState.UNKNOWN, "", e.detail)

    def _pictures(self, record: AlertPublished, recipient: Recipient) -> tuple[bytes, bytes]:
        """Before and after; a compact channel carries none, so none are drawn."""
        return (b"", b"") if recipient.format is Format.COMPACT else before_and_after(record.content, self.blobs)

    def _settle(self, ledger: Deliveries, taken: DeliveryRow, receipt: Receipt) -> None:
        now, state = self.now(), "sent"
        if receipt.state is not ReceiptState.SENT:
            state = "dead" if taken.attempts >= self.attempts else "pending"
            if state == "dead":
                logger.error(
                    "delivery of %s r%d to %s given up: %s", taken.alert_id[:8], taken.record_number, taken.recipient_id, receipt.detail
                )
        ledger.settle(
            taken, state=state, next_at=now + wait(taken.attempts), provider_ref=receipt.provider_ref or None,
            error=receipt.detail or None, at=now,
        )  # fmt: skip


def wait(attempts: int) -> timedelta:
    """Doubling from 30 s to an hour."""
    return min(FIRST_WAIT * float(2 ** max(0, min(attempts, 20) - 1)), LONGEST_WAIT)
