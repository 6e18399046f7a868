"""`longshore` processes: they serve, refuse to share exclusive resources, and stop on request."""

import hashlib
import hmac
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.settings import read_settings
from tests.cli.conftest import (
    COMMAND,
    SECRET,
    TIMEOUT_SECONDS,
    Cli,
    free_port,
    http_request,
    process_environment,
    replaced_environment,
    wait_until,
)
from tests.conftest import postgres

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
        cli.run("deliveries", command, number).assert_failed(f"No dead letter {number}")
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
        assert second.popen.stderr is not None
        assert "working" in second.popen.stderr.readline()
        assert second.stop().code == 0
    else:
        cli.run("work").assert_failed("a SQLite database has one worker")
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


def test_the_schema_is_migrated_once_and_missing_migrations_are_named(cli: Cli, tmp_path: Path) -> None:
    settings = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db"}
    cli.run_process("token", "list", **settings).assert_failed("0001_initial", "run `longshore migrate` first")
    assert "applied 0001_initial" in cli.run_process("migrate", **settings).assert_succeeded()
    assert cli.run_process("migrate", **settings).assert_succeeded() == "The schema is up to date.\n"


def test_a_missing_setting_stops_a_process_with_one_line(cli: Cli) -> None:
    cli.run_process("serve", LONGSHORE_GITHUB_APP_ID="").assert_failed("LONGSHORE_GITHUB_APP_ID must be set")


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
    }
    assert key.is_absolute() and key.read_text().startswith("-----BEGIN")
    assert settings["LONGSHORE_GITHUB_WEBHOOK_SECRET"]
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
    cli.run("project", "create", "shop", "--repo", "acme/shop", **settings).assert_failed("GitHub repository not found")
    assert len(cli.run("project", "list").rows) == 1


def test_the_key_of_another_app_is_reported(cli: Cli, sandbox_env_file: Path, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "other.pem").write_bytes(pem)
    settings = {**read_env_file(sandbox_env_file), "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "other.pem")}
    message = cli.run("project", "create", "site", "--repo", "acme/site", **settings).assert_failed()
    assert "GitHub refuses our App id or key" in message


def test_a_sandbox_that_cannot_start_reports_why(cli: Cli, sandbox_env_file: Path, tmp_path: Path) -> None:
    port_in_use = read_env_file(sandbox_env_file)["LONGSHORE_GITHUB_API_URL"].rpartition(":")[2]
    cli.run("sandbox", "--repo", str(tmp_path / "nowhere")).assert_failed("No such folder")
    cli.run("demo", "--once", "--repo", str(tmp_path / "nowhere")).assert_failed("No such folder")
    missing = str(tmp_path / "nowhere" / "sandbox.env")
    repo = ("--repo", str(Path(__file__).parent.parent.parent))
    result = cli.run("sandbox", *repo, "--port", port_in_use)
    assert result.code != 0 and f"Port {port_in_use}" in result.err and result.err.count("\n") == 1
    file_result = cli.run("sandbox", *repo, "--port", "0", "--env-file", missing)
    assert file_result.code != 0 and missing in file_result.err and file_result.err.count("\n") == 1
