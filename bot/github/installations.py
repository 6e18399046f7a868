"""Installations of the App. https://docs.github.com/en/rest/apps/apps"""

from dataclasses import dataclass

from bot.github.app import GitHub
from bot.github.fields import required
from bot.github.transport import ApiError
from bot.rules.ids import InstallationId


@dataclass(frozen=True)
class InstallationFact:
    """The state of an installation as GitHub reports it: the login of its account, and whether it is suspended."""

    account: str
    suspended: bool


async def get(github: GitHub, installation: InstallationId) -> InstallationFact | None:
    """Get an installation; None when the App is no longer installed there."""
    try:
        data = (await github.as_app("GET", f"/app/installations/{installation}")).data
    except ApiError as error:
        error.raise_unless(404)
        return None
    return InstallationFact(str(required(data, "account").get("login", "")), data.get("suspended_at") is not None)
