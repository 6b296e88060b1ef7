"""The one commit point: a tile's alerts, their records, the outbox and the delivery ledger, or nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jagawana.schemas.alert import AlertContent, AlertPublished, AlertState
from jagawana.schemas.envelope import encode
from jagawana.schemas.observation import AlertTense
from jagawana.schemas.topics import Topic
from jagawana.services.assess.alerts import Finding
from jagawana.services.assess.records import content_sha256, first_record, next_record, retraction
from jagawana.services.store.port import Transaction
from jagawana.services.store.tables import AlertRow, TileStateRow

SOURCE = "/jagawana/assess"
Audience = Callable[[AlertPublished, Sequence[str]], Sequence[str]]
"""Who must be told of a record, given who was told of the alert before."""


@dataclass(frozen=True)
class TileAssessed:
    """The effects of assessing a tile; see `bus.handling.Effects`."""

    read: TileStateRow
    zones_version: str
    rules_version: str
    findings: Sequence[Finding]
    tenses: dict[str, AlertTense]
    audience: Audience

    @property
    def rejudged(self) -> bool:
        """Whether zones or rules changed since the tile was last assessed."""
        known = bool(self.read.zones_version)
        return known and (self.read.zones_version, self.read.rules_version) != (self.zones_version, self.rules_version)

    def apply(self, tx: Transaction, at: datetime) -> None:
        """Compare and set, then bring the alerts to what is believed now.

        Raises:
            TransientError: TILE_MOVED_ON.
        """
        tx.alerts.advance(self.read, zones_version=self.zones_version, rules_version=self.rules_version)
        rows = tx.alerts.of_tile(self.read.tile)
        for finding in self.findings:
            self._believe(tx, rows.pop(str(finding.content.alert_id), None), finding, at)
        for row in rows.values():
            self._withdraw(tx, row, at)

    def _believe(self, tx: Transaction, row: AlertRow | None, finding: Finding, at: datetime) -> None:
        content = finding.content
        tense = self.tenses[str(content.alert_id)]
        published = _told(row)
        if not finding.worthy:
            if row is not None and published is not None and published.state is not AlertState.RETRACTED:
                self._publish(tx, row, retraction(published, row.record_number, rejudged=self.rejudged, tense=tense, at=at))
            self._write(tx, row, content)
            return
        row = self._write(tx, row, content)
        if published is None:
            self._publish(tx, row, first_record(content, tense=tense, at=at))
            return
        told_as = tx.alerts.record(row.alert_id, row.record_number).alert_tense
        record = next_record(published, content, row.record_number, told_as=told_as, tense=tense, at=at)
        if record is not None:
            self._publish(tx, row, record)

    def _withdraw(self, tx: Transaction, row: AlertRow, at: datetime) -> None:
        """Nothing of it is believed any more: never a silent deletion if somebody was told."""
        published = _told(row)
        if published is None:
            tx.alerts.forget(row)
            return
        if published.state is not AlertState.RETRACTED:
            tense = tx.alerts.record(row.alert_id, row.record_number).alert_tense
            self._publish(tx, row, retraction(published, row.record_number, rejudged=self.rejudged, tense=tense, at=at))
        row.state = AlertState.RETRACTED
        tx.alerts.believe(row)

    def _write(self, tx: Transaction, row: AlertRow | None, content: AlertContent) -> AlertRow:
        row = row or AlertRow(
            alert_id=str(content.alert_id), tile=content.tile, cell=content.cell, state="", content="", content_sha256="", record_number=0,
            published="",
        )  # fmt: skip
        row.state, row.content, row.content_sha256 = content.state, content.model_dump_json(by_alias=True), content_sha256(content)
        tx.alerts.believe(row)
        return row

    def _publish(self, tx: Transaction, row: AlertRow, record: AlertPublished) -> None:
        at = record.decided_at
        row.record_number, row.published = record.record_number, record.content.model_dump_json(by_alias=True)
        tx.alerts.believe(row)
        payload = encode(record, source=SOURCE, at=at)
        tx.alerts.tell(record, payload)
        tx.log.append(Topic.ALERTS, record.key, payload, at)
        tx.log.append(Topic.ALERT_STATE, row.alert_id, payload, at)
        tx.deliveries.owe(record, self.audience(record, tx.deliveries.told(row.alert_id)), at=at)


def _told(row: AlertRow | None) -> AlertContent | None:
    return AlertContent.model_validate_json(row.published) if row is not None and row.published else None
