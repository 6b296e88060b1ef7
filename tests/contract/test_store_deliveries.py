"""What every store promises of deliveries and leases."""

from datetime import datetime, timedelta

from alert_examples import content, record
from store_examples import ALERT, AT, leases_ran_out

from jagawana.services.store.deliveries import LEASE
from jagawana.services.store.port import Store


def owed(store: Store, *recipients: str, number: int = 1, at: datetime = AT) -> None:
    with store.transaction() as tx:
        tx.deliveries.owe(record(content(), number=number), recipients, at=at)


def taken(store: Store, token: str, now: datetime) -> tuple[str, int, int] | None:
    with store.transaction() as tx:
        row = tx.deliveries.take_next(token=token, now=now)
        return row and (row.recipient_id, row.record_number, row.attempts)


def test_what_is_due_longest_is_leased_first_and_by_one_only(store: Store) -> None:
    owed(store, "b", "a", at=AT)
    owed(store, "c", number=2, at=AT - timedelta(minutes=1))
    owed(store, "later", number=3, at=AT + timedelta(minutes=1))
    assert [taken(store, t, AT) for t in "xyzw"] == [("c", 2, 1), ("a", 1, 1), ("b", 1, 1), None]
    leases_ran_out(store)
    assert [taken(store, t, AT + LEASE) for t in "abcd"] == [("c", 2, 2), ("a", 1, 2), ("b", 1, 2), ("later", 3, 1)], "leases run out"
    with store.transaction() as tx:
        assert tx.deliveries.told(ALERT) == ["a", "b", "c", "later"]


def test_only_the_holder_of_the_lease_settles(store: Store) -> None:
    owed(store, "a")
    with store.transaction() as tx:
        slow = tx.deliveries.take_next(token="slow", now=AT)
    leases_ran_out(store)
    with store.transaction() as tx:
        quick = tx.deliveries.take_next(token="quick", now=AT + LEASE)
    assert slow is not None and quick is not None
    for late, state in ((slow, "dead"), (quick, "sent"), (slow, "pending")):
        with store.transaction() as tx:
            tx.deliveries.settle(late, state=state, next_at=AT, provider_ref=None, error=None, at=AT)
    assert taken(store, "t", AT + 10 * LEASE) is None, "it was sent, and stays sent"


def test_what_failed_is_due_again_at_its_time(store: Store) -> None:
    owed(store, "a")
    with store.transaction() as tx:
        row = tx.deliveries.take_next(token="t", now=AT)
        assert row is not None
        later = AT + timedelta(minutes=7)
        tx.deliveries.settle(row, state="pending", next_at=later, provider_ref=None, error="refused", at=AT)
    assert taken(store, "t", later - timedelta(seconds=1)) is None and taken(store, "t", later) == ("a", 1, 2)


def test_what_a_dead_process_was_sending_is_owed_again(store: Store) -> None:
    owed(store, "a", "b")
    taken(store, "dead", AT)
    with store.transaction() as tx:
        tx.deliveries.reclaim()
    assert {taken(store, "x", AT), taken(store, "y", AT)} == {("a", 1, 2), ("b", 1, 1)}


def takes(store: Store, owner: str, seconds: float = 60.0, name: str = "relay") -> bool:
    with store.transaction() as tx:
        return tx.leases.take(name, owner, seconds)


def test_a_lease_is_held_by_one_and_renewed_by_its_owner(store: Store) -> None:
    assert [takes(store, owner) for owner in ("a", "b", "a", "b")] == [True, False, True, False]
    assert takes(store, "b", name="another")
    with store.transaction() as tx:
        tx.leases.give_up("relay", "b")
    assert not takes(store, "b"), "only its owner gives it up"
    with store.transaction() as tx:
        tx.leases.give_up("relay", "a")
    assert takes(store, "b") and not takes(store, "a")


def test_a_lease_that_ran_out_is_anybodys(store: Store) -> None:
    assert takes(store, "a", seconds=0.0) and takes(store, "b") and not takes(store, "a"), "and lost to the one who had it"
