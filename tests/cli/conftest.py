"""The command line, called in this process and as processes of its own, with an environment that nobody inherits."""

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
PATIENCE = 20.0
KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")


def plain_environment(**values: str) -> dict[str, str]:
    """What a process needs to run at all, and the settings given; nothing else of ours."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {"PYTHONPATH": str(ROOT)} | values


@contextlib.contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """This process's environment for a moment, and then as it was."""
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
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def refused(self, *words: str) -> str:
        """Whether it failed as every command fails: one line, no traceback; gives the line."""
        assert self.code != 0, (self.out, self.err)
        assert self.err.count("\n") == 1 and self.err.startswith("longshore: "), self.err
        assert "Traceback" not in self.err
        assert self.out == ""
        for word in words:
            assert word in self.err, (word, self.err)
        return self.err

    def done(self) -> str:
        """Whether it did what it was told, without complaint; gives what it printed."""
        assert (self.code, self.err) == (0, ""), (self.out, self.err)
        return self.out

    @property
    def rows(self) -> list[list[str]]:
        """A printed table, without its titles."""
        return [line.split() for line in self.done().splitlines()[1:]]


@dataclass
class Process:
    """A command that runs in a process of its own."""

    popen: subprocess.Popen[str]
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number: int = signal.SIGTERM) -> Result:
        """Ask it to end, and wait until it has."""
        self.popen.send_signal(number)
        out, err = self.popen.communicate(timeout=PATIENCE)
        return Result(self.popen.returncode, out, err)


@dataclass
class Cli:
    """`longshore`, with settings of its own."""

    settings: dict[str, str]
    capture: pytest.CaptureFixture[str]
    started: list[Process] = field(default_factory=list)

    def run(self, *arguments: str, **settings: str) -> Result:
        """One command in this process. A setting given as an empty text counts as missing."""
        self.capture.readouterr()
        with environment(plain_environment(**{**self.settings, **settings})):
            code = run(list(arguments))
        return Result(code, *self.capture.readouterr())

    def alone(self, *arguments: str, **settings: str) -> Result:
        """One command in a process of its own, to its end."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            env=plain_environment(**{**self.settings, **settings}),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, port: int = 0, **settings: str) -> Process:
        """A command that stays."""
        env = plain_environment(**{**self.settings, **settings, "LONGSHORE_PORT": str(port)})
        popen = subprocess.Popen(
            [*COMMAND, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(Process(popen, port))
        return self.started[-1]

    def serve(self, *arguments: str, **settings: str) -> Process:
        """A service that answers."""
        process = self.start("serve", *arguments, port=free_port(), **settings)
        until(lambda: ask(f"{process.url}/healthz")[0] == 200, process.popen)
        return process

    def look(self, question: Callable[[], Awaitable[T]]) -> T:
        """Look into the database."""

        async def looked() -> T:
            database = await open_database(self.settings["LONGSHORE_DATABASE_URL"])
            try:
                return await question()
            finally:
                await database.close()

        return asyncio.run(looked())

    def select(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the database."""
        return self.look(lambda: fetch(sql))


def ask(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """One request; status 0 where nobody answers."""
    request = urllib.request.Request(url, body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def until(condition: Callable[[], bool], popen: subprocess.Popen[str] | None = None) -> None:
    """Wait for something to come true, while the process that is to bring it about lives."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came true"
        assert popen is None or popen.poll() is None, popen.communicate()
        time.sleep(0.05)


def free_port() -> int:
    """A port that nobody listens on."""
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
    """The command line over a migrated, empty database, with every setting that has no default."""
    settings = {
        "LONGSHORE_DATABASE_URL": database_url,
        "LONGSHORE_GITHUB_APP_ID": "1",
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(key_file),
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
        "LONGSHORE_GITHUB_API_URL": "http://127.0.0.1:9",
        "LONGSHORE_LOG_LEVEL": "error",
    }
    cli = Cli(settings, capsys)
    try:
        yield cli
    finally:
        for process in cli.started:
            if process.popen.poll() is None:
                process.popen.kill()
            process.popen.communicate()
