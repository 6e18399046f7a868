"""Processes at a terminal: the token that is typed is not shown, a line tells how it goes on, and Ctrl-C ends it."""

import asyncio
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.client.conftest import Client
from tests.cli.conftest import COMMAND, TIMEOUT_SECONDS, process_environment
from tests.world import World


@contextmanager
def at_a_terminal(client: Client, *arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command in a process whose terminal we hold the other end of."""
    ours, theirs = pty.openpty()
    named = {"XDG_CONFIG_HOME": str(client.folder), "TERM": "xterm", "COLUMNS": "100", **variables}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env=process_environment(**named),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_to(terminal: int, text: str) -> str:
    """What is shown up to a text, or to the end."""
    shown = ""
    while text not in shown:
        try:
            shown += os.read(terminal, 4096).decode()
        except OSError:  # the process has ended
            break
    return shown


async def test_a_token_is_asked_for_without_showing_it(client: Client) -> None:
    def log_in() -> tuple[str, int]:
        with at_a_terminal(client, "login", client.url) as (process, terminal):
            shown = read_to(terminal, "API token for")
            os.write(terminal, f"{client.token}\n".encode())
            shown += read_to(terminal, "the end")
            return shown, process.wait(TIMEOUT_SECONDS)

    shown, code = await asyncio.to_thread(log_in)
    assert code == 0 and f"Logged in to {client.url}." in shown and client.token not in shown


async def test_one_line_tells_how_it_goes_on_until_ctrl_c(world: World, client: Client) -> None:
    await world.cut("1.4.0-rc1")
    variables = {"LONGSHORE_URL": client.url, "LONGSHORE_TOKEN": client.token, "LONGSHORE_PROJECT": "site"}

    def deploy() -> tuple[str, int]:
        with at_a_terminal(client, "deploy", "1.4.0-rc1", "staging", "--wait", **variables) as (process, terminal):
            shown = read_to(terminal, "pending")
            process.send_signal(signal.SIGINT)
            shown += read_to(terminal, "the end")
            return shown, process.wait(TIMEOUT_SECONDS)

    shown, code = await asyncio.to_thread(deploy)
    assert code == 130 and "Traceback" not in shown
    assert "longshore: It goes on without you: `longshore watch staging --deployment 1" in shown
    await world.settle()
