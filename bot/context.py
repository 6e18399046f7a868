"""The context of an operation (who acts, through which channel, at what time), and the one check of grants."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from bot.actors import READ as READ
from bot.actors import Actor as Actor  # callers know both from here
from bot.actors import confirm
from bot.errors import (
    Forbidden,
    NotFound,
    Refusal,
    Unauthenticated,
    UnknownProject,
    deployment_not_found,
    environment_not_found,
    permalink_not_found,
    project_not_found,
    release_not_found,
)
from bot.events.event import Event
from bot.github.app import GitHub
from bot.github.repository import RepositoryClient
from bot.log import bind_log_context
from bot.rules.ids import GitHubUserId, parse_row_id
from bot.rules.names import MAX_COMPARED, SIMILAR_VERSION, nearest, unknown
from bot.rules.permissions import Visibility, covers, grants_of_role, needs_grant, needs_role, role_for
from bot.rules.versions import CandidateVersion
from bot.store import queries
from bot.store.projects import Environment, Outline, Project, Repository

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", Project, Outline)

NO_CREDENTIALS = "Authentication credentials were not provided."
MAX_NEAR_CANDIDATES = 100  # the newest ones of a project that a mistyped version is compared with
ONE_PROJECT = "These credentials are for one project only."
WHERE_ROLE = "A person may do only what their role on GitHub brings in a repository."
FORBIDDEN = "You do not have permission to perform this action."


def utc_now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def discard(event: Event) -> None:
    """Drop an event: the default of `Context.publish`."""


async def no_lease(seconds: float) -> None:
    """Do nothing: outside a job there is no lease to extend."""


@dataclass(frozen=True)
class Context:
    """The context that an operation runs in.

    `channel` is one of rest, page, pull comment, commit comment, check button, tag, cli, github, file and job.
    `publish` receives events once they are committed. `origin` names the message that the request came in (a command in
    a comment, a pushed tag, a click), so that a message handled twice takes effect once. `ensure_lease` extends the
    job's lease to last at least that many seconds, or raises. `operators` are the people who may do everything.
    """

    github: GitHub
    actor: Actor
    channel: str
    publish: Callable[[Event], None] = discard
    now: Callable[[], datetime] = utc_now
    origin: str | None = None
    ensure_lease: Callable[[float], Awaitable[None]] = no_lease
    operators: frozenset[GitHubUserId] = frozenset()

    def acting_as(self, actor: Actor, channel: str) -> "Context":
        """Copy the context for another actor and channel."""
        return replace(self, actor=actor, channel=channel)

    def with_origin(self, origin: str) -> "Context":
        """Copy the context for a request that came in one message."""
        return replace(self, origin=origin)

    def with_lease(self, ensure_lease: Callable[[float], Awaitable[None]]) -> "Context":
        """Copy the context for a job under a lease."""
        return replace(self, ensure_lease=ensure_lease)

    def github_now(self) -> datetime:
        """The current time by GitHub's clock: what times that came from GitHub are compared with."""
        return self.github.now()

    def client_for(self, repository: Repository) -> RepositoryClient:
        """Return a client for a repository. Refuses one that no installation of the App reaches.

        On behalf of anonymous callers it refuses every request, and on behalf of strangers too many of them: what is
        remembered of earlier ones they may see.
        """
        client = self.github.client_for(repository.installation_id, repository.github_id, repository.full_name)
        account = self.actor.github_id
        if not self.actor.asks_github:
            return client.unasked()
        if not self.actor.is_stranger or account is None:
            return client
        return client.counted(lambda: self.github.people.strangers.count(account))


def authorize(
    actor: Actor,
    *grants: str,
    project: Project | Outline | None = None,
    everywhere: bool = False,
    sentence: str = FORBIDDEN,
) -> None:
    """Refuse an actor who holds none of the grants; every check of a grant ends here.

    Without `project`, it is enough to hold a grant on some project. With `everywhere`, it must be held on every
    project: for what belongs to no single one. The refusal, worded by `sentence`, names the grant and the GitHub role
    that confers it, and what the actor has instead; one outside the actor's projects names nothing.
    """
    if not actor.may(*grants):
        if actor.is_anonymous:
            raise Unauthenticated(NO_CREDENTIALS)
        if actor.doubt is not None:
            raise Forbidden(actor.doubt)
        raise _lacking(actor, grants[0], sentence)
    if everywhere and not actor.visibility(*grants).everything:
        reason = (WHERE_ROLE if actor.is_unconfirmed else ONE_PROJECT) if actor.holds(*grants) else None
        raise Forbidden(FORBIDDEN, grant=grants[0], reason=reason)
    if project is not None and not actor.may_on(project, *grants):
        raise Forbidden(FORBIDDEN)


def _lacking(actor: Actor, grant: str, sentence: str) -> Forbidden:
    """Build the error for an actor without a grant: somebody from GitHub has a role, a token has grants."""
    role = role_for(grant)
    is_of_role = actor.role is not None and not (actor.token_id and covers(grants_of_role(actor.role), grant))
    if is_of_role and actor.role is not None and role is not None:
        return Forbidden(f"{FORBIDDEN.rstrip('.')}: {needs_role(role, actor.role)}.")
    return Forbidden(sentence, grant=grant, github_role=role, reason=needs_grant(grant, actor.grants))


def not_found_to(actor: Actor, error: NotFound, *grants: str) -> Refusal:
    """The error for a project, or a part of one, that does not exist.

    An actor whose grants hold for some projects only gets the same error for all other projects, so as not to learn
    which of them exist.
    """
    return Forbidden(FORBIDDEN) if actor.is_scoped and actor.holds(*grants) else error


async def with_known_projects(actor: Actor, written: str, error: UnknownProject) -> UnknownProject:
    """Add to the error for an unknown project the names of those that the actor may list: a stranger may list none."""
    visibility = actor.visibility(READ)
    if actor.is_anonymous or visibility == Visibility():
        return error
    names, total = await queries.list_project_names(visibility, error.key, MAX_COMPARED)
    details = {**error.details, **unknown("projects", written, names, total)}
    return UnknownProject(error.sentence, error.key, **details)


async def unknown_environment(context: Context, project: Project | Outline, written: str) -> NotFound:
    """Build the error for an unknown environment of a project, with the names of those that the actor may list."""
    if context.actor.is_anonymous or not context.actor.may_on(project, READ):
        return environment_not_found()
    names = await queries.list_environment_names(project.id)
    return environment_not_found(**unknown("environments", written, names))


async def unknown_candidate(context: Context, project: Project, version: CandidateVersion) -> NotFound:
    """Build the error for an unknown candidate of a project, with the one that may be meant if the actor may read it.

    Only the newest candidates are looked at.
    """
    written = str(version)
    if context.actor.is_anonymous or not context.actor.may_on(project, READ):
        return release_not_found(release_candidate_version=written)
    versions = await queries.list_newest_candidates(project.id, limit=MAX_NEAR_CANDIDATES)
    meant = nearest(written, versions, SIMILAR_VERSION)
    return release_not_found(release_candidate_version=written, did_you_mean=meant)


Finder = Callable[[str], Awaitable[T]]


async def by_name(name: str) -> Project:
    """Find a project by its name, with its repository."""
    return _require(await queries.find_project(queries.BY_NAME, name), project_not_found())


async def by_permalink(permalink: str) -> Project:
    """Find a project by its permalink, with its repository."""
    return _require(await queries.find_project(queries.BY_PERMALINK, permalink), permalink_not_found())


async def by_release(number: str) -> Project:
    """Find the project of a release by the release's row id, with its repository."""
    release_id = parse_row_id(number) or 0
    return _require(await queries.find_project(queries.BY_RELEASE_ID, release_id), release_not_found())


async def by_deployment(number: str) -> Project:
    """Find the project of a deployment by the deployment's row id, with its repository."""
    deployment_id = parse_row_id(number) or 0
    return _require(await queries.find_project(queries.BY_DEPLOYMENT_ID, deployment_id), deployment_not_found())


async def outline_by_name(name: str) -> Outline:
    """Find the outline of a project by its name."""
    return _require(await queries.find_outline(queries.BY_NAME, name), project_not_found())


async def outline_by_permalink(permalink: str) -> Outline:
    """Find the outline of a project by its permalink."""
    return _require(await queries.find_outline(queries.BY_PERMALINK, permalink), permalink_not_found())


def _require(project: T | None, error: NotFound) -> T:
    if project is None:
        raise error
    return project


def allowed(
    *grants: str, by: Finder[Project] = by_name
) -> Callable[
    [Callable[Concatenate[Context, Project, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    """Guard an operation on a project: callers pass the project's name, the operation gets the project.

    Checked in this order: whether the actor holds one of the grants at all, whether the project exists, whether the
    grant holds for it. A private project does not exist for anonymous callers. `by` finds the project. An actor who is
    scoped to some projects does not learn which others exist.
    """
    return _guard(by, *grants)


def allowed_to_read(
    *grants: str, by: Finder[Outline] = outline_by_name
) -> Callable[
    [Callable[Concatenate[Context, Outline, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    """Guard an operation that needs only the outline of a project, such as a list, in the same way."""
    return _guard(by, *grants)


def _guard(
    by: Finder[T], *grants: str
) -> Callable[
    [Callable[Concatenate[Context, T, P], Awaitable[R]]], Callable[Concatenate[Context, str, P], Awaitable[R]]
]:
    def guard(
        operation: Callable[Concatenate[Context, T, P], Awaitable[R]],
    ) -> Callable[Concatenate[Context, str, P], Awaitable[R]]:
        @wraps(operation)
        async def guarded(context: Context, project: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            confirmed, found = await _find_authorized(context, project, by, *grants)
            return await operation(confirmed, found, *args, **kwargs)

        return guarded

    return guard


def allowed_on_tier(
    grant: str, production: str
) -> Callable[
    [Callable[Concatenate[Context, Project, Environment, P], Awaitable[R]]],
    Callable[Concatenate[Context, str, str, P], Awaitable[R]],
]:
    """Guard an operation on an environment, whose tier decides which of two grants is needed."""

    def guard(
        operation: Callable[Concatenate[Context, Project, Environment, P], Awaitable[R]],
    ) -> Callable[Concatenate[Context, str, str, P], Awaitable[R]]:
        @wraps(operation)
        async def guarded(context: Context, project: str, environment: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            confirmed, found = await _find_authorized(context, project, by_name, grant, production)
            row = await Environment.get_or_none(project_id=found.id, name=environment)
            if row is None:
                raise await unknown_environment(confirmed, found, environment)
            authorize(confirmed.actor, production if row.tier == "production" else grant)
            return await operation(confirmed, found, row, *args, **kwargs)

        return guarded

    return guard


async def confirmed(context: Context, project: str, *grants: str) -> Context:
    """The context with what a personal token may do in a project: GitHub is asked before a transaction begins."""
    return (await _find_authorized(context, project, by_name, *grants))[0] if context.actor.is_unconfirmed else context


async def _find_authorized(context: Context, name: str, by: Finder[T], *grants: str) -> tuple[Context, T]:
    actor = context.actor
    authorize(actor, *grants)
    try:
        project = await by(name)
        bind_log_context(project=project.name)
        context = replace(context, actor=await confirm(context.github, actor, project, *grants))
        held = context.actor
        may_know = held is not actor and covers(grants_of_role(held.role or ""), READ)
        if not (held.holds(*grants) or held.may_on(project, *grants) or may_know):
            await by("")  # raises as if the project did not exist
    except UnknownProject as error:
        raise not_found_to(actor, await with_known_projects(actor, name, error), *grants) from error
    except NotFound as error:
        raise not_found_to(actor, error, *grants) from error
    authorize(context.actor, *grants, project=project)
    return context, project
