"""The engine of PostgreSQL."""

from pydantic import SecretStr
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from jagawana.schemas.errors import DataError, ErrorCode

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300
"""Longer than any statement of ours takes; a country's zone layer of 200,000 shapes is the longest."""
IDLE_SECONDS = 60
"""A worker that was stopped in the middle of a transaction lets go of its locks after this."""

KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Seconds, seconds, times: who waits for a machine that is gone gives up after a minute, not two hours; both we and the server."""


def engine_of(url: SecretStr, *, busy_seconds: float = 30.0, is_migrating: bool = False) -> Engine:
    """An engine; nothing is connected yet.

    Args:
        busy_seconds: how long another transaction's lock is waited for.
        is_migrating: statements may take as long as they take.

    Raises:
        DataError: SETTINGS_INVALID.
    """
    limits = {
        "lock_timeout": int(busy_seconds * 1000),
        "statement_timeout": 0 if is_migrating else STATEMENT_SECONDS * 1000,
        "idle_in_transaction_session_timeout": 0 if is_migrating else IDLE_SECONDS * 1000,
        **{f"tcp_{name}": value for name, value in KEEPALIVES.items()},
    }
    try:
        return create_engine(
            make_url(url.get_secret_value()),
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "application_name": "jagawana",
                "tcp_user_timeout": CONNECT_SECONDS * 1000,  # a server that is cut off while we send is noticed, not waited for
                **KEEPALIVES,
                "prepare_threshold": None,  # statements prepared in the server do not survive poolers
                "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            },
        )
    except (ArgumentError, ValueError) as e:
        raise DataError(
            ErrorCode.SETTINGS_INVALID, "JAGAWANA_DATABASE_URL: write it as postgresql+psycopg://user:password@host:port/database"
        ) from e
