"""`longshore cut`, `deploy`, `promote`, `rollback`, `approve`, `why` and `watch`."""

from typing import Annotated

import typer

from cli.client.options import (
    Candidate,
    CutOptions,
    Environment,
    RollbackOptions,
    ServiceOptions,
    StartOptions,
)
from cli.options import expand_options


@expand_options
def cut(
    version: Annotated[
        str | None,
        typer.Argument(help="Release version, such as 1.4.0, or candidate version, such as 1.4.0-rc2."),
    ] = None,
    *,
    options: CutOptions,
) -> int:
    """Cut a release candidate.

    Its commit is the one that is checked out, unless --commit names another. Without a candidate's number it is the
    next one of the release, and without a version the next one by the project's version scheme.
    """
    from cli.client import candidates
    from cli.client.running import run

    return run(options, lambda caller: candidates.cut(caller, version, options))


@expand_options
def deploy(candidate: Candidate, environment: Environment, *, options: StartOptions) -> int:
    """Deploy a release candidate to an environment.

    Without --wait, it is refused if a gate is closed, and else it is started and not followed.
    """
    from cli.client import deployments
    from cli.client.running import run

    return run(options, lambda caller: deployments.deploy(caller, candidate, environment, options))


@expand_options
def promote(candidate: Candidate, *, options: StartOptions) -> int:
    """Deploy a candidate to its next environment.

    That is the one after the last environment where its commit is live. Without --wait, it is refused if a gate is
    closed, and else it is started and not followed.
    """
    from cli.client import deployments
    from cli.client.running import run

    return run(options, lambda caller: deployments.promote(caller, candidate, options))


@expand_options
def rollback(environment: Environment, *, options: RollbackOptions) -> int:
    """Deploy what was live before.

    Cancels what is under way or waits on the environment.
    """
    from cli.client import deployments
    from cli.client.running import run

    return run(options, lambda caller: deployments.roll_back(caller, environment, options))


@expand_options
def approve(
    candidate: Candidate,
    environment: Environment,
    comment: Annotated[str, typer.Option(metavar="<text>", help="What to record with the approval.")] = "",
    *,
    options: ServiceOptions,
) -> int:
    """Approve a candidate for an environment.

    Needs a personal token: one that you made at /settings of the service, or that an operator made for you.
    """
    from cli.client import candidates
    from cli.client.running import run

    return run(options, lambda caller: candidates.approve(caller, candidate, environment, comment))


@expand_options
def why(candidate: Candidate, environment: Environment, *, options: ServiceOptions) -> int:
    """Show what every gate says about a deployment.

    Exits with 0 if the deployment could be made now, with 4 if it would wait, and with 3 if it would be refused.
    """
    from cli.client import candidates
    from cli.client.running import run

    return run(options, lambda caller: candidates.why(caller, candidate, environment))


@expand_options
def watch(
    environment: Annotated[
        str | None, typer.Argument(help="Name of the environment; by default the only one where something goes on.")
    ] = None,
    deployment: Annotated[
        int | None,
        typer.Option(metavar="<number>", help="Number of the deployment; by default what is under way, or waits."),
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="<time>", help="How long at most, such as 90s, 30m or 2h.")
    ] = None,
    *,
    options: ServiceOptions,
) -> int:
    """Follow a deployment until it has ended.

    If nothing is under way and nothing waits there, it shows how the newest deployment has ended.
    """
    from cli.client import deployments
    from cli.client.following import parse_timeout
    from cli.client.running import run

    return run(
        options, lambda caller: deployments.watch(caller, environment, deployment, parse_timeout(timeout, wait=True))
    )
