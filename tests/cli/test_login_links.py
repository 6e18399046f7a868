"""`longshore login-link`, and what a service says at its start about how one gets in."""

import os
import pty
import re
import subprocess

from tests.cli.conftest import COMMAND, Cli, free_port, http_request, process_environment, wait_until

ADDRESS = re.compile(r"http\S+/login-link\?secret=[\w-]{43}")


def test_a_link_is_printed_without_the_settings_of_an_app(cli: Cli) -> None:
    nothing = {name: "" for name in cli.settings if "GITHUB" in name}
    printed = cli.run("login-link", **nothing, LONGSHORE_PORT="tcp://10.0.0.1:80").assert_succeeded()
    assert ADDRESS.fullmatch(printed.strip()) and printed.startswith("http://127.0.0.1:8080/login-link")
    below = cli.run("login-link", **nothing, LONGSHORE_BASE_URL="https://example.com/tools/").assert_succeeded()
    assert below.startswith("https://example.com/tools/login-link?secret=")
    (row,) = cli.select("SELECT count(*) AS links FROM login_links")
    assert row["links"] == 2
    assert printed.partition("=")[2].strip() not in str(cli.select("SELECT * FROM audit_entries"))
    cli.run("login-link", LONGSHORE_BASE_URL="nonsense").assert_failed("LONGSHORE_BASE_URL")


def start_on_terminal(cli: Cli) -> str:
    """Start a service whose log is a terminal, and stop it; returns what it wrote there."""
    ours, theirs = pty.openpty()
    port = free_port()
    settings = {**cli.settings, "LONGSHORE_LOG_LEVEL": "info", "LONGSHORE_PORT": str(port)}
    process = subprocess.Popen([*COMMAND, "serve"], env=process_environment(**settings), stderr=theirs, text=True)
    os.close(theirs)
    try:
        wait_until(lambda: http_request(f"http://127.0.0.1:{port}/healthz")[0] == 200, process)
        process.terminate()
        return read_all(ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_all(terminal: int) -> str:
    """What a process writes to a terminal until it ends."""
    read = b""
    try:
        while piece := os.read(terminal, 4096):
            read += piece
    except OSError:  # the other end is closed
        pass
    return read.decode()


def test_a_terminal_shows_a_link_at_the_first_start_and_the_log_never_does(cli: Cli) -> None:
    shown = start_on_terminal(cli).splitlines()
    (line,) = [line for line in shown if ADDRESS.search(line)]
    assert not line.startswith("{")
    again = start_on_terminal(cli)
    assert ADDRESS.search(again) is None and "an operator gets in with `longshore login-link`" in again
