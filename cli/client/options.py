"""Options that several commands take."""

from dataclasses import dataclass
from typing import Annotated

import typer

Candidate = Annotated[str, typer.Argument(help="Candidate version, such as 1.4.0-rc2.")]
Environment = Annotated[str, typer.Argument(help="Name of the environment.")]
Release = Annotated[str, typer.Argument(help="Release version, such as 1.4.0.")]
Reason = Annotated[str, typer.Option(metavar="<text>", help="Why; whoever is stopped by it reads it.")]
Until = Annotated[
    str | None,
    typer.Option(metavar="<time>", help="When it ends, such as '2026-12-24 18:00' or 18:00; in UTC without an offset."),
]
Lasts = Annotated[str | None, typer.Option("--for", metavar="<time>", help="How long it lasts, such as 30m, 2h or 7d.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Timeout = Annotated[
    str | None, typer.Option(metavar="<time>", help="With --wait: how long at most, such as 90s, 30m or 2h.")
]


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """Which project and service a command is about, and for whom its result is printed."""

    project: Annotated[
        str | None,
        typer.Option(metavar="<name>", help="Project; by default that of the git repository that you are in."),
    ] = None
    url: Annotated[
        str | None, typer.Option(metavar="<url>", help="Service to ask; by default the one you logged in to last.")
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")] = False


@dataclass(frozen=True, kw_only=True)
class BlockOptions(ServiceOptions):
    """Until when something is stopped; without any, until somebody ends it."""

    until: Until = None
    lasts: Lasts = None


@dataclass(frozen=True, kw_only=True)
class FollowOptions(ServiceOptions):
    """Whether what a command starts is followed, or only tried."""

    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it has ended.")] = False
    timeout: Timeout = None
    dry_run: DryRun = False


@dataclass(frozen=True, kw_only=True)
class CutOptions(FollowOptions):
    """What a candidate is cut from, and whether it is built."""

    commit: Annotated[
        str, typer.Option(metavar="<commit>", help="Commit: a full SHA, or what git knows, such as main or v1^.")
    ] = "HEAD"
    build: Annotated[
        bool | None,
        typer.Option("--build/--no-build", help="Build it; by default if the project has a build workflow."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class StartOptions(FollowOptions):
    """How a deployment is started."""

    wait: Annotated[
        bool,
        typer.Option("--wait", help="Let it wait for gates that may still open, and follow it until it has ended."),
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Override gates; needs --reason and the grant deployment:force.")
    ] = False
    reason: Annotated[str | None, typer.Option(metavar="<text>", help="With --force: why gates are overridden.")] = None


@dataclass(frozen=True, kw_only=True)
class RollbackOptions(FollowOptions):
    """How a rollback is started."""

    force: Annotated[
        bool, typer.Option("--force", help="Override a freeze and a lock; needs --reason and deployment:force.")
    ] = False
    reason: Annotated[str | None, typer.Option(metavar="<text>", help="Why; it is recorded and shown.")] = None
