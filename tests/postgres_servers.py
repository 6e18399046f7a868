"""PostgreSQL servers and poolers of a test's own, where the programs are installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.conftest import free_port

SERVICE_USER = "postgres"  # neither program runs as root
PASSWORD = "p@ss/w:rd?#%&=+ [x]\\ü"
HBA = """
local all all trust
hostssl all tls_only all scram-sha-256
host all tls_only all reject
host all all all scram-sha-256
"""
ROLES = f"""
CREATE ROLE "me@example" LOGIN SUPERUSER PASSWORD '{PASSWORD}';
CREATE ROLE tls_only LOGIN SUPERUSER PASSWORD 'tls';
CREATE ROLE pooled LOGIN SUPERUSER PASSWORD 'pooled';
CREATE DATABASE "my db" OWNER "me@example";
"""


@dataclass(frozen=True)
class Server:
    """A server that listens on loopback and on a socket in `folder`, where its certificate `server.crt` is too."""

    folder: Path
    port: int


def program(name: str) -> str:
    """The path of a program of PostgreSQL; skips the test when it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which(name, path=os.pathsep.join([*map(str, reversed(folders)), os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def service_user() -> str | None:
    """The user to run a server as; None for the current one. Skips the test when root has none to hand."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER).pw_name
    except KeyError:
        pytest.skip(f"the tests run as root, and there is no user {SERVICE_USER}")


def run(*command: str | Path, folder: Path) -> None:
    """Run a program as the service user, in a folder of theirs."""
    subprocess.run(command, check=True, capture_output=True, cwd=folder, user=service_user())


@contextmanager
def service_folder() -> Iterator[Path]:
    """A folder of the service user, below none that only the current user may enter."""
    with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
        if (user := service_user()) is not None:
            shutil.chown(folder, user)
        yield Path(folder)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server with TLS, password authentication and the roles of ROLES."""
    with service_folder() as folder, _running_server(folder) as server:
        yield server


@contextmanager
def _running_server(folder: Path) -> Iterator[Server]:
    initdb, pg_ctl = program("initdb"), program("pg_ctl")
    run(initdb, "-D", folder / "data", "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", folder=folder)
    make_certificate(folder)
    (folder / "data" / "pg_hba.conf").write_text(HBA)
    server = Server(folder, free_port())
    options = f"-p {server.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c ssl=on"
    options += f" -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
    run(pg_ctl, "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start", folder=folder)
    try:
        (folder / "roles.sql").write_text(ROLES)
        psql: list[str | Path] = [
            program("psql"),
            "-X",
            "-q",
            "-h",
            folder,
            "-p",
            str(server.port),
            "-U",
            "root",
            "-d",
            "postgres",
        ]
        run(*psql, "-v", "ON_ERROR_STOP=1", "-f", folder / "roles.sql", folder=folder)
        yield server
    finally:
        run(pg_ctl, "-D", folder / "data", "-m", "immediate", "stop", folder=folder)


def make_certificate(folder: Path) -> None:
    """Make a certificate for localhost, signed by itself."""
    openssl = program("openssl")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    request = ["req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "rsa:2048", *subject]
    run(openssl, *request, "-out", folder / "server.crt", "-keyout", folder / "server.key", folder=folder)
    (folder / "server.key").chmod(0o600)


@contextmanager
def running_pooler(server: Server, **settings: str) -> Iterator[int]:
    """PgBouncer in front of a server; the value is its port."""
    with service_folder() as folder, _running_pooler(folder, server, settings) as port:
        yield port


@contextmanager
def _running_pooler(folder: Path, server: Server, settings: dict[str, str]) -> Iterator[int]:
    pgbouncer, port = program("pgbouncer"), free_port()
    options = {"pool_mode": "transaction", "default_pool_size": "3", **settings}
    lines = [f"{name} = {value}" for name, value in options.items()]
    (folder / "users.txt").write_text('"pooled" "pooled"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users.txt\n"
        + "\n".join(lines)
    )
    command = [pgbouncer, "-q", str(folder / "pgbouncer.ini")]
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, user=service_user())
    try:
        wait_for_port(port)
        yield port
    finally:
        process.kill()
        process.wait()


def pooler_version() -> tuple[int, int]:
    """The version of the PgBouncer that is installed."""
    said = subprocess.run([program("pgbouncer"), "--version"], check=True, capture_output=True, text=True).stdout
    major, minor, *_ = said.split()[1].split(".")
    return int(major), int(minor)


def wait_for_port(port: int) -> None:
    """Wait until something listens on a port of loopback."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")
