"""One typed settings tree, read once and passed down. The only place that reads the environment."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from jagawana.schemas.errors import DataError, ErrorCode
from jagawana.schemas.faults import first_fault
from jagawana.services import failpoints as failing

PREFIX = "JAGAWANA_"
SECRETS = f"{PREFIX}SECRETS"


class Settings(BaseSettings):
    """Environment variables are these names with the prefix JAGAWANA_, e.g. JAGAWANA_DATA."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data: Path = Field(default=Path("jagawana-data"), description="folder of the database, blobs and messages")
    device: str = Field(default="auto", pattern="^(auto|cpu|cuda)$", description="where the network runs")
    precision: str = Field(default="auto", pattern="^(auto|fp32|bf16)$", description="bf16 where the processor has it, else fp32")
    runtime: str = Field(default="auto", pattern="^(auto|openvino|torch)$", description="OpenVINO on a processor, torch on CUDA")
    threads: int = Field(default=0, ge=0, description="processor threads of the network; 0: all")
    model: str | None = Field(default=None, description="force one model id; by default the scene's bands decide")
    rules: str = Field(default="indonesia", description="rule pack: indonesia, brazil, or the path of a pack's JSON file")
    cloud_mask: str = Field(default="auto", pattern="^(auto|scl|brightness|csmask)$", description="SCL where the scene has it")
    scene_roots: tuple[Path, ...] = Field(default=(), description="folders assets may lie in; empty: only beside their item")
    max_asset_bytes: int = Field(default=2 << 30, gt=0)
    decoder_seconds: float = Field(default=120.0, gt=0, description="wall clock for one request to the decoder")
    decoder_bytes: int = Field(default=3 << 30, gt=0, description="memory the decoder may have beyond what it starts with")
    busy_seconds: float = Field(default=30.0, gt=0, description="how long another process's hold on the database is waited for")
    attempts: int = Field(default=3, ge=1, description="tries for a scene that kills its decoder, or for a busy store")
    channel_schemas: tuple[str, ...] = Field(default=(), description="apprise schemas the administrator allows, e.g. mailtos")
    audience: Path | None = Field(default=None, description="TOML file of recipients")
    delivery_attempts: int = Field(default=8, ge=1)
    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql+psycopg://user:password@host/database (docs/running-on-postgresql.md); by default SQLite in data",
    )
    kafka_servers: tuple[str, ...] = Field(default=(), description='brokers as ["host:port", …]; empty: the embedded mode, without Kafka')
    kafka_user: str | None = Field(default=None, description="name at the brokers; with it SASL SCRAM-SHA-512 over TLS")
    kafka_password: SecretStr | None = Field(default=None, description="the password of kafka_user")
    kafka_ca: Path | None = Field(default=None, description="PEM file of the authority that signed the brokers' certificates")
    signing_key: Path | None = Field(default=None, description="private key of jagawana kafka keys new; messages to agencies are signed")
    instance: str | None = Field(default=None, description="unique lasting name of this worker, e.g. of its pod: static membership")
    session_seconds: int = Field(default=45, ge=2, description="a worker that is silent for so long loses its partitions to another")
    grace_seconds: float = Field(default=25.0, gt=0, description="how long a stopping worker may finish its record before it is ended")
    blob_url: str | None = Field(
        default=None, description="s3://bucket/prefix or file:///folder that workers share; by default blobs in data"
    )
    metrics_port: int = Field(default=0, ge=0, le=65535, description="where `work` and `up` serve /metrics and /health; 0: nowhere")
    metrics_host: str = Field(default="127.0.0.1", description="the address they are served on; in a pod 0.0.0.0")
    traces_url: str | None = Field(
        default=None, pattern="^https?://", description="OTLP/HTTP collector, e.g. http://localhost:4318/v1/traces; by default no traces"
    )
    logs: str = Field(default="text", pattern="^(text|json)$", description="what `work` and `up` say on stderr: lines of text or of JSON")
    failpoints: str = Field(default="", description="for fault tests: name:hit=action,…; see services/failpoints.py")

    @model_validator(mode="after")
    def _paths_are_absolute(self) -> Self:
        object.__setattr__(self, "data", self.data.absolute())
        return self

    @field_validator("failpoints")
    @classmethod
    def _failpoints_exist(cls, text: str) -> str:
        failing.parse(text)
        return text

    @field_validator("database_url")
    @classmethod
    def _database_url_is_of_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith("postgresql+psycopg://"):
            raise ValueError("write it as postgresql+psycopg://user:password@host:port/database")
        return url

    @field_validator("blob_url")
    @classmethod
    def _blob_url_names_a_bucket(cls, url: str | None) -> str | None:
        if url is not None and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w./-]*)?|file:///.+", url):
            raise ValueError("write it as s3://bucket/prefix, keys and addresses in the AWS_ variables, or as file:///folder")
        return url

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "jagawana.sqlite"

    @property
    def blobs(self) -> Path:
        """Folder of content-addressed blobs, where they do not lie in a bucket."""
        shared = urlsplit(self.blob_url or "")
        return Path(unquote(shared.path)) if shared.scheme == "file" else self.data / "blobs"

    @property
    def messages(self) -> Path:
        """The file channel: what people would have read."""
        return self.data / "messages"

    @property
    def spool(self) -> Path:
        """Our own copies of assets while they are decoded."""
        return self.data / "spool"


def load_settings(**given: object) -> Settings:
    """Settings from the environment, with the given ones on top.

    Raises:
        DataError: SETTINGS_INVALID, naming the setting.
    """
    _no_misspelt_variable(os.environ)
    try:
        settings = Settings(_secrets_dir=_secrets(os.environ), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"settings {first_fault(e)}") from e
    except SettingsError as e:
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{e}; write it as JSON") from e
    if settings.blob_url is not None:
        _no_endpoint_without_meaning(os.environ)
    return settings


def _secrets(environment: Mapping[str, str]) -> Path | None:
    """The folder of settings that are files, e.g. jagawana_database_url: a mounted secret shows in no process's environment."""
    folder = environment.get(SECRETS)
    if folder is not None and not Path(folder).is_dir():
        raise DataError(ErrorCode.SETTINGS_INVALID, f"{SECRETS} names {folder}, which is no folder; mount the secret there or unset it")
    return Path(folder) if folder is not None else None


def _no_misspelt_variable(environment: Mapping[str, str]) -> None:
    """A variable that nearly has a setting's name would otherwise be passed over in silence."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {SECRETS}
    for name in sorted(n for n in environment if n.upper().startswith(PREFIX) and n.upper() not in known):
        meant = get_close_matches(name.upper().removeprefix(PREFIX), [k.removeprefix(PREFIX) for k in known], n=1, cutoff=0.8)
        if meant:
            raise DataError(ErrorCode.SETTINGS_INVALID, f"there is no {name}; {PREFIX}{meant[0]} is meant")


def _no_endpoint_without_meaning(environment: Mapping[str, str]) -> None:
    """The client of S3 would panic at an address that is none, and refuse one without TLS in words that do not say so."""
    endpoint = environment.get("AWS_ENDPOINT_URL") or environment.get("AWS_ENDPOINT") or "https://"
    if not re.fullmatch(r"https://|https?://[\w.-]+(:\d+)?/?", endpoint):
        raise DataError(ErrorCode.SETTINGS_INVALID, "AWS_ENDPOINT_URL: write the address of the S3 server as https://host:port")
    if endpoint.startswith("http://") and environment.get("AWS_ALLOW_HTTP", "").lower() not in ("true", "1"):
        raise DataError(ErrorCode.SETTINGS_INVALID, "AWS_ENDPOINT_URL begins with http://: take https://, or set AWS_ALLOW_HTTP=true")
