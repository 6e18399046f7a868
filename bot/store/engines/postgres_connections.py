"""Connecting to PostgreSQL: several hosts, one after the other, and what libpq does that the driver leaves to us.

The driver reads the other parameters of an address itself; this module does what its parser does not know.
"""

from __future__ import annotations

import os
import random
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]

from bot.rules.database_addresses import Host, PostgresAddress
from bot.rules.database_words import DRIVER_WORDS
from bot.store.engines import ACQUIRE_TIMEOUT
from bot.store.engines.postgres_errors import STATEMENT_LOST, CannotConnect

Connect = Callable[..., Awaitable[Any]]

APPLICATION_NAME = "longshore"
TRY_NEXT_HOST = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.TargetServerAttributeNotMatched)
WAITING_MAY_HELP = (
    *(*TRY_NEXT_HOST, asyncpg.InsufficientResourcesError),
    *(asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, asyncpg.ObjectNotInPrerequisiteStateError),
)
SOCKET_OPTIONS = (
    ("keepalives_idle", socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", None)),
    ("keepalives_interval", socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPINTVL", None)),
    ("keepalives_count", socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPCNT", None)),
    ("tcp_user_timeout", socket.IPPROTO_TCP, getattr(socket, "TCP_USER_TIMEOUT", None)),
)
"""Words of an address that are options of the socket; not every system has them."""


async def connect(address: PostgresAddress, **settings: Any) -> Any:
    """Connect to the first host that can be used. `settings` go to the driver. Raises CannotConnect."""
    attributes = address.words.get("target_session_attrs", "any")
    if attributes == "prefer-standby":
        try:
            return await _connect_to_one(address, "standby", settings)
        except CannotConnect:
            attributes = "any"
    return await _connect_to_one(address, attributes, settings)


async def _connect_to_one(address: PostgresAddress, attributes: str, settings: dict[str, Any]) -> Any:
    hosts, causes, waiting = list(address.hosts), [], False
    if address.words.get("load_balance_hosts") == "random":
        random.shuffle(hosts)
    for host in hosts:
        try:
            options = connection_options(address, host, attributes)
            connection = await asyncpg.connect(**{**options, **settings})
        except Exception as exc:  # noqa: BLE001 - whatever the driver raises, it is why there is no connection
            causes.append(f"{host}: {cause_of(exc, address, attributes)}")
            waiting = waiting or waiting_may_help(exc)
            if not isinstance(exc, TRY_NEXT_HOST):
                break
        else:
            if (fault := prepare(connection, address)) is None:
                return connection
            connection.terminate()
            raise CannotConnect(f"{host}: {fault}", waiting_may_help=False)
    raise CannotConnect("; ".join(causes), waiting_may_help=waiting)


def connection_options(address: PostgresAddress, host: Host, attributes: str) -> dict[str, Any]:
    """Return the driver's arguments for one host. Its address holds the words that it reads itself."""
    words = {name: address.words[name] for name in DRIVER_WORDS if name in address.words}
    words.setdefault("application_name", address.words.get("fallback_application_name", APPLICATION_NAME))
    options: dict[str, Any] = {
        "host": host.name,
        "port": host.port,
        "user": address.user,
        "password": address.password,
        "database": address.database,
        "target_session_attrs": attributes,
        "timeout": seconds_for_one_host(address),
    }
    if words.get("sslrootcert") == "system":  # the driver would look for a file of this name
        options["ssl"] = ssl.create_default_context()
        del words["sslrootcert"]
    if "statement_cache_size" in address.words:
        options["statement_cache_size"] = address.number("statement_cache_size", 0)
    return {"dsn": f"postgresql://?{urlencode(words, quote_via=quote)}", **options}


def seconds_for_one_host(address: PostgresAddress) -> float | None:
    """Return the seconds in which a host has to answer; None for no limit, which libpq writes 0.

    By default the last host is reached while a request still waits.
    """
    if "connect_timeout" not in address.words:
        return ACQUIRE_TIMEOUT / len(address.hosts)
    return max(0, address.number("connect_timeout", 0)) or None


def prepare(connection: Any, address: PostgresAddress) -> str | None:
    """Prepare a new connection; returns why it cannot be used, if it cannot."""
    if (encoding := connection.get_settings().server_encoding) != "UTF8":
        return f"the database is encoded in {encoding}, and has to be in UTF8"
    try:
        set_socket_options(connection, address)
    except OSError as error:
        return f"the system refuses the values of keepalives_… or tcp_user_timeout ({error.strerror})"
    return None


def set_socket_options(connection: Any, address: PostgresAddress) -> None:
    """Let the system find lost connections, as the address says."""
    sock = connection._transport.get_extra_info("socket")
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, int(address.number("keepalives", 1) != 0))
    for word, level, option in SOCKET_OPTIONS:
        if option is not None and (value := address.number(word, 0)) > 0:
            sock.setsockopt(level, option, value)


def waiting_may_help(exc: BaseException) -> bool:
    """Return whether a connection may succeed later without a change of the address or of the server's settings."""
    final = isinstance(exc, ssl.SSLError | PermissionError) or _is_tls_refused(exc)
    return isinstance(exc, WAITING_MAY_HELP) and not final


def cause_of(exc: BaseException, address: PostgresAddress, attributes: str) -> str:
    """Return why a host cannot be used, without a full stop."""
    match exc:
        case asyncpg.TargetServerAttributeNotMatched():
            return f"it is not {attributes}, which target_session_attrs asks for"
        case socket.gaierror():
            return f"its name cannot be resolved ({exc.strerror})"
        case ssl.SSLCertVerificationError():
            return f"its certificate cannot be verified ({exc.verify_message})"
        case KeyError():  # of the system's users
            return "the address names no user"
        case TimeoutError() if exc.errno is None:
            return f"no answer within {seconds_for_one_host(address):g} seconds"
        case OSError() if _is_tls_refused(exc):
            mode = address.words.get("sslmode", "prefer")
            return (
                f"it offers no TLS, which sslmode={mode} asks for"
                if mode != "prefer"
                else "it is not a PostgreSQL server"
            )
        case OSError() if (number := exc.errno or _number_in(exc)) and not isinstance(exc, ssl.SSLError):
            return os.strerror(number).lower()
        case _:
            return str(exc).partition("\n")[0].rstrip(".") or type(exc).__name__


def _is_tls_refused(exc: BaseException) -> bool:
    return isinstance(exc, ConnectionError) and "rejected SSL upgrade" in str(exc)


def _number_in(exc: OSError) -> int | None:
    """Return the first error number in a text about several addresses of one host."""
    match = re.search(r"\[Errno (\d+)\]", str(exc))
    return int(match[1]) if match else None


async def keeps_sessions(pool: Any, connect: Connect) -> bool:
    """Return whether a session is ours until we end it, as far as prepared statements can tell.

    A pooler such as PgBouncer in transaction mode gives the server's session to others between our transactions,
    unless it keeps account of prepared statements. A server that we are connected to directly tells its own process id.
    """
    try:
        async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            process = await connection.fetchval("SELECT pg_backend_pid()", timeout=ACQUIRE_TIMEOUT)
            if process == connection.get_server_pid():
                return True
        async with AsyncExitStack() as stack:
            first, second = [await connect(command_timeout=ACQUIRE_TIMEOUT) for _ in range(2)]
            stack.callback(first.terminate)
            stack.callback(second.terminate)
            return await _keep_statements(first, second)
    except STATEMENT_LOST:
        return False
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as exc:
        raise CannotConnect(str(exc) or "no answer", waiting_may_help=True) from exc


async def _keep_statements(first: Any, second: Any) -> bool:
    """Return whether two connections may each have a prepared statement of the same name."""
    name = f"longshore_{uuid4().hex}"
    one = await first.prepare("SELECT 1", name=name)
    before = await one.fetchval()
    two = await second.prepare("SELECT 2", name=name)
    return [before, await two.fetchval(), await one.fetchval()] == [1, 2, 1]
