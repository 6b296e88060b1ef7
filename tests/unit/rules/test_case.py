"""A case holds everything that its verdict rests on, and is judged by no other rules than it was made for."""

from datetime import date

import pytest
from shapely import box

from jagawana.rules.case import Case, read_case
from jagawana.rules.judge import judge
from jagawana.rules.pack import indonesia
from jagawana.rules.zones import Zone, ZoneIndex
from jagawana.schemas.alert import ZoneKind
from jagawana.schemas.errors import DataError, ErrorCode

ON = date(2026, 1, 15)
SHAPE = box(0, 0, 100, 100)


def zone(kind: ZoneKind, east: float, **more: date) -> Zone:
    return Zone(f"{kind}-{east:g}", kind, "n", box(east, 0, east + 500, 500), "l", "1", "s", **more)


def made(index: ZoneIndex) -> Case:
    return Case.of(SHAPE, index, epsg=32749, on=ON, pack=indonesia(), pixel_m=10.0)


@pytest.mark.parametrize(
    "index",
    [
        ZoneIndex([zone(ZoneKind.CONCESSION, 3_000)]),
        ZoneIndex([zone(ZoneKind.CONCESSION, -50, valid_to=date(2026, 1, 14)), zone(ZoneKind.CONCESSION, 4_999)]),
        ZoneIndex([zone(ZoneKind.PROTECTED_FOREST, 50)], kinds_loaded=[ZoneKind.PROTECTED_FOREST]),
        ZoneIndex([], kinds_loaded=[ZoneKind.CONCESSION]),
        ZoneIndex([]),
    ],
    ids=["a permit three kilometres away", "one that ended the day before", "no layer of permits", "no permit near", "nothing"],
)
def test_read_again_it_gives_the_verdicts_of_the_layers_it_came_from(index: ZoneIndex) -> None:
    again = read_case(made(index).model_dump_json().encode()).judge(indonesia())
    assert again == judge(SHAPE, zones=index, on=ON, pack=indonesia(), pixel_m=10.0)


def test_another_version_of_its_pack_is_another_pack() -> None:
    newer = indonesia().model_copy(update={"version": "9.9"})
    with pytest.raises(DataError, match=r"was made for pack indonesia 1\.\d+, not indonesia 9\.9") as refused:
        made(ZoneIndex([])).judge(newer)
    assert refused.value.code is ErrorCode.RULES_INVALID
