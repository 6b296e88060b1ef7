"""An archive is played in order of acquisition, its gaps divided."""

from datetime import date
from pathlib import Path

import pytest

from jagawana.services.agencies.playing import play, within
from jagawana.services.ingest.items import FoundItem


def item(name: str, acquired_at: str) -> FoundItem:
    return FoundItem(Path(f"{name}.json"), b"{}", "k", acquired_at)


ARCHIVE = [
    item("c", "2026-01-03T12:00:00+00:00"),
    item("a", "2026-01-01T00:00:00+00:00"),
    item("b", "2026-01-01T23:00:00-01:00"),
    item("unplaced", "no time"),
]


def test_gaps_are_divided_by_the_speed_and_order_is_that_of_acquisition() -> None:
    happened: list[str | float] = []
    assert play(within(ARCHIVE, None, None), lambda i: happened.append(i.path.stem), speed=3600, sleep=happened.append) == 4
    assert happened == ["unplaced", "a", 24.0, "b", 36.0, "c"]


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [(date(2026, 1, 2), None, ["b", "c"]), (None, date(2026, 1, 2), ["a", "b"]), (date(2026, 1, 3), date(2026, 1, 3), ["c"])],
)
def test_days_are_chosen_in_utc_and_what_has_no_time_is_left_out(first: date | None, last: date | None, names: list[str]) -> None:
    assert [i.path.stem for i in within(ARCHIVE, first, last)] == names


def test_nothing_to_play_is_no_error() -> None:
    assert play([], lambda _: None, speed=1, sleep=lambda _: None) == 0
