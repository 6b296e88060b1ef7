"""What every store promises of fences, alerts and records."""

import pytest
from store_examples import ALERT, AT, RECORD, TILE, an_alert

from jagawana.schemas.alert import AlertState
from jagawana.schemas.envelope import encode
from jagawana.schemas.errors import ErrorCode, TransientError
from jagawana.services.store.port import Store


def test_of_two_that_read_the_same_fence_only_the_first_advances_it(store: Store) -> None:
    with store.transaction() as tx:
        read = tx.alerts.tile_state(TILE)
        assert (read.version, tx.alerts.tile_states()) == (0, [])
    with store.transaction() as tx:
        tx.alerts.advance(read, zones_version="z", rules_version="r")
    with pytest.raises(TransientError) as caught, store.transaction() as tx:
        tx.alerts.advance(read, zones_version="other", rules_version="r")
    assert caught.value.code is ErrorCode.TILE_MOVED_ON
    with store.transaction() as tx:
        (state,) = tx.alerts.tile_states()
        assert (state.tile, state.version, state.zones_version, state.rules_version) == (TILE, 1, "z", "r")
        tx.alerts.advance(state, zones_version="y", rules_version="r")
    with store.transaction() as tx:
        assert tx.alerts.tile_state(TILE).version == 2


def test_alerts_are_kept_changed_and_forgotten(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.believe(an_alert())
        tx.alerts.believe(an_alert(alert_id="other", tile="49MDU58"))
    with store.transaction() as tx:
        row = tx.alerts.of_tile(TILE)[ALERT]
        row.state, row.record_number = AlertState.CONFIRMED, 2
        tx.alerts.believe(row)
    with store.transaction() as tx:
        (row,) = tx.alerts.of_tile(TILE).values()
        assert (row.state, row.record_number) == ("confirmed", 2)
        tx.alerts.forget(row)
    with store.transaction() as tx:
        assert tx.alerts.of_tile(TILE) == {} and set(tx.alerts.of_tile("49MDU58")) == {"other"}


def test_a_record_is_read_as_it_was_told_and_told_once(store: Store) -> None:
    with store.transaction() as tx:
        tx.alerts.tell(RECORD, encode(RECORD, source="/test", at=AT))
    with store.transaction() as tx:
        assert tx.alerts.record(ALERT, RECORD.record_number) == RECORD
    with pytest.raises(Exception, match=r"UNIQUE|unique|before"), store.transaction() as tx:
        tx.alerts.tell(RECORD, encode(RECORD, source="/test", at=AT))
