"""Installations of the App. https://docs.github.com/en/rest/apps/apps"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.github.app import GitHub
from bot.github.fields import required, required_number, required_text
from bot.github.transport import ApiError
from bot.rules.ids import InstallationId


@dataclass(frozen=True)
class InstallationFact:
    """The state of an installation as GitHub reports it: the login of its account, and whether it is suspended."""

    account: str
    suspended: bool


@dataclass(frozen=True)
class InstallationSummary:
    """An installation, and the repositories that it reaches, by name: the first of them, if there are `more`."""

    id: InstallationId
    account: str
    suspended: bool
    repositories: Sequence[str] = ()
    more: bool = False


async def list_some(github: GitHub, limit: int) -> Sequence[InstallationSummary]:
    """List the App's installations, without their repositories: so many at most."""
    data = (await github.as_app("GET", f"/app/installations?per_page={limit}")).data
    return [
        InstallationSummary(
            InstallationId(required_number(each, "id")),
            required_text(required(each, "account"), "login"),
            each.get("suspended_at") is not None,
        )
        for each in data
    ]


async def with_repositories(github: GitHub, installation: InstallationSummary, pages: int) -> InstallationSummary:
    """Add the names of the repositories that an installation reaches, from so many pages of them at most."""
    if installation.suspended:
        return installation
    client = github.client_for_installation(installation.id, installation.account)
    found = await client.listing("/installation/repositories?per_page=100", "repositories", pages, purpose="find")
    names = sorted((required_text(each, "full_name") for each in found.items), key=str.lower)
    return replace(installation, repositories=names, more=not found.complete)


async def get(github: GitHub, installation: InstallationId) -> InstallationFact | None:
    """Get an installation; None when the App is no longer installed there."""
    try:
        data = (await github.as_app("GET", f"/app/installations/{installation}")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    return InstallationFact(str(required(data, "account").get("login", "")), data.get("suspended_at") is not None)
