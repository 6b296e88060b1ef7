"""Tables that people read in a window."""

import pytest

from jagawana.services.cli.options import print_table

HEADER = ("code", "state", "zone")
ROWS = [("Z0YPY", "confirmed", "Taman Nasional Contoh"), ("976QG", "provisional", "-")]


@pytest.mark.parametrize(("width", "is_table"), [(200, True), (40, True), (24, False)])
def test_no_word_is_cut_whatever_the_window(
    width: int, is_table: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    print_table("Alerts", HEADER, ROWS)
    said = capsys.readouterr().out
    assert ("┃" in said) is is_table and "…" not in said
    for word in ("Z0YPY", "confirmed", "provisional", "Nasional", "Alerts", *HEADER):
        assert word in said
