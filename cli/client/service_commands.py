"""`longshore login`, `logout`, `status`, `open` and `completion`."""

from typing import Annotated

import typer

from cli.client.options import ServiceOptions
from cli.options import expand_options


def login(
    url: Annotated[str, typer.Argument(help="URL of the service, such as https://longshore.example.com.")],
    token: Annotated[
        str | None,
        typer.Option(metavar="<token>", help="API token; by default asked for, or read from standard input."),
    ] = None,
) -> int:
    """Log in to a service, and keep the token for later commands.

    Other users of this machine may see the arguments of a command: let it ask for the token. Commands use the service
    that you logged in to last, unless --url or LONGSHORE_URL names another one. The token in
    LONGSHORE_TOKEN wins over the one that is kept.
    """
    from cli.client import sessions

    return sessions.log_in(url, token)


def logout(
    url: Annotated[
        str | None, typer.Argument(help="URL of the service; by default the one you logged in to last.")
    ] = None,
) -> int:
    """Forget the token of a service.

    The token itself stays valid until it expires or is revoked.
    """
    from cli.client import sessions

    return sessions.log_out(url)


@expand_options
def status(
    all_: Annotated[bool, typer.Option("--all", help="All projects, not only those of the repository.")] = False,
    *,
    options: ServiceOptions,
) -> int:
    """Show where everything is: what is live, under way and waiting.

    Shows the projects of the git repository that you are in, and all projects if it has none.
    """
    from cli.client import board
    from cli.client.running import run

    return run(options, lambda caller: board.status(caller, all_projects=all_))


@expand_options
def open_(
    candidate: Annotated[str | None, typer.Option(metavar="<version>", help="The page of this candidate.")] = None,
    environment: Annotated[str | None, typer.Option(metavar="<name>", help="The page of this environment.")] = None,
    deployment: Annotated[int | None, typer.Option(metavar="<number>", help="The page of this deployment.")] = None,
    print_: Annotated[bool, typer.Option("--print", help="Print the address instead.")] = False,
    *,
    options: ServiceOptions,
) -> int:
    """Open a page of the service in the browser.

    It is the page of the project, unless an option names another one.
    """
    from cli.client import pages
    from cli.client.running import run

    chosen = pages.Page(candidate, environment, deployment)
    return run(options, lambda caller: pages.open_page(caller, chosen, only_print=print_))


def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")],
) -> int:
    """Print a script with which a shell completes commands.

    It also completes the names of projects, environments and versions, which it asks the service for.
    """
    from cli.client.completion_scripts import print_script

    return print_script(shell)
