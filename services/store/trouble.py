"""What a database's error means: the world's fault for now, an installation to mend, or a value that no database keeps."""

from sqlalchemy.exc import DataError as ValueRefused
from sqlalchemy.exc import DBAPIError, InternalError, OperationalError, ProgrammingError

from jagawana.schemas.errors import DataError, ErrorCode, JagawanaError, TransientError

TO_MEND = ("28", "3D", "3F", "0A", "42501", "42P01", "42704", "42883")
"""SQLSTATEs, or their classes, that no waiting mends: login, database, schema, a missing extension, rights, tables, types and functions."""
REFUSALS = ("password authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry", "permission denied")
"""While connecting there is no SQLSTATE, only the server's text."""
AGAIN = ("deadlock", "serialize", "lock timeout")


def meaning_of(error: DBAPIError) -> JagawanaError | None:
    """The error of ours, without the connection's password; None for a mistake in our own statements."""
    said = str(error.orig).strip().partition("\n")[0]
    state = getattr(error.orig, "sqlstate", None) or ""
    if isinstance(error, ValueRefused):
        return DataError(ErrorCode.MESSAGE_INVALID, f"a text or number in it is none that the database can hold: {said}")
    if state.startswith(TO_MEND) or (not state and isinstance(error, OperationalError) and _refuses(error)):
        hint = "look at JAGAWANA_DATABASE_URL and that user's rights; `jagawana migrate` makes the tables"
        return DataError(ErrorCode.SETTINGS_INVALID, f"database: {said}; {hint}")
    if isinstance(error, OperationalError | InternalError):
        return TransientError(ErrorCode.STORE_BUSY, f"database: {said}; {_advice(said)}")
    if isinstance(error, ProgrammingError) and error.connection_invalidated:
        return TransientError(ErrorCode.STORE_BUSY, f"database: {said}; {_advice(said)}")
    return None


def _refuses(error: DBAPIError) -> bool:
    text = str(error.orig)
    return any(refusal in text for refusal in REFUSALS)


def _advice(said: str) -> str:
    if any(word in said for word in AGAIN):
        return "it will be tried again"
    return "start it, free space, or wait for the other process"
