"""The embedded mode is one process: whoever drains holds the data folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jagawana.schemas.errors import ErrorCode, TransientError


@contextmanager
def sole_process(folder: Path) -> Iterator[None]:
    """Hold the folder until done; the system lets go when the process dies, however it dies.

    Raises:
        TransientError: STORE_BUSY when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            raise TransientError(
                ErrorCode.STORE_BUSY, f"another process works on {folder}; wait for it, or give --data another folder"
            ) from e
        yield
