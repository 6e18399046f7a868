"""`longshore sandbox`, a simulated GitHub, and `longshore demo`, the service in front of it."""

from collections.abc import Coroutine
from typing import Annotated

import typer

from bot.errors import Refusal
from cli.encodings import as_path
from cli.output import show

Port = Annotated[
    int, typer.Option(metavar="<number>", help="Port to listen on; 0 for any free port.", min=0, max=65535)
]


def sandbox(
    repo: Annotated[
        str,
        typer.Option(
            metavar="<folder>", help="Git repository to serve, or a folder in one; it is copied, never modified."
        ),
    ],
    owner: Annotated[
        str, typer.Option(metavar="<login>", help="Owner of the repository on the simulated GitHub.")
    ] = "acme",
    name: Annotated[
        str, typer.Option(metavar="<name>", help="Name of the repository on the simulated GitHub.")
    ] = "site",
    port: Port = 8090,
    webhook_url: Annotated[
        str, typer.Option(metavar="<url>", help="URL to send webhooks to.")
    ] = "http://127.0.0.1:8080/webhooks/github",
    env_file: Annotated[
        str | None,
        typer.Option(metavar="<file>", help="File to write the settings to that let Longshore use this sandbox."),
    ] = None,
) -> None:
    """Simulate GitHub for a git repository, on 127.0.0.1.

    Runs until it is stopped, with Ctrl-C for example.
    """
    from dataclasses import replace

    from cli.preparation import prepare
    from sandbox.serve import DEFAULT_OPTIONS, serve

    prepare()
    serving = serve(
        as_path(repo),
        replace(DEFAULT_OPTIONS, owner=owner, name=name, webhook_url=webhook_url),
        port=port,
        env_file=None if env_file is None else as_path(env_file),
        report=show,
    )
    _run(serving)


def demo(
    repo: Annotated[
        str | None,
        typer.Option(
            metavar="<folder>",
            help="Git repository to release from, or a folder in one; it is copied, never modified. By default the one "
            "that the current folder is in, or a small sample if it is in none.",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Exit after the last step instead of waiting for Ctrl-C.")
    ] = False,
    port: Port = 0,
) -> None:
    """Release, approve and roll back against a simulated GitHub.

    Needs no settings, and leaves nothing behind.
    """
    from cli import demo as scenario
    from cli.preparation import prepare

    prepare()
    _run(scenario.demo(None if repo is None else as_path(repo), once, port))


def _run(work: Coroutine[object, object, None]) -> None:
    from cli.stopping import run_until_stopped
    from sandbox.errors import SandboxError

    try:
        run_until_stopped(work)
    except SandboxError as error:
        raise Refusal(str(error)) from error
