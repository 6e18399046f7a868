"""`longshore sandbox`: the GitHub in a box alone."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sandbox.serve import DEFAULT_OPTIONS, serve


def sandbox(
    repo: Annotated[Path, typer.Option(help="The git repository that it serves, from a private clone.")],
    owner: Annotated[str, typer.Option(help="The account that owns it on this GitHub.")] = "acme",
    name: Annotated[str, typer.Option(help="What it is called there.")] = "site",
    port: Annotated[int, typer.Option(help="The port of its API; 0 for any that is free.")] = 8090,
    webhook_url: Annotated[str, typer.Option(help="Where webhooks go.")] = "http://127.0.0.1:8080/webhooks/github",
    env_file: Annotated[Path | None, typer.Option(help="Where to write the settings that go with it.")] = None,
) -> None:
    """Run a GitHub in a box over a real git repository, on loopback."""
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
