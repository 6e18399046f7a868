"""Groups of commands.

Typer's own help option would load pydantic for each group whose command is asked for help: it has no default, which
typer validates as it validates what a user passes.
"""

from typing import Annotated

import typer

from cli.output import show
from cli.overview import HELP_HELP


def _show_help(context: typer.Context, wanted: bool) -> None:
    if wanted:
        show(context.get_help())
        raise typer.Exit


Help = Annotated[bool, typer.Option("-h", "--help", callback=_show_help, is_eager=True, help=HELP_HELP)]


def new_group(text: str) -> typer.Typer:
    """A group without commands; `text` is its help."""
    app = typer.Typer(help=text, add_help_option=False, rich_markup_mode=None)
    app.callback()(_options)
    return app


def _options(help_: Help = False) -> None:
    """The options of a group; `_show_help` acts on it."""
