"""`longshore` as processes: services that serve, refuse to share what cannot be shared, and end when asked to."""

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
from tests.cli.conftest import COMMAND, PATIENCE, SECRET, Cli, ask, environment, free_port, plain_environment, until
from tests.conftest import postgres

NOT_JSON = b'{"action": "created", '


def deliver(url: str, body: bytes, guid: str) -> int:
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature,
    }
    return ask(f"{url}/webhooks/github", body, headers)[0]


def test_a_dead_letter_is_listed_shown_tried_again_and_discarded(cli: Cli) -> None:
    service = cli.serve()
    assert deliver(service.url, NOT_JSON, "guid-1") == 202
    until(lambda: bool(cli.run("deliveries", "list").rows), service.popen)
    ((number, *told),) = cli.run("deliveries", "list").rows
    assert told[:3] == ["webhook", "issue_comment", "guid-1"]
    assert "The body is not JSON" in " ".join(told)
    shown = cli.run("deliveries", "show", number).done()
    assert "guid-1" in shown and "The body is not JSON" in shown and NOT_JSON.decode() in shown
    first = cli.select("SELECT finished_at FROM jobs WHERE key = 'guid-1'")
    assert cli.run("deliveries", "retry", number).done() == f"Queued {number} again.\n"
    until(lambda: cli.select("SELECT finished_at FROM jobs WHERE key = 'guid-1' AND state = 'dead'") not in ([], first))
    assert cli.run("deliveries", "discard", number).done() == f"Discarded {number}.\n"
    assert cli.run("deliveries", "list").rows == []
    for act in ("show", "retry", "discard"):
        cli.run("deliveries", act, number).refused(f"No dead letter {number}")
    acts = [entry["act"] for entry in cli.select("SELECT act FROM audit_entries ORDER BY id")]
    assert acts == ["delivery.retry", "delivery.discard"]
    assert deliver(service.url, NOT_JSON, "guid-1") == 202
    assert cli.run("deliveries", "list").rows == []


def test_a_service_ends_cleanly_when_asked_and_keeps_its_port_and_its_worker_to_itself(cli: Cli) -> None:
    service = cli.serve()
    assert ask(f"{service.url}/readyz")[0] == 200
    port = {"LONGSHORE_PORT": str(service.port)}
    cli.run("serve", "--no-worker", **port).refused("LONGSHORE_PORT", str(service.port), "in use")
    if postgres():
        second = cli.start("work", LONGSHORE_LOG_LEVEL="info")
        assert second.popen.stderr is not None
        assert "working" in second.popen.stderr.readline()
        assert second.stop().code == 0
    else:
        cli.run("work").refused("a SQLite database has one worker")
        cli.run("serve", LONGSHORE_PORT=str(free_port())).refused("a SQLite database has one worker")
    assert ask(f"{service.url}/readyz")[0] == 200
    ended = service.stop()
    assert (ended.code, ended.err) == (0, "")
    assert ask(f"{service.url}/healthz")[0] == 0


def test_a_service_without_a_worker_leaves_the_work_to_another_process(cli: Cli) -> None:
    service = cli.serve("--no-worker")
    assert deliver(service.url, NOT_JSON, "guid-1") == 202
    assert [row["state"] for row in cli.select("SELECT state FROM jobs WHERE key = 'guid-1'")] == ["queued"]
    worker = cli.start("work")
    until(lambda: bool(cli.run("deliveries", "list").rows), worker.popen)
    assert worker.stop(signal.SIGINT).code == 0
    assert service.stop(signal.SIGINT).code == 0


def test_a_schema_is_brought_up_to_date_once_and_a_process_says_what_it_lacks(cli: Cli, tmp_path: Path) -> None:
    new = {"LONGSHORE_DATABASE_URL": f"sqlite://{tmp_path}/new.db"}
    cli.alone("token", "list", **new).refused("0001_initial", "run `longshore migrate` first")
    assert "applied 0001_initial" in cli.alone("migrate", **new).done()
    assert cli.alone("migrate", **new).done() == "The schema is up to date.\n"


def test_a_setting_that_is_missing_ends_a_process_in_one_line(cli: Cli) -> None:
    cli.alone("serve", LONGSHORE_GITHUB_APP_ID="").refused("LONGSHORE_GITHUB_APP_ID must be set")


# --- with a GitHub in a box


@pytest.fixture(scope="module")
def box(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A GitHub in a box in a process of its own; gives the file of settings that goes with it."""
    file = tmp_path_factory.mktemp("box") / "box.env"
    arguments = ["sandbox", "--repo", str(source), "--owner", "acme", "--name", "site", "--port", str(free_port())]
    arguments += ["--webhook-url", "http://127.0.0.1:9/webhooks/github", "--env-file", str(file)]
    popen = subprocess.Popen(
        [*COMMAND, *arguments],
        env=plain_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: file.exists() and "LONGSHORE_GITHUB_PRIVATE_KEY_FILE" in file.read_text(), popen)
        url = settings_in(file)["LONGSHORE_GITHUB_API_URL"]
        until(lambda: ask(f"{url}/repos/acme/site")[0] == 200, popen)
        yield file
    finally:
        popen.send_signal(signal.SIGINT)
        popen.communicate(timeout=PATIENCE)


def settings_in(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_the_settings_that_go_with_a_sandbox_are_complete_and_for_its_reader_alone(box: Path) -> None:
    settings = settings_in(box)
    key = Path(settings["LONGSHORE_GITHUB_PRIVATE_KEY_FILE"])
    assert set(settings) == {
        "LONGSHORE_GITHUB_API_URL",
        "LONGSHORE_GITHUB_APP_ID",
        "LONGSHORE_GITHUB_WEBHOOK_SECRET",
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE",
    }
    assert key.is_absolute() and key.read_text().startswith("-----BEGIN")
    assert settings["LONGSHORE_GITHUB_WEBHOOK_SECRET"]
    for file in (box, key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with environment(settings):
        read = read_settings()
    assert read.github_private_key.get_secret_value() == key.read_text().strip()


def test_a_project_is_made_for_a_repository_that_github_shows_us(cli: Cli, box: Path) -> None:
    settings = settings_in(box)
    assert "Created site" in cli.run("project", "create", "site", "--repo", "acme/site", **settings).done()
    ((name, _, repository, *_),) = cli.run("project", "list").rows
    assert (name, repository) == ("site", "acme/site")
    cli.run("project", "set", "site", "--build-workflow", "build.yml", **settings).done()
    cli.run("project", "create", "shop", "--repo", "acme/shop", **settings).refused("GitHub repository not found")
    assert len(cli.run("project", "list").rows) == 1


def test_another_app_s_key_is_told_as_such(cli: Cli, box: Path, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "other.pem").write_bytes(pem)
    settings = {**settings_in(box), "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "other.pem")}
    said = cli.run("project", "create", "site", "--repo", "acme/site", **settings).refused()
    assert "GitHub refuses our App id or key" in said


def test_a_sandbox_that_cannot_start_says_why(cli: Cli, box: Path, tmp_path: Path) -> None:
    taken = settings_in(box)["LONGSHORE_GITHUB_API_URL"].rpartition(":")[2]
    cli.run("sandbox", "--repo", str(tmp_path / "nowhere")).refused("No such folder")
    cli.run("demo", "--once", "--repo", str(tmp_path / "nowhere")).refused("No such folder")
    missing = str(tmp_path / "nowhere" / "box.env")
    repo = ("--repo", str(Path(__file__).parent.parent.parent))
    port = cli.run("sandbox", *repo, "--port", taken)
    assert port.code != 0 and f"Port {taken}" in port.err and port.err.count("\n") == 1
    file = cli.run("sandbox", *repo, "--port", "0", "--env-file", missing)
    assert file.code != 0 and missing in file.err and file.err.count("\n") == 1
