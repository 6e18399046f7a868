"""Connections to PostgreSQL are made as libpq makes them, and if there is none, the cause is said."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tortoise.exceptions import OperationalError

from bot.errors import DatabaseUnavailable, Misconfigured, Problem
from bot.store.database import Database, execute, fetch, open_database, transaction
from bot.store.migrate import migrate
from tests.cli.conftest import free_port
from tests.conftest import postgres
from tests.outages import eventually
from tests.postgres_servers import PASSWORD, Server, pooler_version, running_pooler, running_server

pytestmark = pytest.mark.skipif(not postgres(), reason="about PostgreSQL: set LONGSHORE_TEST_DATABASE_URL")
SECRET = quote(PASSWORD, safe="")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await open_database(url)
    try:
        yield database
    finally:
        await database.close()


async def one(sql: str) -> Any:
    [row] = await fetch(sql)
    return next(iter(row.values()))


async def sentence(url: str, problem: type[Problem] = Misconfigured) -> str:
    with pytest.raises(problem) as error:
        await open_database(url)
    assert type(error.value) is problem
    return error.value.sentence


@pytest.mark.parametrize(
    "form",
    [
        "postgres://me%40example:{secret}@127.0.0.1:{port}/my%20db",
        "postgresql://127.0.0.1/?user=me%40example&password={secret}&port={port}&dbname=my%20db",
        "postgres://me%40example:{secret}@{socket}:{port}/my%20db",
        "postgres://me%40example@/my%20db?host={socket}&port={port}",
        "postgres://me%40example:{secret}@localhost:{port}/my%20db?sslmode=require",
        "postgres://me%40example:{secret}@localhost:{port}/my%20db?sslmode=verify-full&sslrootcert={folder}/server.crt",
        "postgres://me%40example:{secret}@127.0.0.1:{port}/my%20db?sslmode=verify-ca&sslrootcert={folder}/server.crt",
        "postgres://me%40example:{secret}@127.0.0.1:{port}/my%20db?ssl=true",
        "postgres://me%40example:{secret}@127.0.0.1:{port}/my%20db?ssl=false",
    ],
)
async def test_a_database_is_reached_by_every_form_of_its_address(server: Server, form: str) -> None:
    url = form.format(secret=SECRET, port=server.port, folder=server.folder, socket=quote(str(server.folder), safe=""))
    async with opened(url):
        assert await one("SELECT current_user") == "me@example"
        assert await one("SELECT current_database()") == "my db"
        ssl = await one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert ssl is ("socket" not in form and "host=" not in form and "ssl=false" not in form)


async def test_words_of_libpq_have_their_effect(server: Server) -> None:
    words = "options=-cstatement_timeout%3D7s%20-csearch_path%3Dshore&application_name=my%20app"
    url = f"postgres://me%40example:{SECRET}@127.0.0.1:{server.port}/postgres?{words}"
    async with opened(url):
        assert await one("SHOW statement_timeout") == "7s"
        assert await one("SHOW search_path") == "shore"
        assert await one("SHOW application_name") == "my app"
    async with opened(url.partition("?")[0]):
        assert await one("SHOW application_name") == "longshore"
    async with opened(f"{url.partition('?')[0]}?fallback_application_name=x"):
        assert await one("SHOW application_name") == "x"


async def test_everything_stays_in_the_schema_that_options_name(server: Server) -> None:
    url = f"postgres://me%40example:{SECRET}@127.0.0.1:{server.port}/postgres"
    async with opened(url):
        await execute("CREATE SCHEMA shore")
    inside = f"{url}?options=-csearch_path%3Dshore"
    assert len(await migrate(inside)) > 3
    assert await migrate(inside) == []
    async with opened(inside):
        assert await one("SELECT count(*) FROM pg_tables WHERE schemaname = 'shore' AND tablename = 'jobs'") == 1
        assert await one("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


async def test_a_password_is_found_in_a_file(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text("localhost:*:*:*:wrong\n127.0.0.1:*:postgres:tls_only:tls\n")
    file.chmod(0o600)
    async with opened(f"postgres://tls_only@127.0.0.1:{server.port}/postgres?passfile={file}"):
        assert await one("SELECT current_user") == "tls_only"
    assert "passfile names /no/file" in await sentence(f"postgres://u@127.0.0.1:{server.port}/d?passfile=/no/file")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("postgres://me%40example:wr0ng@127.0.0.1:{port}/postgres", 'password authentication failed for user "me@'),
        ("postgres://nobody:wr0ng@127.0.0.1:{port}/postgres", 'password authentication failed for user "nobody"'),
        ("postgres://tls_only:tls@127.0.0.1:{port}/none", 'database "none" does not exist'),
        ("postgres://tls_only:tls@127.0.0.1:{port}/postgres?sslmode=disable", "pg_hba.conf"),
        ("postgres://tls_only:tls@127.0.0.1:{port}/postgres?options=-cnonsense%3D1", "nonsense"),
        ("postgres://tls_only:tls@localhost:{port}/postgres?sslmode=verify-full&sslrootcert=system", "self-signed"),
        ("postgres://tls_only:tls@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={crt}", "not valid for"),
        ("postgres://tls_only:tls@127.0.0.1:{port}/postgres?sslmode=verify-ca&sslrootcert=/no.crt", "/no.crt"),
        ("postgres://tls_only:tls@127.0.0.1:{port}/postgres?sslmode=require&sslcert={crt}", "sslcert and sslkey"),
        (
            "postgres://tls_only:tls@127.0.0.1:{port}/postgres?sslmode=verify-ca&sslrootcert=/etc/hosts",
            "/etc/hosts, which",
        ),
    ],
)
async def test_what_the_server_refuses_is_said_with_its_name(server: Server, form: str, said: str) -> None:
    url = form.format(port=server.port, crt=server.folder / "server.crt")
    message = await sentence(url)
    assert said in message and "wr0ng" not in message, message
    assert f":{server.port}: " in message or message.startswith("ssl"), message


async def test_a_server_without_tls_is_refused_where_tls_is_asked_for(database_url: str) -> None:
    message = await sentence(f"{database_url}?sslmode=require")
    assert "offers no TLS, which sslmode=require asks for" in message
    async with opened(f"{database_url}?sslmode=prefer"):
        assert await one("SELECT 1") == 1


async def test_a_host_that_cannot_be_reached_is_said_with_the_cause() -> None:
    port = free_port()
    for url, said in {
        f"postgres://u:pa55@127.0.0.1:{port}/d": f"127.0.0.1:{port}: connection refused",
        f"postgres://u:pa55@localhost:{port}/d": f"localhost:{port}: connection refused",
        "postgres://u:pa55@no-such-host.invalid/d": "no-such-host.invalid: its name cannot be resolved",
        "postgres:///d?host=/no/folder": "/no/folder: no such file or directory",
        f"postgres://u:pa55@127.0.0.1:{port},no-such-host.invalid/d": "connection refused; no-such-host.invalid: its",
    }.items():
        message = await sentence(url, DatabaseUnavailable)
        assert said in message and "pa55" not in message, message


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


async def test_connect_timeout_is_the_time_that_each_host_has() -> None:
    async with silent_server() as port:
        started = time.monotonic()
        message = await sentence(f"postgres://u@127.0.0.1:{port}/d?connect_timeout=1", DatabaseUnavailable)
        assert f"127.0.0.1:{port}: no answer within 1 seconds" in message
        assert 0.9 < time.monotonic() - started < 3


async def test_the_next_host_is_used_when_one_does_not_answer_or_is_read_only(database_url: str) -> None:
    location, _, name = database_url.rpartition("/")
    user, _, host = location.rpartition("@")
    async with silent_server() as port:
        url = f"{user}@127.0.0.1:{free_port()},127.0.0.1:{port},{host}/{name}?connect_timeout=1"
        async with opened(url):
            assert await one("SELECT 1") == 1
    read_only = "options=-cdefault_transaction_read_only%3Don&target_session_attrs="
    message = await sentence(f"{database_url}?{read_only}read-write", DatabaseUnavailable)
    assert "it is not read-write, which target_session_attrs asks for" in message
    for attributes in ("read-only", "any", "primary", "prefer-standby"):
        async with opened(f"{database_url}?{read_only}{attributes}&load_balance_hosts=random"):
            assert await one("SHOW default_transaction_read_only") == "on"


async def test_the_system_finds_lost_connections_as_the_address_says(database_url: str) -> None:
    words = "keepalives_idle=11&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=9000"
    expected = {"SO_KEEPALIVE": 1, "TCP_KEEPIDLE": 11, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 9000}
    async with opened(f"{database_url}?{words}") as database:
        found = await socket_options(database)
        assert {name: found[name] for name in expected} == expected
    async with opened(database_url) as database:
        assert (await socket_options(database))["SO_KEEPALIVE"] == 1
    async with opened(f"{database_url}?keepalives=0") as database:
        assert (await socket_options(database))["SO_KEEPALIVE"] == 0


async def socket_options(database: Database) -> dict[str, int]:
    pool: Any = database.client._pool
    async with pool.acquire() as connection:
        sock = connection._transport.get_extra_info("socket")
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
        found = {name: sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names}
        return {**found, "SO_KEEPALIVE": sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}


async def test_the_pool_has_the_size_that_the_address_says(database_url: str) -> None:
    async with opened(f"{database_url}?minsize=2&maxsize=3") as database:
        pool: Any = database.client._pool
        assert (pool.get_min_size(), pool.get_max_size(), pool.get_size()) == (2, 3, 2)
    async with opened(database_url) as database:
        pool = database.client._pool
        assert (pool.get_min_size(), pool.get_max_size()) == (1, 10)


async def test_a_value_that_talks_of_closing_is_no_lost_connection(database: Database) -> None:
    with pytest.raises(OperationalError, match="connection is closed"):
        await fetch("SELECT $1::int AS number", "connection is closed")


# --- poolers


def pooled(port: int, words: str = "") -> str:
    return f"postgres://pooled:pooled@127.0.0.1:{port}/postgres?{words}"


async def test_a_pooler_that_shares_sessions_is_found_at_the_start_and_the_remedy_is_named(server: Server) -> None:
    if pooler_version() >= (1, 21):
        pytest.skip("this PgBouncer can keep account of prepared statements")
    with running_pooler(server) as port:
        message = await sentence(pooled(port))
        assert f"127.0.0.1:{port}" in message and "add statement_cache_size=0" in message
        async with opened(pooled(port, "statement_cache_size=0")):
            assert await one("SELECT 1") == 1


async def test_a_pooler_that_keeps_sessions_is_used_like_a_server(server: Server) -> None:
    with running_pooler(server, pool_mode="session") as port:
        async with opened(pooled(port)):
            assert await one("SELECT 1") == 1


async def test_through_a_pooler_that_shares_sessions_everything_works(server: Server) -> None:
    with running_pooler(server) as port:
        url = pooled(port, "statement_cache_size=0")
        await asyncio.gather(*(migrate(url) for _ in range(3)))
        async with opened(url):

            async def add(number: int) -> None:
                async with transaction():
                    await execute("INSERT INTO users (name, created_at) VALUES ($1, now())", f"u{number}")
                    rows = await fetch("SELECT name FROM users WHERE name = $1", f"u{number}")
                    assert rows == [{"name": f"u{number}"}]
                assert await one(f"SELECT {number} AS number") == number

            await asyncio.gather(*(add(number) for number in range(60)))
            assert await one("SELECT count(*) FROM users") == 60


async def test_a_pooler_whose_server_is_gone_is_unavailable_and_recovers(server: Server) -> None:
    with running_pooler(server) as port:
        async with opened(pooled(port, "statement_cache_size=0")):
            for _ in range(5):
                connection = await import_module("asyncpg").connect(
                    host=str(server.folder), port=server.port, user="pooled", database="postgres"
                )
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                )
                await connection.close()
                await eventually(answers)


async def answers() -> bool:
    try:
        return bool(await one("SELECT 1") == 1)
    except DatabaseUnavailable:
        return False
