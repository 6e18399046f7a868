"""Teams of an organization, and who is in them. https://docs.github.com/en/rest/teams/members"""

from urllib.parse import quote

from bot.errors import NotFound
from bot.github.fields import required_text
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError

PURPOSE = "read teams"


async def exists(repository: RepositoryClient, organization: str, slug: str) -> bool:
    """Whether an organization has a team that the App can see."""
    try:
        await repository.request("GET", _path(organization, slug), purpose=PURPOSE)
    except ApiError as error:
        error.raise_unless(404)
        return False
    return True


async def is_member(repository: RepositoryClient, organization: str, slug: str, login: str) -> bool:
    """Whether a login is an active member of a team, or of one below it; an invitation is no membership.

    Raises PermissionMissing without `members: read`, and NotFound when there is no such team: neither says anything
    about the person.
    """
    try:
        url = f"{_path(organization, slug)}/memberships/{quote(login, safe='')}"
        membership = (await repository.request("GET", url, purpose=PURPOSE)).data
    except ApiError as error:
        error.raise_unless(404)
        if not await exists(repository, organization, slug):
            raise NotFound(f"GitHub has no team `{organization}/{slug}`: correct its name, or create it.") from error
        return False
    return required_text(membership, "state") == "active"


def _path(organization: str, slug: str) -> str:
    return f"/orgs/{quote(organization, safe='')}/teams/{quote(slug, safe='')}"
