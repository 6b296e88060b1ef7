"""Passwords and keys are given by reference, and come out nowhere: not in help, not in what commands say when something is wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from jagawana.schemas.errors import JagawanaError
from jagawana.services.bus.kafka.connection import connection_of
from jagawana.services.cli import app
from jagawana.services.settings import load_settings

CANARY = "Kunci-Canary-Z9Q4"
DATABASE_URL = f"postgresql+psycopg://jagawana:{CANARY}@127.0.0.1:1/jagawana"
NOBODY = json.dumps(["127.0.0.1:1"])


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything that is secret, in the environment."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"kty": "OKP", "crv": "Ed25519", "d": CANARY, "x": CANARY, "kid": CANARY, "exp": CANARY}))
    for name, value in {
        "KAFKA_SERVERS": NOBODY, "KAFKA_USER": "jagawana-relay", "KAFKA_PASSWORD": CANARY, "DATABASE_URL": DATABASE_URL,
        "SIGNING_KEY": str(key), "DATA": str(tmp_path / "data"),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"JAGAWANA_{name}", value)


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


def said(*arguments: str) -> str:
    """All that a command prints, and the error it ends with."""
    done = CliRunner().invoke(app, arguments)
    return f"{done.output}{done.exception!r}{done.exception}"


def test_no_help_text_holds_what_is_secret() -> None:
    paths = list(commands(typer.main.get_command(app)))
    assert len(paths) > 25 and ("kafka", "keys", "new") in paths
    for path in paths:
        text = said(*path, "--help")
        assert "Usage" in text and CANARY not in text, path


@pytest.mark.parametrize(
    "arguments", [("kafka", "apply"), ("kafka", "play", ".", "--speed", "1"), ("kafka", "keys", "public", "{key}"), ("migrate",)]
)
def test_no_error_of_a_command_holds_what_is_secret(arguments: tuple[str, ...], tmp_path: Path) -> None:
    text = said(*(part.replace("{key}", str(tmp_path / "key.json")) for part in arguments))
    assert ("_UNAVAILABLE" in text or "_INVALID" in text or "_BUSY" in text) and CANARY not in text, text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", f"mysql://jagawana:{CANARY}@db/jagawana"),
        ("KAFKA_SERVERS", f"kafka:{CANARY}"),
        ("KAFKA_PASWORD", CANARY),
    ],
)
def test_no_refusal_of_a_setting_holds_its_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"JAGAWANA_{name}", value)
    text = said("kafka", "apply")
    assert "SETTINGS_INVALID" in text and CANARY not in text, text


def test_what_holds_them_does_not_show_them() -> None:
    settings = load_settings()
    connection = connection_of(settings)
    assert settings.kafka_password is not None and settings.kafka_password.get_secret_value() == connection.password == CANARY
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(connection)):
        assert CANARY not in shown


def test_they_are_read_from_files_whose_folder_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAGAWANA_KAFKA_PASSWORD")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "jagawana_kafka_password").write_text("from a file")
    monkeypatch.setenv("JAGAWANA_SECRETS", str(tmp_path / "secrets"))
    assert connection_of(load_settings()).password == "from a file"


@pytest.mark.parametrize("missing", ["USER", "PASSWORD"])
def test_half_a_login_is_refused_and_not_sent_in_the_clear(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"JAGAWANA_KAFKA_{missing}")
    assert "go together" in said("kafka", "apply")


def test_a_signing_key_that_is_none_is_refused_without_saying_what_is_in_it(tmp_path: Path) -> None:
    from jagawana.services.agencies.signing import signing_key

    with pytest.raises(JagawanaError, match="holds no Ed25519 key") as refused:
        signing_key(tmp_path / "key.json", datetime.now(UTC))
    assert CANARY not in str(refused.value)
