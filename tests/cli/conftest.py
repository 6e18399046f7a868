"""Run the command line, in this process and in subprocesses, with a clean environment."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.store.database import fetch, open_database
from cli.main import run
from sandbox.credentials import key_pair

T = TypeVar("T")

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-c", "from cli.main import main; main()")
SECRET = "a webhook's secret"
TIMEOUT_SECONDS = 20.0
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")


def process_environment(**values: str) -> dict[str, str]:
    """The variables that a subprocess needs, and the given settings; no other settings of ours."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | {"PYTHONPATH": str(ROOT)} | values


@contextlib.contextmanager
def replaced_environment(values: dict[str, str]) -> Iterator[None]:
    """Temporarily replace the environment of this process."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(values)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class Result:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def assert_failed(self, *fragments: str) -> str:
        """Assert that the command failed with one line and no traceback, and return that line."""
        assert self.code != 0, (self.out, self.err)
        assert self.err.count("\n") == 1 and self.err.startswith("longshore: "), self.err
        assert "Traceback" not in self.err
        assert self.out == ""
        for fragment in fragments:
            assert fragment in self.err, (fragment, self.err)
        return self.err

    def assert_succeeded(self) -> str:
        """Assert that the command succeeded without errors, and return its output."""
        assert (self.code, self.err) == (0, ""), (self.out, self.err)
        return self.out

    @property
    def rows(self) -> list[list[str]]:
        """Rows of the printed table, without the titles."""
        return [line.split() for line in self.assert_succeeded().splitlines()[1:]]


@dataclass
class Process:
    """A command running in a subprocess."""

    popen: subprocess.Popen[str]
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, signal_number: int = signal.SIGTERM) -> Result:
        """Send a signal and wait for the process to end."""
        self.popen.send_signal(signal_number)
        out, err = self.popen.communicate(timeout=TIMEOUT_SECONDS)
        return Result(self.popen.returncode, out, err)


@dataclass
class Cli:
    """The `longshore` command with test settings."""

    settings: dict[str, str]
    capture: pytest.CaptureFixture[str]
    processes: list[Process] = field(default_factory=list)

    def run(self, *arguments: str, **settings: str) -> Result:
        """Run a command in this process; a setting with an empty value counts as missing."""
        self.capture.readouterr()
        with replaced_environment(process_environment(**{**self.settings, **settings})):
            code = run(list(arguments))
        return Result(code, *self.capture.readouterr())

    def run_process(self, *arguments: str, **settings: str) -> Result:
        """Run a command in a subprocess and wait for it."""
        completed = subprocess.run(
            [*COMMAND, *arguments],
            env=process_environment(**{**self.settings, **settings}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Result(completed.returncode, completed.stdout, completed.stderr)

    def start(self, *arguments: str, port: int = 0, **settings: str) -> Process:
        """Start a long-running command."""
        env = process_environment(**{**self.settings, **settings, "LONGSHORE_PORT": str(port)})
        popen = subprocess.Popen(
            [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(Process(popen, port))
        return self.processes[-1]

    def serve(self, *arguments: str, **settings: str) -> Process:
        """Start a service and wait until it is healthy."""
        process = self.start("serve", *arguments, port=free_port(), **settings)
        wait_until(lambda: http_request(f"{process.url}/healthz")[0] == 200, process.popen)
        return process

    def query(self, read: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine with the database open."""

        async def run_query() -> T:
            database = await open_database(self.settings["LONGSHORE_DATABASE_URL"])
            try:
                return await read()
            finally:
                await database.close()

        return asyncio.run(run_query())

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Select rows from the database."""
        return self.query(lambda: fetch(sql))


def http_request(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Send a request; return status and body, with status 0 when there is no server."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def wait_until(condition: Callable[[], bool], popen: subprocess.Popen[str] | None = None) -> None:
    """Wait for a condition; fail after a timeout or when the process ends."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        assert popen is None or popen.poll() is None, popen.communicate()
        time.sleep(0.05)


def free_port() -> int:
    """An unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a private key."""
    path = tmp_path_factory.mktemp("key") / "app.pem"
    path.write_text(key_pair()[0])
    return path


@pytest.fixture
def cli(database_url: str, key_file: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line with a migrated, empty database and every required setting."""
    settings = {
        "LONGSHORE_DATABASE_URL": database_url,
        "LONGSHORE_GITHUB_APP_ID": "1",
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(key_file),
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
        "LONGSHORE_GITHUB_API_URL": "http://127.0.0.1:9",
        "LONGSHORE_LOG_LEVEL": "error",
        "LONGSHORE_WORK_PORT": "0",
    }
    cli = Cli(settings, capsys)
    try:
        yield cli
    finally:
        for process in cli.processes:
            if process.popen.poll() is None:
                process.popen.kill()
            process.popen.communicate()
