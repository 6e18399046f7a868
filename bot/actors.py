"""Who acts, and with which grants."""

from dataclasses import dataclass, replace

from bot.errors import RateLimited, Refusal, Unavailable
from bot.github.app import GitHub
from bot.github.transport import ApiError
from bot.rules.ids import GitHubUserId, RepositoryId, TokenId, UserId
from bot.rules.permissions import ANONYMOUS_GRANTS, Visibility, covers, grants_of_role
from bot.store import queries
from bot.store.projects import Outline, Project

READ = "project:read"
READS = frozenset({READ, "content:read"})


@dataclass(frozen=True)
class Actor:
    """Who acts. `project_id` limits a token to one project, `repository_id` a role on GitHub to one repository.

    `public` are the grants that everybody has on public projects. The anonymous caller has the user id 0. Somebody from
    GitHub has a `role` there, which may be `none`; `doubt` says why it is that where it is not GitHub's decision.

    `github_id` is set for a person: somebody from GitHub, or the holder of a personal token. Only a person approves.
    `token_id` is that of the token; `by_operator` says that an operator made it for this person.

    `is_unconfirmed`: the grants are those of a person's token or session, and hold on no project before they were
    confirmed by the person's role in its repository (`confirm`). `readable` are the repositories that such a person was
    found to be able to read, for lists.

    `asks_github` is false of anonymous callers: there may be any number of them, and GitHub answers only so much.
    `is_stranger`: of a person without a role but for reading what is public, who may have it asked only so much.
    """

    user_id: UserId
    name: str
    grants: frozenset[str]
    project_id: int | None = None
    repository_id: int | None = None
    public: frozenset[str] = frozenset()
    role: str | None = None
    doubt: str | None = None
    github_id: GitHubUserId | None = None
    token_id: TokenId | None = None
    by_operator: bool = False
    is_unconfirmed: bool = False
    readable: frozenset[RepositoryId] = frozenset()
    asks_github: bool = True
    is_stranger: bool = False

    @property
    def is_anonymous(self) -> bool:
        """Whether the caller sent no credentials."""
        return self.user_id == 0

    @property
    def is_scoped(self) -> bool:
        """Whether the actor's own grants hold for some projects only."""
        return (self.project_id, self.repository_id) != (None, None) or self.is_unconfirmed

    def may(self, *grants: str) -> bool:
        """Whether at least one of the grants is held on some project, if only on public ones."""
        return self.holds(*grants) or not self.public.isdisjoint(grants)

    def holds(self, *grants: str) -> bool:
        """Whether at least one of the grants is the actor's own."""
        return any(covers(self.grants, grant) for grant in grants)

    def reaches(self, project: Project | Outline) -> bool:
        """Whether the actor's own grants hold for this project."""
        if self.is_unconfirmed:
            return False
        return self.project_id in (None, project.id) and self.repository_id in (None, project.repository_id)

    def may_on(self, project: Project | Outline, *grants: str) -> bool:
        """Whether at least one of the grants holds for this project. Its repository must have been fetched."""
        if self.holds(*grants) and self.reaches(project):
            return True
        return project.is_public and not self.public.isdisjoint(grants)

    def visibility(self, *grants: str) -> Visibility:
        """The projects whose rows the actor may see in lists by at least one of the grants.

        Those of a person whose grants are unconfirmed are those of public repositories, where everybody has the role
        read, and of the `readable` ones.
        """
        public = not self.public.isdisjoint(grants)
        if not self.holds(*grants):
            return Visibility(public=public)
        if self.is_unconfirmed:
            reads = self.project_id is None and READ in grants and self.holds(READ)
            readable = self.readable if reads else frozenset()
            return Visibility(public=public, public_repositories=reads, readable=readable)
        return Visibility(not self.is_scoped, self.project_id, self.repository_id, public)


def anonymous(anonymous_read: str) -> Actor:
    """Return the anonymous caller as an actor, with the grants of the setting `ANONYMOUS_READ`."""
    return Actor(UserId(0), "anonymous", frozenset(), public=ANONYMOUS_GRANTS[anonymous_read], asks_github=False)


async def confirm(github: GitHub, actor: Actor, project: Project | Outline, *grants: str) -> Actor:
    """Cut the unconfirmed grants of a person down to those of their role in a project's repository now.

    Other actors are returned as they are. For reading, the role may be up to a minute old, and up to ten minutes if
    there was none. Raises Unavailable if GitHub does not say which role that is, and RateLimited if it was asked too
    often about somebody without one.
    """
    if not actor.is_unconfirmed:
        return actor
    fresh = not READS.issuperset(grants)
    role = "none" if project.repository_id is None else await _role(github, actor, project, fresh=fresh)
    held = actor.grants & grants_of_role(role)
    return replace(
        actor,
        grants=held,
        role=role,
        repository_id=project.repository_id,
        is_unconfirmed=False,
        is_stranger=actor.github_id is not None and github.people.strangers.is_one(actor.github_id),
    )


async def _role(github: GitHub, actor: Actor, project: Project | Outline, *, fresh: bool) -> str:
    """The role of a person in a project's repository; `none` without one, without an account, or without the App."""
    repository = project.repository if isinstance(project, Project) else None
    if repository is None:
        repository = await queries.get_repository(project.repository_id or RepositoryId(0))
    if repository.installation_id is None:  # nobody's role can be known, and its name must not be told to anybody
        return "none"
    account = GitHubUserId(actor.github_id or 0)
    try:
        client = github.client_for(repository.installation_id, repository.github_id, repository.full_name)
        return await github.people.own_role(client, account, actor.name, fresh=fresh, private=not repository.is_public)
    except RateLimited:
        if fresh or not repository.is_public:
            raise
        return "read"  # as everybody has it there
    except Refusal as refusal:
        raise Unavailable("GitHub is unavailable", reason=refusal.sentence) from refusal
    except ApiError as error:
        raise Unavailable("GitHub is unavailable", reason=f"it answered {error.status}") from error
