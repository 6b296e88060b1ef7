"""What every store promises of observations."""

from datetime import timedelta

import pytest
from store_examples import (
    AT,
    current,
    remembered,
    seen,
)

from jagawana.schemas.observation import AlertTense
from jagawana.services.store.port import Store
from jagawana.services.store.tables import SceneRow


def test_what_is_remembered_first_stays_and_an_older_revision_does_not_count(store: Store) -> None:
    remembered(store, seen(), SceneRow(scene_id="s-1", item_sha256="x", acquired_at=AT, item="{}", recorded_at=AT))
    remembered(store, seen(blob="03" * 32), SceneRow(scene_id="s-1", item_sha256="x", acquired_at=AT, item="{}", recorded_at=AT))
    remembered(store, seen(observation_id="o-2", revision="2"), seen(observation_id="o-0", revision="0"))
    assert [(r.observation_id, r.blob) for r in current(store)] == [("o-2", "01" * 32)]
    remembered(store, seen(observation_id="o-3", revision="2"))
    assert [r.observation_id for r in current(store)] == ["o-3"], "of equal revisions the higher id, whatever came first"


def test_a_product_that_is_only_tried_out_hides_no_real_one(store: Store) -> None:
    remembered(store, seen(observation_id="o-1"), seen(observation_id="o-2", revision="2", tense="test"))
    assert [r.observation_id for r in current(store)] == ["o-1"]
    remembered(store, seen(observation_id="o-2", revision="2", tense="archival"))
    assert [r.observation_id for r in current(store)] == ["o-2"], "now it is real"


def test_one_that_comes_twice_at_once_is_one_and_as_real_as_either(store: Store) -> None:
    remembered(store, seen(tense="test"), seen(observation_id="o-9", acquisition_key="a-9"), seen(tense="archival", blob="03" * 32))
    found = {r.observation_id: (r.tense, r.blob) for r in current(store)}
    assert found == {"o-1": ("archival", "01" * 32), "o-9": ("current", "01" * 32)}


def test_observations_come_by_fingerprint_and_time_whatever_the_order_of_arrival(store: Store) -> None:
    rows = [
        seen(observation_id=f"{f}-{d}", fingerprint=f, acquisition_key=f"a-{d}", acquired_at=AT + timedelta(days=d))
        for f, d in [("s2", 3), ("rgbn", 2), ("s2", 1), ("rgbn", 5), ("s2", 2)]
    ]
    remembered(store, *rows, seen(observation_id="elsewhere", tile="49MDU58"))
    assert [r.observation_id for r in current(store)] == ["rgbn-2", "rgbn-5", "s2-1", "s2-2", "s2-3"]
    assert all(r.acquired_at.tzinfo is not None for r in current(store))


@pytest.mark.parametrize(("then", "now", "kept"), [("test", "current", "current"), ("current", "test", "current")])
def test_a_tense_only_becomes_more_real(store: Store, then: str, now: str, kept: str) -> None:
    remembered(store, seen(tense=then))
    remembered(store, seen(tense=now))
    (row,) = current(store)
    assert AlertTense(row.tense) is AlertTense(kept)
