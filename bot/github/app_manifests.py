"""Registering an App from a manifest.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from dataclasses import dataclass, field
from urllib.parse import quote

from bot.errors import Refusal
from bot.github.app import AppKeys, GitHub
from bot.github.fields import required, required_number, required_text
from bot.github.limits import ResponseLost
from bot.github.transport import ApiError

USED_CODE = "GitHub does not take the code of this registration: it was used before, or is older than an hour"
AGAIN = "Register the App again"
LOST = "GitHub's answer with the App's credentials was lost"
DELETE = "delete the App in your settings on GitHub, and register it again"


@dataclass(frozen=True)
class RegisteredApp:
    """An App that GitHub has just registered, with the secrets that GitHub shows only once."""

    app_id: str
    client_id: str
    slug: str
    name: str
    owner: str
    url: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    client_secret: str = field(repr=False)


async def convert(github: GitHub, api_url: str, proxy: str, code: str) -> RegisteredApp:
    """Exchange the code of a registration for the App's credentials. Refuses one that was used or is too old."""
    try:
        response = await github.send_anonymously(
            "POST", f"/app-manifests/{quote(code, safe='')}/conversions", AppKeys("", "", api_url, proxy)
        )
    except ApiError as error:
        error.raise_unless(404, 422)
        raise Refusal(f"{USED_CODE}. {AGAIN}.", reason=f"GitHub answered {error.status}: {error.message}") from error
    except ResponseLost as lost:
        raise ResponseLost(f"{LOST}: {DELETE}.", lost.retry_after, **lost.details) from lost
    data = response.data
    return RegisteredApp(
        app_id=str(required_number(data, "id")),
        client_id=required_text(data, "client_id"),
        slug=required_text(data, "slug"),
        name=required_text(data, "name"),
        owner=required_text(required(data, "owner"), "login"),
        url=required_text(data, "html_url"),
        private_key=required_text(data, "pem"),
        webhook_secret=required_text(data, "webhook_secret"),
        client_secret=required_text(data, "client_secret"),
    )
