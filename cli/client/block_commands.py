"""`longshore freeze`, `lock`, `hold` and `ban`, and the commands that end them."""

from typing import Annotated

import typer

from cli.client.options import BlockOptions, Candidate, Environment, Reason, Release, ServiceOptions
from cli.options import expand_options

Frozen = Annotated[
    str | None, typer.Argument(help="Name of the environment, or all: every environment of the project.")
]
WholeService = Annotated[bool, typer.Option("--service", help="Every environment of every project, instead of one.")]


@expand_options
def freeze(
    environment: Frozen = None,
    service: WholeService = False,
    *,
    reason: Reason,
    options: BlockOptions,
) -> int:
    """Stop deployments to an environment, a project or the service."""
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.freeze(caller, blocks.scope_of(environment, service), reason, options))


@expand_options
def unfreeze(environment: Frozen = None, service: WholeService = False, *, options: ServiceOptions) -> int:
    """End the freezes of an environment, a project or the service.

    Freezes of the project and of the service stay in force on an environment. Those that do are named.
    """
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.unfreeze(caller, blocks.scope_of(environment, service)))


@expand_options
def lock(environment: Environment, *, reason: Reason, options: BlockOptions) -> int:
    """Reserve an environment: nobody else can deploy there."""
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.lock(caller, environment, reason, options))


@expand_options
def unlock(environment: Environment, *, options: ServiceOptions) -> int:
    """Release the lock of an environment.

    Somebody else's lock needs the grant deployment:force.
    """
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.unlock(caller, environment))


@expand_options
def hold(version: Release, *, reason: Reason, options: ServiceOptions) -> int:
    """Hold a release: none of its candidates can be deployed."""
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.hold(caller, version, reason))


@expand_options
def unhold(version: Release, *, options: ServiceOptions) -> int:
    """End the hold of a release."""
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.unhold(caller, version))


@expand_options
def ban(candidate: Candidate, *, reason: Reason, options: ServiceOptions) -> int:
    """Ban a candidate: it can no longer be deployed."""
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.ban(caller, candidate, reason))


@expand_options
def unban(candidate: Candidate, *, options: ServiceOptions) -> int:
    """End the ban of a candidate.

    Refused while the candidate's tag is at another commit.
    """
    from cli.client import blocks
    from cli.client.running import run

    return run(options, lambda caller: blocks.unban(caller, candidate))
