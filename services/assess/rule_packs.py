"""Which rules are asked: a pack that comes with the program, or a file of one's own."""

from pathlib import Path

from jagawana.rules.pack import SHIPPED, RulePack, load_pack, shipped_pack
from jagawana.schemas.errors import DataError, ErrorCode

MAX_PACK_BYTES = 4 << 20


def pack_of(name: str) -> RulePack:
    """A rule pack by its name, or by the path of its JSON file.

    Raises:
        DataError: RULES_INVALID when there is none, or it is wrong.
    """
    if name in SHIPPED:
        return shipped_pack(name)
    path = Path(name)
    if not path.is_file():
        raise DataError(
            ErrorCode.RULES_INVALID, f"there is no rule pack {name!r}; give {' or '.join(SHIPPED)}, or the path of a pack's JSON file"
        )
    if path.stat().st_size > MAX_PACK_BYTES:
        raise DataError(ErrorCode.RULES_INVALID, f"{path.name} is larger than {MAX_PACK_BYTES >> 20} MiB, so it is no rule pack")
    return load_pack(path.read_bytes())
