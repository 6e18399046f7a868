"""Who asks, through which door, at what time: what every operation takes, and the one check of grants."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from bot.errors import Forbidden, NotFound
from bot.github.client import GitHub, Repo
from bot.log import about
from bot.metrics import Metrics
from bot.rules.permissions import covers, role_for
from bot.store.projects import Environment, Project, Repository

P = ParamSpec("P")
R = TypeVar("R")

FORBIDDEN = "You do not have permission to perform this action."


@dataclass(frozen=True)
class Actor:
    """Who acts. `project_id` is the scope of a token, `repository_id` that of a role on GitHub; None reaches all."""

    user_id: int
    name: str
    grants: frozenset[str]
    project_id: int | None = None
    repository_id: int | None = None

    def may(self, *grants: str) -> bool:
        """Whether at least one of the grants is held."""
        return any(covers(self.grants, grant) for grant in grants)

    def reaches(self, project: Project) -> bool:
        """Whether what is held holds for this project."""
        return self.project_id in (None, project.id) and self.repository_id in (None, project.repository_id)


def utc_now() -> datetime:
    """The time, as everything here takes it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """One act's surroundings. `door` is where it came in: rest, comment, tag, commit comment, cli, github, job."""

    github: GitHub
    actor: Actor
    door: str
    metrics: Metrics
    now: Callable[[], datetime] = utc_now

    def acting_as(self, actor: Actor, door: str) -> "Context":
        """The same surroundings for somebody else."""
        return replace(self, actor=actor, door=door)

    def at(self, repository: Repository) -> Repo:
        """A repository on GitHub."""
        return self.github.at(repository.installation_id, repository.github_id, repository.full_name)


def require(actor: Actor, *grants: str) -> None:
    """Refuse who holds none of the grants, saying which is called for and which role on GitHub would bring it."""
    if not actor.may(*grants):
        raise Forbidden(FORBIDDEN, grant=grants[0], github_role=role_for(grants[0]))


def allowed(
    grant: str,
) -> Callable[
    [Callable[Concatenate[Context, Project, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    """Guard an operation on a project: callers name the project, the operation is given it.

    Asked in this order: does the actor hold the grant at all, is there such a project, does the grant hold for it.
    """

    def guard(
        operation: Callable[Concatenate[Context, Project, P], Awaitable[R]],
    ) -> Callable[Concatenate[Context, str, P], Awaitable[R]]:
        @wraps(operation)
        async def guarded(context: Context, project: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            found = await _authorised(context, project, grant)
            return await operation(context, found, *args, **kwargs)

        return guarded

    return guard


def allowed_on_tier(
    grant: str, production: str
) -> Callable[
    [Callable[Concatenate[Context, Project, Environment, P], Awaitable[R]]],
    Callable[Concatenate[Context, str, str, P], Awaitable[R]],
]:
    """Guard an operation on an environment, whose tier decides which of two grants is called for."""

    def guard(
        operation: Callable[Concatenate[Context, Project, Environment, P], Awaitable[R]],
    ) -> Callable[Concatenate[Context, str, str, P], Awaitable[R]]:
        @wraps(operation)
        async def guarded(context: Context, project: str, environment: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            found = await _authorised(context, project, grant, production)
            place = await Environment.get_or_none(project_id=found.id, name=environment)
            if place is None:
                raise NotFound("Release environment not found")
            require(context.actor, production if place.tier == "production" else grant)
            return await operation(context, found, place, *args, **kwargs)

        return guarded

    return guard


async def _authorised(context: Context, name: str, *grants: str) -> Project:
    about(project=name)
    require(context.actor, *grants)
    project = await Project.get_or_none(name=name).select_related("repository")
    if project is None:
        raise NotFound("Release project not found")
    if not context.actor.reaches(project):
        raise Forbidden(FORBIDDEN, project=project.name)
    return project
