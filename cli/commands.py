"""The command line for typer, of which only the command that is named is loaded.

A module of commands declares names, options and texts; what a command does is imported when it runs. Help and errors of
usage therefore take a fraction of the time that the service takes to load.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_group

from cli.groups import Help
from cli.output import show
from cli.overview import COMMANDS, SECTIONS, SUMMARY, VERSION_HELP, version_line

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter


class Overview(TyperGroup):
    """The commands in the sections of the overview."""

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        """Write the commands of each section, all of them in columns of the same width."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in commands.items()])


def command_line(arguments: list[str]) -> TyperGroup:
    """The command line, of which only the command that `arguments` name is loaded."""
    app = typer.Typer(
        cls=Overview,
        help=SUMMARY,
        context_settings={"help_option_names": ["-h", "--help"]},  # of the commands
        add_help_option=False,
        add_completion=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (place, summary) in COMMANDS.items():
        if name != wanted:
            app.command(name, help=summary)(_not_loaded)
            continue
        module, _, attribute = place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return get_group(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        show(version_line())
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help=VERSION_HELP)
    ] = False,
    help_: Help = False,
) -> None:
    """Options of `longshore` itself; what each does stands beside it."""


def _not_loaded() -> None:
    """Stands for a command of which only the summary is shown."""
