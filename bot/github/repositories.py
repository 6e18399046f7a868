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
    """What GitHub says about a repository, and which installation reaches it."""

    id: RepositoryId
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    installation_id: InstallationId


async def get(repository: RepositoryClient) -> RepositoryFact | None:
    """The repository as it is now, found by its id whatever its name; None when we can no longer see it."""
    try:
        answer = await repository.request("GET", f"/repositories/{repository.id}")
    except NotFound:  # the installation is gone, or no longer reaches it
        return None
    except ApiError as error:
        error.raise_unless(403, 404, 451)
        return None
    return repository_fact(answer.data, repository.installation)


async def find(github: GitHub, full_name: str) -> RepositoryFact | None:
    """A repository by its name; None when there is none or the App is not installed on it."""
    path = repository_path(full_name)
    try:
        found = await github.as_app("GET", f"{path}/installation")
        installation = InstallationId(int(required(found.data, "id")))
        answer = await github.client_for_installation(installation, full_name).request("GET", path, purpose="find")
    except ApiError as error:
        error.raise_unless(301, 403, 404, 451)
        return None
    return repository_fact(answer.data, installation)


def repository_fact(data: Any, installation: InstallationId) -> RepositoryFact:
    """A repository from GitHub's REST or webhook JSON."""
    return RepositoryFact(
        id=RepositoryId(int(required(data, "id"))),
        full_name=str(required(data, "full_name")),
        default_branch=str(required(data, "default_branch")),
        private=bool(required(data, "private")),
        archived=bool(data.get("archived", False)),
        installation_id=installation,
    )
