"""`longshore sandbox` and `longshore demo` end in good order whenever a signal comes, and leave nothing behind."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, TIMEOUT_SECONDS, free_port, http_request, process_environment, wait_until

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOMENTS = {"at once": 0.0, "while it loads": 0.7, "while it copies": 1.2, "while it starts": 1.6, "later": 2.2}


@contextmanager
def started(temporary: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command whose temporary files are in a folder of its own."""
    popen = subprocess.Popen(
        [*COMMAND, *arguments],
        env=process_environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield popen
    finally:
        popen.kill()
        popen.communicate()


def command(kind: str, repo: Path) -> list[str]:
    return [kind, "--repo", str(repo), "--port", "0"]


def read_to(popen: subprocess.Popen[str], text: str) -> None:
    assert popen.stdout is not None
    assert any(text in line for line in popen.stdout)


def stop(popen: subprocess.Popen[str], number: int) -> tuple[int, str]:
    """Send a signal; the exit code, and what was written to standard error."""
    popen.send_signal(number)
    _, err = popen.communicate(timeout=TIMEOUT_SECONDS)
    return popen.returncode, err


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("kind", ["sandbox", "demo"])
def test_a_signal_ends_it_in_good_order(kind: str, number: int, source: Path, temporary: Path) -> None:
    with started(temporary, *command(kind, source)) as popen:
        read_to(popen, "serves acme/site at" if kind == "sandbox" else "Cut a release candidate")
        assert list(temporary.iterdir())
        assert stop(popen, number) == (0, "")
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("seconds", MOMENTS.values(), ids=list(MOMENTS))
@pytest.mark.parametrize("kind", ["sandbox", "demo"])
def test_a_signal_at_any_moment_of_the_start_leaves_nothing_behind(
    kind: str, seconds: float, source: Path, temporary: Path
) -> None:
    with started(temporary, *command(kind, source)) as popen:
        time.sleep(seconds)
        code, err = stop(popen, signal.SIGTERM)
    assert code in (0, -signal.SIGTERM) and "Traceback" not in err
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_in_quick_succession_leave_nothing_behind(number: int, source: Path, temporary: Path) -> None:
    with started(temporary, *command("demo", source)) as popen:
        read_to(popen, "Cut a release candidate")
        popen.send_signal(number)
        for _ in range(20):
            time.sleep(0.02)
            if popen.poll() is None:
                popen.send_signal(signal.SIGTERM)
        popen.communicate(timeout=TIMEOUT_SECONDS)
        assert popen.returncode == 0
    assert list(temporary.iterdir()) == []


def test_a_request_that_never_ends_does_not_keep_a_sandbox_from_ending(source: Path, temporary: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with started(temporary, "sandbox", "--repo", str(source), "--port", str(port)) as popen:
        wait_until(lambda: http_request(f"{url}/_sandbox/")[0] == 200, popen)
        json = {"Content-Type": "application/json"}
        assert http_request(f"{url}/_sandbox/faults/time-out", b'{"path": "*"}', json)[0] == 200
        with subprocess.Popen(["curl", "-s", f"{url}/repos/acme/site"]) as waiting:
            time.sleep(0.5)
            began = time.monotonic()
            assert stop(popen, signal.SIGTERM) == (0, "")
            assert time.monotonic() - began < 10
            waiting.kill()
    assert list(temporary.iterdir()) == []


def test_a_start_that_fails_leaves_nothing_behind(source: Path, temporary: Path, tmp_path: Path) -> None:
    port = free_port()
    with started(temporary, "sandbox", "--repo", str(source), "--port", str(port)) as popen:
        read_to(popen, "serves acme/site at")
        before = set(temporary.iterdir())
        env_file = tmp_path / "sandbox.env"
        with started(
            temporary, "sandbox", "--repo", str(source), "--port", str(port), "--env-file", str(env_file)
        ) as second:
            _, err = second.communicate(timeout=TIMEOUT_SECONDS)
        assert f"Port {port}" in err and not list(tmp_path.glob("sandbox.env*"))
        assert set(temporary.iterdir()) == before


def test_a_process_that_ignores_hang_ups_goes_on(source: Path, temporary: Path) -> None:
    port = str(free_port())
    arguments = ["sandbox", "--repo", str(source), "--port", port]
    popen = subprocess.Popen(
        ["nohup", *COMMAND, *arguments],
        env=process_environment(TMPDIR=str(temporary)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        read_to(popen, "serves acme/site at")
        popen.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert http_request(f"http://127.0.0.1:{port}/_sandbox/")[0] == 200
        assert stop(popen, signal.SIGTERM)[0] == 0
    finally:
        popen.kill()
        popen.communicate()


def test_the_demo_without_a_repository_uses_a_sample_and_deletes_it(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with started(temporary, "demo", "--port", "0") as popen:
        read_to(popen, "small sample repository")
        read_to(popen, "Cut a release candidate")
        assert stop(popen, signal.SIGTERM) == (0, "")
    assert list(temporary.iterdir()) == []
