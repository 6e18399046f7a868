"""How processes can be watched: the port of `longshore work`, metrics of every kind of process, and first log lines."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot.store.database import execute
from tests.cli.conftest import Cli, Process, Result, free_port, http_request, wait_until
from tests.cli.test_processes import (
    GUID,
    NOT_JSON,
    break_schema,
    has_ipv6,
    migrating_elsewhere,
    read_until,
    send_delivery,
)
from tests.conftest import postgres
from tests.server.test_metrics import check

PATHS = ("/healthz", "/readyz", "/metrics")


def start_work(cli: Cli) -> Process:
    """Start `longshore work` and wait until it is ready; the process's port is that at which it can be watched."""
    process = cli.start("work", LONGSHORE_WORK_PORT="0", LONGSHORE_LOG_LEVEL="info")
    line = json.loads(read_until(process, '"event":"working"'))
    process.port = int(line["address"].rpartition(":")[2])
    wait_until(lambda: http_request(f"{process.url}/readyz")[0] == 200, process.popen)
    return process


def log_lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.err.splitlines()]


# --- the port of a process that only works


def test_a_worker_answers_the_three_paths_and_nothing_else(cli: Cli) -> None:
    worker = start_work(cli)
    assert http_request(f"{worker.url}/healthz") == (200, '{"status": "ok"}')
    status, body = http_request(f"{worker.url}/readyz")
    assert (status, json.loads(body)["problems"]) == (200, {})
    status, scrape = http_request(f"{worker.url}/metrics")
    assert status == 200 and "longshore_worker_slots 8.0" in scrape
    for path in ("/", "/api/projects", "/api/openapi.json", "/rest_api/v1/"):
        assert http_request(f"{worker.url}{path}")[0] == 404, path
    assert http_request(f"{worker.url}/webhooks/github", NOT_JSON, {"Content-Type": "application/json"})[0] == 404
    assert http_request(f"{worker.url}/metrics", b"")[0] == 405


def test_health_asks_the_worker_when_told_to(cli: Cli) -> None:
    worker = start_work(cli)
    port = {"LONGSHORE_WORK_PORT": str(worker.port), "LONGSHORE_PORT": str(free_port())}
    assert cli.run("health", "--worker", **port).assert_succeeded() == "ready\n"
    cli.run("health", **port).assert_failed("The service does not answer")
    undo = break_schema(cli)
    try:
        cli.run("health", "--worker", **port).assert_failed("The worker is not ready: migrations: ")
    finally:
        undo()
    assert worker.stop().code == 0
    cli.run("health", "--worker", **port).assert_failed(f"The worker does not answer at 127.0.0.1:{worker.port}")


def test_health_prints_what_a_process_that_is_ready_warns_of(cli: Cli) -> None:
    service = cli.serve("--no-worker")
    columns = "kind, keep, priority, payload, headers, state, attempts, run_at, created_at"
    values = "'reconcile', $1, 0, $2, '{}', 'queued', 0, 1, 1"
    cli.query(lambda: execute(f"INSERT INTO jobs ({columns}) VALUES ({values})", False, b"{}"))
    printed = cli.run("health", LONGSHORE_PORT=str(service.port)).assert_succeeded()
    assert printed.startswith("ready\nwarning: queue: the oldest due job has waited for ")


HOSTS = {
    "the port is taken": "127.0.0.1",
    "the host is not ours": "192.0.2.1",
    "the host has no address": "nowhere.invalid",
}


@pytest.mark.parametrize("problem", HOSTS)
def test_a_worker_that_cannot_listen_says_so_and_works(cli: Cli, problem: str) -> None:
    service = cli.serve("--no-worker")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        host = {"the host is not ours": "192.0.2.1", "the host has no address": "nowhere.invalid"}.get(
            problem, "127.0.0.1"
        )
        port = str(taken.getsockname()[1])
        worker = cli.start("work", LONGSHORE_WORK_PORT=port, LONGSHORE_HOST=host, LONGSHORE_LOG_LEVEL="info")
        assert send_delivery(service.url, NOT_JSON, GUID) == 202
        wait_until(lambda: bool(cli.run("deliveries", "list").rows), worker.popen)
        result = worker.stop()
    assert result.code == 0
    (warning,) = [line for line in log_lines(result) if line["event"] == "not monitored"]
    assert warning["level"] == "warning"
    assert f"LONGSHORE_WORK_PORT: cannot listen on {host}:{port} (" in warning["warning"]


@pytest.mark.skipif(not postgres(), reason="a SQLite database has one worker")
def test_two_workers_with_the_same_settings_both_work(cli: Cli) -> None:
    first = start_work(cli)
    second = cli.start("work", LONGSHORE_WORK_PORT=str(first.port), LONGSHORE_LOG_LEVEL="info")
    read_until(second, '"event":"working"')
    assert (second.stop().code, first.stop().code) == (0, 0)


def test_a_worker_stops_quickly_while_somebody_is_connected(cli: Cli) -> None:
    worker = start_work(cli)
    with socket.create_connection(("127.0.0.1", worker.port)) as idle, socket.socket() as slow:
        slow.connect(("127.0.0.1", worker.port))
        slow.sendall(b"POST /readyz HTTP/1.1\r\nHost: longshore\r\nContent-Length: 10\r\n\r\n")
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: longshore\r\n\r\n")
        assert b"200 OK" in idle.recv(1000)
        started = time.monotonic()
        assert worker.stop().code == 0
        assert time.monotonic() - started < 5


def test_the_port_of_a_worker_is_as_guarded_as_that_of_a_service(cli: Cli) -> None:
    worker = start_work(cli)
    with socket.create_connection(("127.0.0.1", worker.port), timeout=5) as stranger:
        stranger.sendall(b"GET /healthz HTTP/1.1\r\n")
        with suppress(ConnectionError):  # it is closed without an answer
            for number in range(20):
                stranger.sendall(b"X-%d: %s\r\n" % (number, b"x" * 5000))
            assert stranger.recv(1000) == b""
    assert http_request(f"{worker.url}/healthz")[0] == 200


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_worker_listens_on_ipv6_too(cli: Cli) -> None:
    port = free_port()
    process = cli.start("work", LONGSHORE_HOST="::1", LONGSHORE_WORK_PORT=str(port), LONGSHORE_LOG_LEVEL="info")
    wait_until(lambda: http_request(f"http://[::1]:{port}/readyz")[0] == 200, process.popen)
    assert f'"address":"[::1]:{port}"' in process.stop().err


@pytest.mark.skipif(not postgres(), reason="on SQLite nobody waits for long")
def test_a_worker_is_alive_but_not_ready_while_it_waits_for_a_migration(cli: Cli) -> None:
    with migrating_elsewhere() as url:
        port = free_port()
        process = cli.start("work", LONGSHORE_DATABASE_URL=url, LONGSHORE_WORK_PORT=str(port))
        process.port = port
        wait_until(lambda: http_request(f"{process.url}/healthz")[0] == 200, process.popen)
        status, body = http_request(f"{process.url}/readyz")
        assert (status, set(json.loads(body)["problems"])) == (503, {"database"})
        status, scrape = http_request(f"{process.url}/metrics")
        assert status == 200 and "longshore_ready 0.0" in scrape
        assert process.stop(signal.SIGINT).code == 0


# --- metrics of every kind of process

PROCESSES: dict[str, Callable[[Cli], Process]] = {
    "serve": lambda cli: cli.serve(),
    "serve --no-worker": lambda cli: cli.serve("--no-worker"),
    "work": start_work,
}


@pytest.mark.parametrize("start", PROCESSES.values(), ids=list(PROCESSES))
def test_the_scrape_of_every_kind_of_process_follows_the_rules(cli: Cli, start: Callable[[Cli], Process]) -> None:
    process = start(cli)
    for path in PATHS:
        assert http_request(process.url + path)[0] == 200
    status, scrape = http_request(f"{process.url}/metrics")
    assert status == 200
    check(scrape)
    if shutil.which("promtool") is not None:
        completed = subprocess.run(
            ["promtool", "check", "metrics"], input=scrape, capture_output=True, text=True, check=False
        )
        assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")


# --- the first lines of the log


@pytest.mark.parametrize("command", [["serve"], ["serve", "--no-worker"], ["work"]], ids=" ".join)
def test_a_process_says_at_the_start_what_it_is_what_it_uses_and_where_it_is(cli: Cli, command: list[str]) -> None:
    port = free_port()
    ports = {"LONGSHORE_WORK_PORT": str(port)} if command == ["work"] else {}
    process = cli.start(*command, port=port, LONGSHORE_LOG_LEVEL="info", **ports)
    wait_until(lambda: http_request(f"http://127.0.0.1:{port}/readyz")[0] == 200, process.popen)
    first, *lines = log_lines(process.stop())
    assert list(first)[:3] == ["time", "level", "event"] and first["event"] == "starting"
    assert first["version"] and first["github"] == "http://127.0.0.1:9"
    url = cli.settings["LONGSHORE_DATABASE_URL"]
    path = urlsplit(url).path if postgres() else url.removeprefix("sqlite://")
    assert first["database"].startswith("postgres://" if postgres() else "sqlite:///")
    assert first["database"].endswith(path) and "@" not in first["database"]
    (up,) = [line for line in lines if line["event"] in ("serving", "working")]
    assert up["address"] == f"127.0.0.1:{port}"


def test_no_part_of_a_password_is_logged_at_the_start(cli: Cli) -> None:
    address = "postgres://longshore:hunter2%40hush@127.0.0.1:9/release%20s?sslmode=disable&sslpassword=hunter3"
    result = cli.run_process("work", LONGSHORE_DATABASE_URL=address, LONGSHORE_LOG_LEVEL="info")
    assert '"database":"postgres://127.0.0.1:9/release%20s"' in result.err
    assert not [word for word in ("hunter2", "hush", "hunter3") if word in result.err], os.linesep + result.err
