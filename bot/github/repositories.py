"""Repositories. https://docs.github.com/en/rest/repos/repos"""

from dataclasses import dataclass
from typing import Any

from bot.errors import NotFound
from bot.github.app import GitHub
from bot.github.fields import required
from bot.github.repository import RepositoryClient, repository_path
from bot.github.transport import ApiError
from bot.rules.ids import InstallationId, RepositoryId


@dataclass(frozen=True)
class RepositoryFact:
    """The state of a repository as GitHub reports it, and the installation that reaches it."""

    id: RepositoryId
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    installation_id: InstallationId


async def get(repository: RepositoryClient) -> RepositoryFact | None:
    """Get a repository by its id, whatever its name is now; None when the App can no longer see it."""
    try:
        response = await repository.request("GET", f"/repositories/{repository.id}")
    except NotFound:  # the installation is gone, or no longer reaches it
        return None
    except ApiError as error:
        error.raise_unless(403, 404, 451)
        return None
    return repository_fact(response.data, repository.installation)


async def find(github: GitHub, full_name: str) -> RepositoryFact | None:
    """Find a repository by its name; None when it does not exist or the App is not installed on it."""
    path = repository_path(full_name)
    try:
        response = await github.as_app("GET", f"{path}/installation")
        installation = InstallationId(int(required(response.data, "id")))
        response = await github.client_for_installation(installation, full_name).request("GET", path, purpose="find")
    except ApiError as error:
        error.raise_unless(301, 403, 404, 451)
        return None
    return repository_fact(response.data, installation)


def repository_fact(data: Any, installation: InstallationId) -> RepositoryFact:
    """Read a repository from GitHub's JSON."""
    return RepositoryFact(
        id=RepositoryId(int(required(data, "id"))),
        full_name=str(required(data, "full_name")),
        default_branch=str(required(data, "default_branch")),
        private=bool(required(data, "private")),
        archived=bool(data.get("archived", False)),
        installation_id=installation,
    )
