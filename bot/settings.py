"""Settings: `LONGSHORE_*` environment variables, listed in .env.example and read only here."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import Misconfigured
from bot.rules.database_addresses import parse_address
from bot.rules.permissions import ANONYMOUS_GRANTS

PREFIX = "LONGSHORE_"
_LEVELS = ("debug", "info", "warning", "error")


def split_list(value: str) -> list[str]:
    """Split a setting at its commas; surrounding space and empty parts are dropped."""
    return [part.strip() for part in value.split(",") if part.strip()]


class DatabaseSettings(BaseSettings):
    """The settings of commands that use the database only."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True)

    database_url: str = Field(
        default="sqlite://longshore.db",
        description="sqlite:///path/to/file.db or postgres://user:password@host/database?sslmode=require as for libpq.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if not value.startswith(("sqlite://", "postgres://", "postgresql://")):
            raise ValueError("must begin with sqlite:// or postgres://")
        if not value.startswith("sqlite://"):
            parse_address(value)
        return value


class Settings(DatabaseSettings):
    """The settings of the service. A missing or malformed value is reported by name before anything starts."""

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="The port to listen on.")
    base_url: str = Field("", description="The URL at which people reach this service; http://HOST:PORT by default.")
    github_api_url: str = Field("https://api.github.com", description="GitHub's REST API.")
    github_app_id: str = Field(description="The App's id or client id.")
    github_private_key: SecretStr = Field(SecretStr(""), description="The App's private key, as PEM text.")
    github_private_key_file: Path | None = Field(None, description="… or a file that holds it.")
    github_webhook_secret: SecretStr = Field(SecretStr(""), description="The webhook's secret.")
    github_webhook_secret_file: Path | None = Field(None, description="… or a file that holds it.")
    anonymous_read: str = Field(
        "content", description="What anonymous callers may read, of public projects only: content, none or all."
    )
    trusted_proxies: str = Field(
        "", description="Addresses or networks of proxies whose X-Forwarded-For is trusted, separated by commas."
    )
    cors_origins: str = Field(
        "", description="Origins whose pages may call the API, separated by commas, or * for any; none by default."
    )
    log_level: Annotated[str, NoDecode] = Field("info", description="debug, info, warning or error.")
    worker_concurrency: int = Field(8, ge=1, le=100, description="Jobs that one process runs at once.")
    dispatch_search_seconds: float = Field(
        60,
        ge=0,
        le=600,
        description="Seconds to search for a run whose dispatch got no response before dispatching again.",
    )

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in _LEVELS:
            raise ValueError(f"must be one of {', '.join(_LEVELS)}")
        return value.lower()

    @field_validator("anonymous_read")
    @classmethod
    def _known_policy(cls, value: str) -> str:
        if value.lower() not in ANONYMOUS_GRANTS:
            raise ValueError(f"must be one of {', '.join(ANONYMOUS_GRANTS)}")
        return value.lower()

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in split_list(value):
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError(f"`{network}` is neither an address nor a network such as 10.0.0.0/8") from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in split_list(value):
            if origin != "*" and re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+", origin) is None:
                raise ValueError(f"`{origin}` is neither an origin such as https://releases.example.com nor *")
        return value

    @field_validator("github_api_url", "base_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with https:// or http://")
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, Any]:
        errors = [] if values.get("github_app_id") else [f"{PREFIX}GITHUB_APP_ID must be set"]
        for name in ("github_private_key", "github_webhook_secret"):
            file, variable = values.get(f"{name}_file"), f"{PREFIX}{name.upper()}"
            if file and not values.get(name):
                variable += "_FILE"
                values = {**values, name: _read_file(variable, Path(file))}
            if not values.get(name):
                errors.append(f"{PREFIX}{name.upper()} (or {PREFIX}{name.upper()}_FILE) must be set")
            elif name == "github_private_key" and not _is_private_key(str(values[name])):
                errors.append(f"{variable}: an App's private key is an RSA key as PEM text without a passphrase")
        if errors:
            raise ValueError("; ".join(errors))
        return values

    @property
    def url(self) -> str:
        """The URL at which people reach this service."""
        return self.base_url or f"http://{self.host}:{self.port}"


def read_settings(**overrides: Any) -> Settings:
    """Read the settings; raise Misconfigured with a sentence that names what is missing or malformed."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise Misconfigured(_describe(error)) from None


def read_database_url() -> str:
    """Read the URL of the database; raise Misconfigured when it is malformed."""
    try:
        return DatabaseSettings().database_url
    except ValidationError as error:
        raise Misconfigured(_describe(error)) from None


def _read_file(variable: str, file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{variable} names {file}, which cannot be read ({error})") from None


def _is_private_key(text: str) -> bool:
    try:
        return isinstance(load_pem_private_key(text.encode(), None, unsafe_skip_rsa_key_validation=True), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False


def _describe(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False, include_input=False):
        text = problem["msg"].removeprefix("Value error, ")
        if problem["loc"]:
            name = f"{PREFIX}{str(problem['loc'][0]).upper()}"
            text = f"{name} must be set" if problem["type"] == "missing" else f"{name}: {text}"
        parts.append(text)
    return "; ".join(parts) + "."
