"""Tortoise's configuration for a database URL; raises Misconfigured for a URL that cannot be used."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tortoise.exceptions import ConfigurationError

from bot.errors import Misconfigured
from bot.rules.database_addresses import AddressError, PostgresAddress, parse_address
from bot.store import MODELS

CONNECTION = "default"
"""The name of the one connection in Tortoise's configuration."""
POSTGRES_SCHEMES = ("postgres", "postgresql")
FILES = ("passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl")
"""The words of an address that name a file."""


def tortoise_config(url: str) -> dict[str, Any]:
    """Build Tortoise's whole configuration for the database at `url`."""
    app = {"models": MODELS, "default_connection": CONNECTION, "migrations": "bot.store.migrations"}
    return {
        "connections": {CONNECTION: connection_config(url)},
        "apps": {"models": app},
        "use_tz": True,
        "timezone": "UTC",
    }


def connection_config(url: str) -> dict[str, Any]:
    """Choose the engine for `url`, and its credentials."""
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        return {"engine": "bot.store.engines.sqlite", "credentials": {"file_path": sqlite_path(url)}}
    if scheme not in POSTGRES_SCHEMES:
        raise Misconfigured(f"{scheme!r} is not a database that Longshore knows: sqlite or postgres.")
    try:
        address = parse_address(url)
    except AddressError as error:
        raise Misconfigured(_sentence(error)) from None
    _check_files(address)
    try:
        import_module("asyncpg")
    except ModuleNotFoundError:
        raise Misconfigured("PostgreSQL needs asyncpg: pip install 'longshore[postgres]'.") from None
    return {"engine": "bot.store.engines.postgres", "credentials": {"address": address}}


def shown_address(url: str) -> str:
    """The address of a database for people, without secrets: `postgres://host:5432/name` or `sqlite:///path.db`."""
    if url.startswith("sqlite"):
        return f"sqlite://{sqlite_path(url)}"
    try:
        address = parse_address(url)
    except AddressError as error:
        raise Misconfigured(_sentence(error)) from None
    return address.shown


def _sentence(error: AddressError) -> str:
    return f"{error}" if f"{error}".endswith("?") else f"{error}."


def _check_files(address: PostgresAddress) -> None:
    """Refuse files that cannot be used: the driver would report them without their names."""
    for word in FILES:
        name = address.words.get(word)
        if name is None or (word, name) == ("sslrootcert", "system"):
            continue
        try:
            Path(name).open("rb").close()
        except OSError as error:
            raise Misconfigured(f"{word} names {name}, which cannot be read ({error.strerror}).") from None
        if word in ("sslrootcert", "sslcrl") and not _holds_certificates(name):
            raise Misconfigured(f"{word} names {name}, which is not a PEM file of that kind.")
    if (certificate := address.words.get("sslcert")) and not _holds_key(certificate, address):
        raise Misconfigured("sslcert and sslkey must name a certificate and its key in PEM form.")


def _holds_certificates(name: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError:
        return False
    return True


def _holds_key(certificate: str, address: PostgresAddress) -> bool:
    key, password = address.words.get("sslkey"), address.words.get("sslpassword", "")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, password)
    except ssl.SSLError:
        return False
    return True


def sqlite_path(url: str) -> str:
    """Return the absolute path of the file that `sqlite:///absolute.db` or `sqlite://relative.db` names."""
    location = url.partition("://")[2]
    if "?" in location or "#" in location:
        raise Misconfigured(
            "A sqlite address takes no parameters after a ?; in a file's name, ? is written %3F and # is %23."
        )
    path = unquote(location)
    if not path or path == ":memory:" or "\0" in path:
        raise Misconfigured("A sqlite address names a file, as in sqlite:///var/lib/longshore/longshore.db.")
    file = Path(os.fsdecode(path.encode())).absolute()  # as the locale of the process names it
    if not file.parent.is_dir():
        raise Misconfigured(f"The database directory {file.parent} does not exist.")
    if file.is_dir():
        raise Misconfigured(f"{file} is a directory: name a file in it for the database.")
    return str(file)


@contextmanager
def explain_config_errors() -> Iterator[None]:
    """Raise Misconfigured in place of Tortoise's errors about its configuration."""
    try:
        yield
    except ConfigurationError as exc:
        raise Misconfigured(f"The database address is wrong: {exc}") from exc
