"""Records that somebody has kept: lines as `kcat -C -J` prints them."""

import json
from collections.abc import Iterator
from typing import Any

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.services.agencies.signing import Received, Signature


def received(lines: str) -> Iterator[Received]:
    """One JSON object a line: `topic`, `key`, `payload` (text, or the object in it), `headers` (names and values in a list, or an object).

    Raises:
        DataError: SIGNATURE_INVALID for a line that is no such record.
    """
    for number, line in enumerate(lines.splitlines(), start=1):
        if line.strip():
            yield _received(number, line)


def _received(number: int, line: str) -> Received:
    try:
        record = json.loads(line)
        value, headers = record["payload"], _headers(record.get("headers") or {})
        text = value if isinstance(value, str) else json.dumps(value)
        has_both = "sig" in headers and "kid" in headers
        signature = Signature(headers["sig"], headers["kid"]) if has_both else None
        key = None if "key" not in record else record["key"] or ""
        return Received(text.encode(), signature, record.get("topic"), key)
    except (KeyError, ValueError, TypeError, AttributeError) as e:
        why = f"line {number} is no record ({e!r})"
        raise DataError(ErrorCode.SIGNATURE_INVALID, f"{why}; give lines as kcat -C -J prints them, with payload and headers") from e


def _headers(headers: Any) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else zip(headers[::2], headers[1::2], strict=True)
    return {str(name): str(value) for name, value in pairs}
