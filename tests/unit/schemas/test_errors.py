"""Every error code is explained to outsiders, and the table says what the bus does."""

import re
from pathlib import Path

from jagawana.schemas.errors import DataError, ErrorCode, TransientError

TABLE = Path(__file__).parents[3] / "docs" / "errors.md"
AGAIN = {ErrorCode.STORE_BUSY, ErrorCode.TILE_MOVED_ON, ErrorCode.DECODER_FAILED, ErrorCode.BUS_UNAVAILABLE, ErrorCode.CHANNEL_UNAVAILABLE}


def test_the_table_has_exactly_the_codes_there_are() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| .+ \| (yes|no) \|$", TABLE.read_text(), re.MULTILINE))
    assert set(rows) == {code.value for code in ErrorCode}
    assert {code for code, again in rows.items() if again == "yes"} == {code.value for code in AGAIN}


def test_an_error_tells_people_and_the_bus() -> None:
    error = DataError(ErrorCode.BAD_MAGIC, "x.tif begins with PK: not a TIFF")
    assert str(error) == "BAD_MAGIC: x.tif begins with PK: not a TIFF" and not error.retryable
    assert TransientError(ErrorCode.STORE_BUSY, "locked").retryable
