"""Who is told: nobody but the logbook of what is not happening now, and of a retraction whoever was told before."""

from pathlib import Path

import pytest
from alert_examples import LAT, LON, TILE, all_records, record
from pydantic import SecretStr

from jagawana.schemas.alert import AlertState, Category
from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.observation import AlertTense
from jagawana.services.notify.audience import Box, Recipient, audience_of, load_recipients, logbook

EXAMPLES = all_records()
PROVISIONAL, CONFIRMED = EXAMPLES["new mining"], EXAMPLES["confirmed and grown"]


def recipient(name: str = "pos-1", **changes: object) -> Recipient:
    fields: dict[str, object] = {"id": name, "name": name, "channel": SecretStr("mailtos://user:pw@example.org")}
    return Recipient.model_validate({**fields, **changes})


def is_told(who: Recipient, shown: object = CONFIRMED, told: tuple[str, ...] = ()) -> bool:
    return bool(audience_of(shown, [who], told=told))  # type: ignore[arg-type]


@pytest.mark.parametrize("tense", [AlertTense.TEST, AlertTense.ARCHIVAL, AlertTense.INJECTION])
def test_what_is_not_current_reaches_only_the_logbook(tense: AlertTense) -> None:
    eager = recipient(min_state=AlertState.PROVISIONAL)
    assert audience_of(record(tense=tense), [eager, logbook()], told=["pos-1"]) == [logbook()]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_logbook_is_told_everything(name: str) -> None:
    assert is_told(logbook(), EXAMPLES[name])


def test_provisional_alerts_are_opt_in() -> None:
    assert not is_told(recipient(), PROVISIONAL) and is_told(recipient(), CONFIRMED)
    assert is_told(recipient(min_state=AlertState.PROVISIONAL), PROVISIONAL)


def test_a_retraction_goes_to_whoever_was_told_and_to_nobody_else() -> None:
    withdrawn = EXAMPLES["withdrawn, no longer seen"]
    uninterested_now = recipient("pos-2", categories=(Category.HIGH,))
    everyone = [recipient("pos-1", min_state=AlertState.PROVISIONAL), uninterested_now]
    assert audience_of(withdrawn, everyone, told={"pos-2"}) == [uninterested_now]


def test_whoever_heard_the_beginning_hears_the_rest() -> None:
    assert is_told(recipient(categories=(Category.HIGH,)), CONFIRMED, told=("pos-1",))


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({"categories": (Category.HIGH,)}, False),
        ({"categories": (Category.LOW,)}, True),
        ({"zones": ("protected_forest:12",)}, True),
        ({"zones": ("conservation:1",)}, False),
        ({"tiles": (TILE,)}, True),
        ({"tiles": ("50MKE42",)}, False),
        ({"boxes": (Box(west=LON - 1, south=LAT - 1, east=LON + 1, north=LAT + 1),)}, True),
        ({"boxes": (Box(west=0, south=0, east=1, north=1),)}, False),
        ({"boxes": (Box(west=0, south=0, east=1, north=1),), "tiles": (TILE,)}, True),
    ],
)
def test_wishes_are_met(wishes: dict[str, object], expected: bool) -> None:
    assert is_told(recipient(**wishes)) is expected


def test_the_order_of_the_file_is_kept() -> None:
    names = ["c", "a", "b"]
    assert [r.id for r in audience_of(CONFIRMED, [recipient(n) for n in names])] == names


def test_recipients_are_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text(
        '[[recipient]]\nid = "pos-1"\nname = "Pos 1"\nchannel = "mailtos://u:p@example.org"\nlanguage = "en"\nformat = "compact"\n'
        "boxes = [{west = 113, south = -3, east = 115, north = -1}]\n",
        encoding="utf-8",
    )
    (found,) = load_recipients(path)
    assert found.schema_name == "mailtos" and found.boxes[0].contains(LON, LAT) and not found.is_logbook


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        '[[recipient]]\nid = "a"\n',
        '[[recipient]]\nid = "a"\nname = "A"\nchannel = "rahasia123"\n',
        '[[recipient]]\nid = "a"\nname = "A"\nchannel = "x:rahasia123"\nmin_state = "retracted"\n',
        '[[recipient]]\nid = "a"\nname = "A"\nchannel = "x:rahasia123"\nunknown = 1\n',
        '[[recipient]]\nid = "a"\nname = "A"\nchannel = "x:rahasia123"\n' * 2,
        '[[recipient]]\nid = "a"\nname = "A"\nchannel = "x:rahasia123"\nboxes = [{west = 3, south = 0, east = 1, north = 1}]\n',
    ],
)
def test_a_wrong_file_is_refused_without_repeating_its_secrets(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipients.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        load_recipients(path)
    assert raised.value.code is ErrorCode.SETTINGS_INVALID and "rahasia123" not in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        load_recipients(tmp_path / "none.toml")


def test_a_channel_never_shows_itself() -> None:
    assert "pw@" not in repr(recipient()) and "pw@" not in recipient().model_dump_json()
