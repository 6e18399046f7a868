"""Which acts are offered to somebody who reads about a project: what they ask for is authorized anew."""

from bot.context import READ, Context, allowed
from bot.rules.access import OFFERED, Access
from bot.rules.github_pages import RepositoryPages
from bot.store.projects import Project


@allowed(READ)
async def access(context: Context, project: Project) -> Access:
    """What the caller may do in a project, by its name."""
    return access_to(context, project)


def access_to(context: Context, project: Project) -> Access:
    """What the actor, whose role in the project has been confirmed, may do there."""
    actor = context.actor
    held = frozenset(grant for grant in OFFERED if actor.may_on(project, grant))
    return Access(held, actor.github_id is not None)


def pages_of(context: Context, project: Project) -> RepositoryPages | None:
    """The pages of a project's repository on GitHub; None without a repository."""
    repository = project.repository
    return None if repository is None else RepositoryPages(context.github.web_url, repository.full_name)
