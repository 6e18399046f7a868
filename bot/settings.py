"""Settings: `LONGSHORE_*` environment variables, listed in .env.example and read only here."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.request import getproxies_environment

from pydantic import (
    AfterValidator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import Misconfigured
from bot.rules import addresses, proxies, secret_keys
from bot.rules.database_addresses import parse_address
from bot.rules.ids import GitHubUserId, parse_github_id
from bot.rules.permissions import ANONYMOUS_GRANTS
from bot.rules.setting_names import CLIENT_VARIABLES, unknown_settings
from bot.rules.setting_texts import as_utf8, is_injected_port, is_unicode, split_list, tidied
from bot.rules.validation import explain
from bot.secret_settings import SecretSetting, private_key_setting

PREFIX = "LONGSHORE_"
SECRETS = {
    "github_private_key": private_key_setting(f"{PREFIX}GITHUB_PRIVATE_KEY"),
    "github_webhook_secret": SecretSetting(f"{PREFIX}GITHUB_WEBHOOK_SECRET"),
    "github_client_secret": SecretSetting(f"{PREFIX}GITHUB_CLIENT_SECRET"),
    "secret_key": SecretSetting(f"{PREFIX}SECRET_KEY", secret_keys.checked),
}
OPTIONAL_SECRETS = frozenset({"github_client_secret", "secret_key"})
APP = ("github_app_id", "github_private_key", "github_webhook_secret")
"""What identifies the App. All of it is set, or none: then the App is set up in the browser."""
MIN_SECRET = 16  # characters; a shorter webhook secret is warned of
NO_PROXY = "none"
USER_IDS = "https://api.github.com/users/LOGIN, `id`"
_LEVELS = ("debug", "info", "warning", "error")

Values = dict[str, Any]


class DatabaseSettings(BaseSettings):
    """The settings of commands that use the database only."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True, validate_default=False
    )

    database_url: str = Field(
        default="sqlite://longshore.db",
        description="sqlite:///path/to/file.db or postgres://user:password@host/database?sslmode=require as for libpq.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, values: Values, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler(_tidied(values))

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: str) -> str:
        if not value.startswith(("sqlite://", "postgres://", "postgresql://")):
            raise ValueError("must begin with sqlite:// or postgres://")
        if not value.startswith("sqlite://"):
            parse_address(value)
        return value


class AddressSettings(DatabaseSettings):
    """The settings of commands that print addresses of the service, which need not be complete."""

    host: Annotated[str, AfterValidator(addresses.listening_host)] = Field(
        "127.0.0.1", description="The address to listen on; 0.0.0.0 or :: for all."
    )
    port: int = Field(8080, ge=0, le=65535, description="The port to listen on.")
    work_port: int = Field(
        8081,
        ge=0,
        le=65535,
        description="The port at which `longshore work` serves /healthz, /readyz and /metrics; 0 for any free one.",
    )
    base_url: Annotated[str, AfterValidator(addresses.base_url)] = Field(
        "", description="The URL at which people reach this service, path included; http://HOST:PORT by default."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, values: Values, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return handler(_without(_tidied(values), *_injected(values)))

    @property
    def url(self) -> str:
        """The URL at which people reach this service."""
        return self.base_url or addresses.local_url(self.host, self.port)


class Settings(AddressSettings):
    """The settings of the service. A missing or malformed value is reported by name before anything starts."""

    github_api_url: Annotated[str, AfterValidator(addresses.github_api_url)] = Field(
        addresses.GITHUB_API, description="GitHub's REST API; https://HOST/api/v3 on GitHub Enterprise Server."
    )
    github_proxy: SecretStr = Field(
        SecretStr(""),
        description="Proxy for requests to GitHub, or none; by default that of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    )
    github_app_id: str = Field(
        "", description="The App's id or client id. Leave it, the key and the secret empty to set up the App at /setup."
    )
    github_private_key: SecretStr = Field(
        SecretStr(""), description="The App's private key: PEM, with \\n for line ends if it is one line, or in base64."
    )
    github_private_key_file: Path | None = Field(None, description="… or a file that holds it.")
    github_webhook_secret: SecretStr = Field(SecretStr(""), description="The webhook's secret.")
    github_webhook_secret_file: Path | None = Field(None, description="… or a file that holds it.")
    github_client_id: str = Field("", description="The App's client id, with which people sign in to the pages.")
    github_client_secret: SecretStr = Field(SecretStr(""), description="The App's client secret, for the same.")
    github_client_secret_file: Path | None = Field(None, description="… or a file that holds it.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Encrypts what /setup stores: from `openssl rand -base64 32`; older ones after commas.",
    )
    secret_key_file: Path | None = Field(None, description="… or a file that holds it.")
    operators: str = Field(
        "", description="People with every right on the pages, as GitHub's numeric user ids, separated by commas."
    )
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

    @field_validator("operators")
    @classmethod
    def _are_ids(cls, value: str) -> str:
        for number in split_list(value):
            if parse_github_id(number) is None:
                raise ValueError(f"`{number}` is not the numeric id of a user on GitHub: see {USER_IDS}")
        return value

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

    @field_validator("github_proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        return SecretStr(NO_PROXY if text.lower() == NO_PROXY else proxies.proxy_url(text))

    _warnings: tuple[str, ...] = PrivateAttr(())
    _proxy: str = PrivateAttr("")

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, values: Values, handler: ModelWrapValidatorHandler[Self]) -> Self:
        complete, warnings = _complete(_tidied(values))
        settings = handler(complete)
        settings._warnings = (*warnings, *unknown_variables())
        settings._proxy = _proxy(settings, settings.github_api_url)
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about settings that work, but hardly as they are meant."""
        return self._warnings

    @property
    def operator_ids(self) -> frozenset[GitHubUserId]:
        """The accounts on GitHub of the operators."""
        return frozenset(number for text in split_list(self.operators) if (number := parse_github_id(text)))

    @property
    def names_app(self) -> bool:
        """Whether the settings name the App. Otherwise it is the one that was set up in the browser."""
        return self.github_app_id != ""

    @property
    def names_github(self) -> bool:
        """Whether the settings name a GitHub other than github.com, which then is the only one to set up an App on."""
        return self.github_api_url != addresses.GITHUB_API

    @property
    def proxy(self) -> str:
        """The URL of the proxy for requests to GitHub, or an empty text. It may contain a password."""
        return self._proxy

    def proxy_for(self, api_url: str) -> str:
        """Likewise, for another address of GitHub's API."""
        return self._proxy if api_url == self.github_api_url else _proxy(self, api_url)


def read_settings(**overrides: Any) -> Settings:
    """Read the settings; raise Misconfigured with a sentence that names what is missing or malformed."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise Misconfigured(" ".join((_describe(error), *unknown_variables()))) from None


def unknown_variables() -> list[str]:
    """Sentences about variables of the environment that are named like settings but are not."""
    known = {*map(_variable, Settings.model_fields), *CLIENT_VARIABLES}
    environment = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in os.environb.items()}
    return unknown_settings(environment, PREFIX, known)


def read_database_url() -> str:
    """Read the URL of the database; raise Misconfigured when it is malformed."""
    try:
        return DatabaseSettings().database_url
    except ValidationError as error:
        raise Misconfigured(_describe(error)) from None


def read_url(**overrides: Any) -> str:
    """Read the URL at which people reach the service; raise Misconfigured when a part of it is malformed."""
    try:
        return AddressSettings(**overrides).url
    except ValidationError as error:
        raise Misconfigured(_describe(error)) from None


def _tidied(values: Values) -> Values:
    """Tidy every text. What is empty then is not set."""
    texts = {name: tidied(as_utf8(value)) for name, value in values.items() if isinstance(value, str)}
    if wrong := [_variable(name) for name, text in texts.items() if not is_unicode(text)]:
        raise ValueError(f"{', '.join(wrong)} must be text in UTF-8")
    return {name: value for name, value in {**values, **texts}.items() if value != ""}


def _complete(values: Values) -> tuple[Values, list[str]]:
    """Drop what orchestrators set, and read the secrets; also returns warnings."""
    injected = _injected(values)
    warnings = [
        f"{_variable(name)} is set by Kubernetes or Docker for a service, and is ignored: the default applies."
        for name in injected
    ]
    values = _without(values, *injected)
    names_app = any(_is_given(values, name) for name in APP)
    errors = [f"{_variable('github_app_id')} must be set"] if names_app and not values.get("github_app_id") else []
    for name, setting in SECRETS.items():
        if not _is_given(values, name) and (name in OPTIONAL_SECRETS or not names_app):
            continue
        try:
            values[name], more = setting.read(values.get(name), values.get(f"{name}_file"))
            warnings += more
        except ValueError as error:
            errors.append(str(error))
    if errors:
        raise ValueError("; ".join(errors))
    if names_app and len(values["github_webhook_secret"]) < MIN_SECRET:
        warnings.append(f"The webhook secret has fewer than {MIN_SECRET} characters: it could be guessed.")
    return values, warnings


def _injected(values: Values) -> list[str]:
    """The names of the values that orchestrators set."""
    return [name for name, value in values.items() if name.endswith("port") and is_injected_port(str(value))]


def _without(values: Values, *names: str) -> Values:
    return {name: value for name, value in values.items() if name not in names}


def _is_given(values: Values, name: str) -> bool:
    return bool(values.get(name) or values.get(f"{name}_file"))


def _proxy(settings: Settings, api_url: str) -> str:
    given = settings.github_proxy.get_secret_value()
    if given:
        return "" if given == NO_PROXY else given
    return proxies.environment_proxy(api_url, getproxies_environment())


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def _describe(error: ValidationError) -> str:
    parts = []
    for problem in error.errors(include_url=False, include_input=False):
        text = explain(problem["type"], problem.get("ctx"), problem["msg"])
        if problem["loc"]:
            name = _variable(str(problem["loc"][0]))
            text = f"{name} must be set" if problem["type"] == "missing" else f"{name}: {text}"
        parts.append(text)
    text = "; ".join(parts)
    return text if text.endswith("?") else f"{text}."
