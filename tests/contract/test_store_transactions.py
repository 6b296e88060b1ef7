"""What every store promises of a transaction: everything or nothing."""

import pytest
from store_examples import ALERT, AT, RECORD, TILE, Undone, an_alert, coverage, current, next_of, seen, sent

from jagawana.schemas.topics import Topic
from jagawana.services.failpoints import watched
from jagawana.services.store.port import Store


def test_a_transaction_keeps_everything_or_nothing(store: Store) -> None:
    with pytest.raises(Undone), store.transaction() as tx:
        tx.log.publish(Topic.COVERAGE, coverage("s"), source="/test", at=AT)
        tx.observations.remember([seen()])
        tx.alerts.advance(tx.alerts.tile_state(TILE), zones_version="z", rules_version="r")
        tx.alerts.believe(an_alert())
        tx.alerts.tell(RECORD, b"{}")
        tx.deliveries.owe(RECORD, ["post"], at=AT)
        raise Undone
    assert next_of(store) is None and current(store) == []
    with store.transaction() as tx:
        assert tx.alerts.tile_states() == [] and tx.alerts.of_tile(TILE) == {} and tx.deliveries.told(ALERT) == []
        assert tx.deliveries.take_next(token="t", now=AT) is None


def test_a_transaction_passes_its_four_failpoints(store: Store) -> None:
    passed: list[str] = []
    with watched(passed.append), store.transaction() as tx:
        tx.zones.version()
    with pytest.raises(Undone), watched(passed.append), store.transaction():
        raise Undone
    assert passed == ["store.beginning", "store.begun", "store.committing", "store.committed", "store.beginning", "store.begun"]


@pytest.mark.parametrize(("point", "kept"), [("store.begun", False), ("store.committing", False), ("store.committed", True)])
def test_what_dies_before_the_commit_is_not_kept_and_after_it_is(store: Store, point: str, kept: bool) -> None:
    def fails(name: str) -> None:
        if name == point:
            raise Undone

    with pytest.raises(Undone), watched(fails):
        sent(store, "s")
    assert (next_of(store) is not None) is kept
