"""The commands of `longshore`: where each is defined, and its line in the overview.

A module of commands declares names, options and texts; what a command does is imported when it runs. Help, the version
and errors of usage therefore take a fraction of the time that the service takes to load.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_group

from cli.groups import Help
from cli.output import show


@dataclass(frozen=True)
class Command:
    """A command, or a group of them: the module and the name of its function or `typer.Typer`, and its summary."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "serve": Command("cli.services", "serve", "Receive webhooks, serve the API and process the job queue."),
    "work": Command("cli.services", "work", "Only process the job queue."),
    "demo": Command("cli.sandboxes", "demo", "Cut, build, deploy and roll back against a simulated GitHub."),
    "sandbox": Command("cli.sandboxes", "sandbox", "Simulate GitHub for a git repository, on 127.0.0.1."),
    "health": Command("cli.health", "health", "Tell whether the service is ready."),
    "migrate": Command("cli.services", "migrate", "Create the database, or bring it up to date."),
    "openapi": Command("cli.services", "openapi", "Print the OpenAPI 3.1 document of the API."),
    "token": Command("cli.tokens", "app", "Create, list and revoke API tokens."),
    "project": Command("cli.projects", "app", "Create, change and list projects."),
    "environment": Command("cli.environments", "app", "Create and change environments."),
    "deliveries": Command("cli.deliveries", "app", "List, show, retry and discard webhook deliveries that failed."),
}


def command_line(arguments: list[str]) -> TyperGroup:
    """The command line, of which only the command that `arguments` name is loaded."""
    app = typer.Typer(
        help="A self-hosted release bot for GitHub.",
        context_settings={"help_option_names": ["-h", "--help"]},  # of the commands
        add_help_option=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, command in COMMANDS.items():
        if name != wanted:
            app.command(name, help=command.summary)(_not_loaded)
            continue
        found = getattr(import_module(command.module), command.attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return get_group(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        show(f"longshore {version('longshore')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
    help_: Help = False,
) -> None:
    """Options of `longshore` itself; what each does stands beside it."""


def _not_loaded() -> None:
    """Stands for a command of which only the summary is shown."""
