"""Who asks, through which door, at what time: what every operation takes, and the one check of grants."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from bot.errors import Forbidden, NotFound, Unauthenticated
from bot.github.client import GitHub, Repo
from bot.log import bind_log_context
from bot.metrics import Metrics
from bot.rules.permissions import Visibility, covers, role_for
from bot.store import queries
from bot.store.projects import Environment, Outline, Project, Repository

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", Project, Outline)

MISSING = "Authentication credentials were not provided."
FORBIDDEN = "You do not have permission to perform this action."


@dataclass(frozen=True)
class Actor:
    """Who acts. `project_id` is the scope of a token, `repository_id` that of a role on GitHub; None reaches all.

    `public` are the grants that anybody has, on public projects only. A stranger is the user 0.
    """

    user_id: int
    name: str
    grants: frozenset[str]
    project_id: int | None = None
    repository_id: int | None = None
    public: frozenset[str] = frozenset()

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has said who asks."""
        return self.user_id == 0

    @property
    def is_scoped(self) -> bool:
        """Whether what is the actor's own holds for some projects only."""
        return (self.project_id, self.repository_id) != (None, None)

    def may(self, *grants: str) -> bool:
        """Whether at least one of the grants is held, be it on public projects only."""
        return self.holds(*grants) or not self.public.isdisjoint(grants)

    def holds(self, *grants: str) -> bool:
        """Whether at least one of the grants is the actor's own."""
        return any(covers(self.grants, grant) for grant in grants)

    def reaches(self, project: Project | Outline) -> bool:
        """Whether what is the actor's own holds for this project."""
        return self.project_id in (None, project.id) and self.repository_id in (None, project.repository_id)

    def may_on(self, project: Project | Outline, *grants: str) -> bool:
        """Whether at least one of the grants holds for this project, which has its repository at hand."""
        if self.holds(*grants) and self.reaches(project):
            return True
        return project.is_public and not self.public.isdisjoint(grants)

    def visibility(self, *grants: str) -> Visibility:
        """Whose rows in lists the grants let the actor see."""
        public = not self.public.isdisjoint(grants)
        if not self.holds(*grants):
            return Visibility(public=public)
        return Visibility(not self.is_scoped, self.project_id, self.repository_id, public)


def utc_now() -> datetime:
    """The time, as everything here takes it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Context:
    """What an operation runs with: GitHub, who acts, and through which channel.

    `channel` is one of rest, pull comment, commit comment, tag, cli, github and job.
    """

    github: GitHub
    actor: Actor
    channel: str
    metrics: Metrics
    now: Callable[[], datetime] = utc_now

    def acting_as(self, actor: Actor, channel: str) -> "Context":
        """The same surroundings for somebody else."""
        return replace(self, actor=actor, channel=channel)

    def at(self, repository: Repository) -> Repo:
        """A repository on GitHub."""
        return self.github.at(repository.installation_id, repository.github_id, repository.full_name)


def require(actor: Actor, *grants: str) -> None:
    """Refuse who holds none of the grants, saying which is called for and which role on GitHub would bring it."""
    if actor.is_anonymous and not actor.may(*grants):
        raise Unauthenticated(MISSING)
    if not actor.may(*grants):
        raise Forbidden(FORBIDDEN, grant=grants[0], github_role=role_for(grants[0]))


def require_everywhere(actor: Actor, grant: str) -> None:
    """Refuse who does not hold a grant on every project: what is not of one project is nobody's who is."""
    require(actor, grant)
    if not actor.visibility(grant).everything:
        raise Forbidden(FORBIDDEN, grant=grant, reason="These credentials are for one project only.")


Finder = Callable[[str], Awaitable[T]]


async def by_name(name: str) -> Project:
    """The project of a name, with its repository."""
    return _there(await queries.find_project(queries.BY_NAME, name), "Release project not found")


async def by_permalink(permalink: str) -> Project:
    """The project of a permalink, with its repository."""
    return _there(await queries.find_project(queries.BY_PERMALINK, permalink), "Project not found")


async def by_release(number: str) -> Project:
    """The project of a release that is known by its number, with its repository."""
    known = number.isascii() and number.isdecimal() and len(number) <= 9
    return _there(await queries.find_project(queries.BY_RELEASE_ID, int(number) if known else 0), "Release not found")


async def outline_by_name(name: str) -> Outline:
    """The outline of the project of a name."""
    return _there(await queries.find_outline(queries.BY_NAME, name), "Release project not found")


async def outline_by_permalink(permalink: str) -> Outline:
    """The outline of the project of a permalink."""
    return _there(await queries.find_outline(queries.BY_PERMALINK, permalink), "Project not found")


def _there(project: T | None, otherwise: str) -> T:
    if project is None:
        raise NotFound(otherwise)
    return project


def allowed(
    *grants: str, by: Finder[Project] = by_name, hides: bool = False
) -> Callable[
    [Callable[Concatenate[Context, Project, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    """Guard an operation on a project: callers name the project, the operation is given it.

    Asked in this order: does the actor hold one of the grants at all, is there such a project, does the grant hold for
    it. What is not public is not there for strangers. `by` finds the project by what callers know of it. An operation
    that `hides` does not tell who acts for one project whether there is another of a name.
    """
    return _guard(by, *grants, hides=hides)


def allowed_to_read(
    *grants: str, by: Finder[Outline] = outline_by_name, hides: bool = False
) -> Callable[
    [Callable[Concatenate[Context, Outline, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    """Guard, in the same way, an operation that needs no more of a project than its outline: lists, above all."""
    return _guard(by, *grants, hides=hides)


def _guard(
    by: Finder[T], *grants: str, hides: bool
) -> Callable[
    [Callable[Concatenate[Context, T, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    def guard(
        operation: Callable[Concatenate[Context, T, P], Awaitable[R]],
    ) -> Callable[Concatenate[Context, str, P], Awaitable[R]]:
        @wraps(operation)
        async def guarded(context: Context, project: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            found = await _authorised(context, project, by, *grants, hides=hides)
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
            found = await _authorised(context, project, by_name, grant, production)
            place = await Environment.get_or_none(project_id=found.id, name=environment)
            if place is None:
                raise NotFound("Release environment not found")
            require(context.actor, production if place.tier == "production" else grant)
            return await operation(context, found, place, *args, **kwargs)

        return guarded

    return guard


async def _authorised(context: Context, name: str, by: Finder[T], *grants: str, hides: bool = False) -> T:
    actor = context.actor
    require(actor, *grants)
    try:
        project = await by(name)
    except NotFound as missing:
        if hides and actor.is_scoped and actor.holds(*grants):
            raise Forbidden(FORBIDDEN) from missing
        raise
    bind_log_context(project=project.name)
    if not actor.may_on(project, *grants):
        if not actor.holds(*grants):
            await by("")  # as if it were not there
        raise Forbidden(FORBIDDEN, project=None if hides else project.name)
    return project
