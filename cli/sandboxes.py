"""`longshore sandbox`: serve a simulated GitHub."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sandbox.serve import DEFAULT_OPTIONS, serve


def sandbox(
    repo: Annotated[Path, typer.Option(help="Git repository to serve; it is cloned, never modified.")],
    owner: Annotated[str, typer.Option(help="Owner of the repository on the simulated GitHub.")] = "acme",
    name: Annotated[str, typer.Option(help="Name of the repository on the simulated GitHub.")] = "site",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for any free port.")] = 8090,
    webhook_url: Annotated[
        str, typer.Option(help="URL to send webhooks to.")
    ] = "http://127.0.0.1:8080/webhooks/github",
    env_file: Annotated[Path | None, typer.Option(help="File to write the matching Longshore settings to.")] = None,
) -> None:
    """Simulate GitHub for a git repository, on 127.0.0.1."""
    with suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                repo,
                replace(DEFAULT_OPTIONS, owner=owner, name=name, webhook_url=webhook_url),
                port=port,
                env_file=env_file,
                report=lambda line: print(line, flush=True),  # noqa: T201
            )
        )
