"""`longshore` processes: they serve, refuse to share exclusive resources, and stop on request."""

import asyncio
import hashlib
import hmac
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.settings import read_settings, unknown_variables
from bot.store.database import execute
from bot.store.migrate import LOCK, known_migrations
from tests.cli.conftest import (
    COMMAND,
    SECRET,
    TIMEOUT_SECONDS,
    Cli,
    Process,
    free_port,
    http_request,
    process_environment,
    replaced_environment,
    wait_until,
)
from tests.conftest import SERVER, connect, execute_on_server, postgres

GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
NOT_JSON = b'{"action": "created", '


def send_delivery(url: str, body: bytes, guid: str) -> int:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature,
    }
    return http_request(f"{url}/webhooks/github", body, headers)[0]


def test_a_dead_letter_is_listed_shown_retried_and_discarded(cli: Cli) -> None:
    service = cli.serve()
    assert send_delivery(service.url, NOT_JSON, GUID) == 202
    wait_until(lambda: bool(cli.run("deliveries", "list").rows), service.popen)
    ((number, *columns),) = cli.run("deliveries", "list").rows
    assert columns[:3] == ["webhook", "issue_comment", f"webhook:{GUID}"]
    assert "The body is not JSON" in " ".join(columns)
    details = cli.run("deliveries", "show", number).assert_succeeded()
    assert GUID in details and "The body is not JSON" in details and NOT_JSON.decode() in details
    first_failure = cli.select(f"SELECT finished_at FROM jobs WHERE key = 'webhook:{GUID}'")
    assert cli.run("deliveries", "retry", number).assert_succeeded() == f"Queued {number} again.\n"
    wait_until(
        lambda: (
            cli.select(f"SELECT finished_at FROM jobs WHERE key = 'webhook:{GUID}' AND state = 'dead'")
            not in ([], first_failure)
        )
    )
    assert cli.run("deliveries", "discard", number).assert_succeeded() == f"Discarded {number}.\n"
    assert cli.run("deliveries", "list").rows == []
    for command in ("show", "retry", "discard"):
        cli.run("deliveries", command, number).assert_failed(f"There is no dead letter {number}")
    audited = [entry["act"] for entry in cli.select("SELECT act FROM audit_entries ORDER BY id")]
    assert audited == ["delivery.retry", "delivery.discard"]
    assert send_delivery(service.url, NOT_JSON, GUID) == 202
    assert cli.run("deliveries", "list").rows == []


def test_a_service_stops_cleanly_and_shares_neither_its_port_nor_its_worker(cli: Cli) -> None:
    service = cli.serve()
    assert http_request(f"{service.url}/readyz")[0] == 200
    port = {"LONGSHORE_PORT": str(service.port)}
    cli.run("serve", "--no-worker", **port).assert_failed("LONGSHORE_PORT", str(service.port), "in use")
    if postgres():
        second = cli.start("work", LONGSHORE_LOG_LEVEL="info")
        read_until(second, '"event":"working"')
        assert second.stop().code == 0
    else:
        refused = cli.run("work", LONGSHORE_LOG_LEVEL="info")
        assert refused.code == 1 and "a SQLite database has one worker" in refused.err
        assert '"event":"working"' not in refused.out + refused.err
        cli.run("serve", LONGSHORE_PORT=str(free_port())).assert_failed("a SQLite database has one worker")
    assert http_request(f"{service.url}/readyz")[0] == 200
    result = service.stop()
    assert (result.code, result.err) == (0, "")
    assert http_request(f"{service.url}/healthz")[0] == 0


def test_a_service_without_a_worker_leaves_jobs_to_another_process(cli: Cli) -> None:
    service = cli.serve("--no-worker")
    assert send_delivery(service.url, NOT_JSON, GUID) == 202
    assert [row["state"] for row in cli.select(f"SELECT state FROM jobs WHERE key = 'webhook:{GUID}'")] == ["queued"]
    worker = cli.start("work")
    wait_until(lambda: bool(cli.run("deliveries", "list").rows), worker.popen)
    assert worker.stop(signal.SIGINT).code == 0
    assert service.stop(signal.SIGINT).code == 0


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_listened_on_and_written_in_brackets(cli: Cli) -> None:
    port = free_port()
    process = cli.start("serve", port=port, LONGSHORE_HOST="[::1]", LONGSHORE_LOG_LEVEL="info")
    wait_until(lambda: http_request(f"http://[::1]:{port}/healthz")[0] == 200, process.popen)
    again = cli.run("serve", "--no-worker", LONGSHORE_HOST="::1", LONGSHORE_PORT=str(port))
    again.assert_failed(f"cannot listen on [::1]:{port} (")
    assert f'"url":"http://[::1]:{port}"' in process.stop().err


def test_a_short_webhook_secret_is_warned_of_at_the_start(cli: Cli) -> None:
    process = cli.start("work", LONGSHORE_GITHUB_WEBHOOK_SECRET="hush", LONGSHORE_LOG_LEVEL="warning")
    line = read_until(process, "fewer than 16 characters")
    assert '"level":"warning"' in line and "hush" not in line
    assert process.stop().code == 0


def test_missing_migrations_are_named(cli: Cli) -> None:
    undo = break_schema(cli)
    try:
        cli.run("token", "list").assert_failed(known_migrations()[-1], "run `longshore migrate` first")
    finally:
        undo()


def test_the_schema_is_migrated_once(cli: Cli, tmp_path: Path) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db"}
    assert "applied 0001_initial" in cli.run_process("migrate", **settings).assert_succeeded()
    assert cli.run_process("migrate", **settings).assert_succeeded() == "The schema is up to date.\n"


def read_until(process: Process, text: str) -> str:
    """The first line that a process logs with this text in it."""
    assert process.popen.stderr is not None
    return next(line for line in process.popen.stderr if text in line)


def test_a_missing_setting_stops_a_process_with_one_line(cli: Cli) -> None:
    cli.run_process("serve", LONGSHORE_GITHUB_APP_ID="").assert_failed("LONGSHORE_GITHUB_APP_ID must be set")


def test_a_service_without_an_app_says_where_to_set_it_up_and_waits_for_it(cli: Cli) -> None:
    names = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY_FILE", "GITHUB_WEBHOOK_SECRET")
    unset = {f"LONGSHORE_{name}": "" for name in names} | {"LONGSHORE_SECRET_KEY": "k" * 40}
    service = cli.serve("--no-worker", **unset)
    assert read_until(service, "Set it up at") == f"There is no GitHub App yet. Set it up at {service.url}/setup\n"
    assert http_request(f"{service.url}/webhooks/github", b"{}") == (
        503,
        '{"error": "The GitHub App is not set up yet."}',
    )
    worker = cli.start("work", port=0, **unset, LONGSHORE_LOG_LEVEL="info")
    read_until(worker, '"event":"working"')
    assert service.stop().code == worker.stop().code == 0
    cli.run("project", "create", "site", "--repo", "acme/site", **unset).assert_failed(
        "The GitHub App is not set up yet"
    )


@pytest.mark.parametrize("path", ["/webhooks/github", "/api/releases/site/releases/1.0-rc1"])
def test_a_request_that_never_ends_does_not_keep_a_service_from_stopping(cli: Cli, path: str) -> None:
    service = cli.serve()
    with half_a_request(service.port, path):
        started = time.monotonic()
        assert service.stop().code == 0
        assert time.monotonic() - started < 15


def test_a_second_signal_ends_a_service_at_once(cli: Cli) -> None:
    service = cli.serve()
    with half_a_request(service.port, "/webhooks/github"):
        service.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: http_request(f"{service.url}/healthz")[0] == 0)
        started = time.monotonic()
        assert service.stop(signal.SIGINT).code == -signal.SIGINT
        assert time.monotonic() - started < 2


def half_a_request(port: int, path: str) -> socket.socket:
    """A connection with a request whose body is not complete."""
    connection = socket.create_connection(("127.0.0.1", port))
    head = f"POST {path} HTTP/1.1\r\nHost: longshore\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
    connection.sendall(f"{head}X-Hub-Signature-256: sha256={'0' * 64}\r\n\r\n{{".encode())
    time.sleep(0.2)  # the head has been read
    return connection


@pytest.mark.skipif(not postgres(), reason="on SQLite nobody waits for long")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_start_that_waits_for_another_migration_says_so_and_can_be_stopped(
    cli: Cli, command: str, signal_number: int
) -> None:
    with migrating_elsewhere() as url:
        process = cli.start(command, LONGSHORE_DATABASE_URL=url, LONGSHORE_LOG_LEVEL="info")
        read_until(process, "waiting for another process that is migrating the database")
        started = time.monotonic()
        assert process.stop(signal_number).code == 0
        assert time.monotonic() - started < 3


@pytest.mark.skipif(not postgres(), reason="on SQLite nobody waits for long")
def test_a_migration_that_waits_for_another_one_says_so(cli: Cli) -> None:
    with migrating_elsewhere() as url:
        process = cli.start("migrate", LONGSHORE_DATABASE_URL=url)
        assert process.popen.stderr is not None
        assert process.popen.stderr.readline() == "waiting for another process that is migrating the database.\n"
    out, err = process.popen.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.popen.returncode, err) == (0, "") and "applied 0001_initial" in out


@contextmanager
def migrating_elsewhere() -> Iterator[str]:
    """A database without tables, while another session holds the lock of migrations; the value is its URL."""
    name = f"longshore_locked_{os.getpid()}"
    url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    with asyncio.Runner() as runner:
        runner.run(execute_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        runner.run(execute_on_server(f"CREATE DATABASE {name}"))
        connection = runner.run(connect(url))
        try:
            runner.run(connection.execute(f"SELECT pg_advisory_lock({LOCK})"))
            yield url
        finally:
            runner.run(connection.close())


def test_health_says_whether_the_service_of_the_settings_is_ready(cli: Cli) -> None:
    service = cli.serve()
    port = {"LONGSHORE_PORT": str(service.port)}
    proxies = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    for host in ("127.0.0.1", "0.0.0.0", "localhost"):
        assert cli.run("health", LONGSHORE_HOST=host, **port, **proxies).assert_succeeded() == "ready\n"
    service.stop()
    cli.run("health", **port).assert_failed(f"does not answer at 127.0.0.1:{service.port}")


def test_health_fails_with_the_reason_when_the_service_is_not_ready(cli: Cli) -> None:
    service = cli.serve("--no-worker")
    undo = break_schema(cli)
    try:
        said = cli.run("health", LONGSHORE_PORT=str(service.port)).assert_failed()
        assert said.startswith("longshore: The service is not ready: migrations: ") and "{" not in said
    finally:
        undo()


@pytest.mark.parametrize(("status", "body"), [(403, b"Forbidden"), (200, b"<html></html>"), (200, b"{}"), (503, b"[]")])
def test_health_says_when_another_program_answers(cli: Cli, status: int, body: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        said = cli.run("health", LONGSHORE_PORT=str(server.server_port)).assert_failed()
        thread.join()
    place = f"127.0.0.1:{server.server_port}"
    assert said == f"longshore: What answers at {place} is not Longshore ({status} {body.decode()}).\n"


def break_schema(cli: Cli) -> Callable[[], int]:
    """Let the latest migration look as if it had not been applied; returns how to undo that."""
    latest = known_migrations()[-1]
    rename = "UPDATE tortoise_migrations SET name = $1 WHERE name = $2"
    cli.query(lambda: execute(rename, "absent", latest))
    return lambda: cli.query(lambda: execute(rename, latest, "absent"))


@pytest.mark.skipif(postgres(), reason="about SQLite's files")
def test_the_database_is_readable_by_its_owner_only(cli: Cli, tmp_path: Path) -> None:
    os.umask(0o022)
    new, old = tmp_path / "new.db", tmp_path / "longshore.db"
    old.chmod(0o644)
    cli.run_process("migrate", LONGSHORE_DATABASE_URL=f"sqlite://{new}").assert_succeeded()
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    service = cli.serve()
    assert send_delivery(service.url, NOT_JSON, GUID) == 202
    files = list(tmp_path.glob("longshore.db*"))
    assert {file.suffix for file in files} == {".db", ".db-wal", ".db-shm", ".lock"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


# --- with a simulated GitHub


@pytest.fixture(scope="module")
def sandbox_env_file(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A simulated GitHub in a subprocess; the value is the path of its settings file."""
    file = tmp_path_factory.mktemp("sandbox") / "sandbox.env"
    arguments = ["sandbox", "--repo", str(source), "--owner", "acme", "--name", "site", "--port", str(free_port())]
    arguments += ["--webhook-url", "http://127.0.0.1:9/webhooks/github", "--env-file", str(file)]
    popen = subprocess.Popen(
        [*COMMAND, *arguments],
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: file.exists() and "LONGSHORE_GITHUB_PRIVATE_KEY_FILE" in file.read_text(), popen)
        url = read_env_file(file)["LONGSHORE_GITHUB_API_URL"]
        wait_until(lambda: http_request(f"{url}/repos/acme/site")[0] == 200, popen)
        yield file
    finally:
        popen.send_signal(signal.SIGINT)
        popen.communicate(timeout=TIMEOUT_SECONDS)


def read_env_file(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_the_settings_of_a_sandbox_are_complete_and_private(sandbox_env_file: Path) -> None:
    settings = read_env_file(sandbox_env_file)
    key = Path(settings["LONGSHORE_GITHUB_PRIVATE_KEY_FILE"])
    assert set(settings) == {
        "LONGSHORE_GITHUB_API_URL",
        "LONGSHORE_GITHUB_APP_ID",
        "LONGSHORE_GITHUB_WEBHOOK_SECRET",
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE",
        "LONGSHORE_GITHUB_CLIENT_ID",
        "LONGSHORE_GITHUB_CLIENT_SECRET",
    }
    assert key.is_absolute() and key.read_text().startswith("-----BEGIN")
    assert settings["LONGSHORE_GITHUB_WEBHOOK_SECRET"]
    with replaced_environment(settings):
        assert unknown_variables() == []
    for file in (sandbox_env_file, key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with replaced_environment(settings):
        parsed = read_settings()
    assert parsed.github_private_key.get_secret_value() == key.read_text().strip()


def test_a_project_is_created_for_a_repository_that_github_shows(cli: Cli, sandbox_env_file: Path) -> None:
    settings = read_env_file(sandbox_env_file)
    assert "Created site" in cli.run("project", "create", "site", "--repo", "acme/site", **settings).assert_succeeded()
    ((name, _, repository, *_),) = cli.run("project", "list").rows
    assert (name, repository) == ("site", "acme/site")
    cli.run("project", "set", "site", "--build-workflow", "build.yml", **settings).assert_succeeded()
    cli.run("project", "create", "shop", "--repo", "acme/shop", **settings).assert_failed(
        "GitHub repository not found, or the App is not installed on it (repo: acme/shop)"
    )
    assert len(cli.run("project", "list").rows) == 1


def test_a_workflow_file_that_is_not_there_is_warned_of_and_set(cli: Cli, sandbox_env_file: Path) -> None:
    settings = read_env_file(sandbox_env_file)
    missing = "There is no workflow file `.github/workflows/biuld.yml` at `main`: add it, or name another."
    warning = f"longshore: warning: {missing} "
    known = "Known workflow files: `build.yml` and `deploy.yml`.\n"
    created = cli.run("project", "create", "site", "--repo", "acme/site", "--build-workflow", "biuld.yml", **settings)
    assert (created.code, created.err) == (0, f"{warning}Did you mean `build.yml`? {known}")
    changed = cli.run("project", "set", "site", "--build-workflow", "biuld.yml", **settings)
    assert (changed.code, changed.err) == (0, created.err)
    eu = ("site", "eu", "--workflow", "nothing.yml")
    environment = cli.run("environment", "create", *eu, "--tier", "staging", **settings)
    assert (environment.code, environment.err) == (0, warning.replace("biuld", "nothing") + known)
    assert cli.run("environment", "set", *eu, **settings).err == environment.err
    assert cli.run("environment", "set", *eu[:3], "deploy.yml", **settings).assert_succeeded()
    unset = {"LONGSHORE_GITHUB_APP_ID": "", "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": ""}
    assert cli.run("environment", "set", *eu, **unset).assert_succeeded()


def test_the_key_of_another_app_is_reported(cli: Cli, sandbox_env_file: Path, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "other.pem").write_bytes(pem)
    settings = {**read_env_file(sandbox_env_file), "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "other.pem")}
    message = cli.run("project", "create", "site", "--repo", "acme/site", **settings).assert_failed()
    assert "GitHub refuses our App id or key" in message


@pytest.mark.parametrize("command", [["serve", "--no-worker"], ["work"]], ids=" ".join)
def test_a_wrong_app_id_is_logged_at_the_start_which_it_does_not_stop(
    cli: Cli, sandbox_env_file: Path, command: list[str]
) -> None:
    process = cli.start(
        *command, port=free_port(), **{**read_env_file(sandbox_env_file), "LONGSHORE_GITHUB_APP_ID": "7"}
    )
    line = read_until(process, "Integration not found")
    assert "LONGSHORE_GITHUB_APP_ID" in line and '"level":"error"' in line
    if command[0] == "serve":
        status, body = http_request(f"{process.url}/readyz")
        assert (status, "Integration not found" in body) == (200, True)
    assert process.stop().code == 0
    message = cli.run(
        *("project", "create", "site", "--repo", "acme/site"),
        **{**read_env_file(sandbox_env_file), "LONGSHORE_GITHUB_APP_ID": "7"},
    ).assert_failed("Integration not found")
    assert "GitHub repository not found" not in message


def test_a_sandbox_that_cannot_start_reports_why(cli: Cli, sandbox_env_file: Path, tmp_path: Path) -> None:
    port_in_use = read_env_file(sandbox_env_file)["LONGSHORE_GITHUB_API_URL"].rpartition(":")[2]
    cli.run("sandbox", "--repo", str(tmp_path / "nowhere")).assert_failed("No such folder")
    cli.run("demo", "--once", "--repo", str(tmp_path / "nowhere")).assert_failed("No such folder")
    (tmp_path / "README.md").touch()
    for command in (["sandbox"], ["demo", "--once"]):
        said = cli.run(*command, "--repo", str(tmp_path / "README.md")).assert_failed()
        assert said.endswith(f"{tmp_path / 'README.md'} is a file, not a folder.\n")
        cli.run(*command, "--repo", str(tmp_path)).assert_failed("is not in a git repository: name the folder of one")
    missing = str(tmp_path / "nowhere" / "sandbox.env")
    repo = ("--repo", str(Path(__file__).parent.parent.parent))
    result = cli.run("sandbox", *repo, "--port", port_in_use)
    assert result.code != 0 and f"Port {port_in_use}" in result.err and result.err.count("\n") == 1
    file_result = cli.run("sandbox", *repo, "--port", "0", "--env-file", missing)
    assert file_result.code != 0 and missing in file_result.err and file_result.err.count("\n") == 1
