"""The App's own settings, and all of its installations. https://docs.github.com/en/rest/apps"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from bot.github.app import GitHub
from bot.github.fields import optional_text, required, required_number, required_text, required_time
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError
from bot.rules.ids import InstallationId
from bot.rules.self_checks import HookFact

MAX_PAGES = 5
DAY = timedelta(days=1)


@dataclass(frozen=True)
class AppSettings:
    """The App: what it may do, which events it receives, and the page with its settings."""

    slug: str
    permissions: Mapping[str, str]
    events: Sequence[str]
    url: str
    settings_url: str


@dataclass(frozen=True)
class Installed:
    """An installation: what it has accepted, and its page."""

    id: InstallationId
    account: str
    is_suspended: bool
    url: str
    permissions: Mapping[str, str] = field(default_factory=dict)


async def get(github: GitHub) -> AppSettings:
    """Get the App."""
    data = (await github.as_app("GET", "/app")).data
    slug, owner = required_text(data, "slug"), data.get("owner") or {}
    of_organization = f"/organizations/{owner.get('login')}" if owner.get("type") == "Organization" else ""
    return AppSettings(
        slug=slug,
        permissions=_permissions(data),
        events=[str(name) for name in data.get("events") or ()],
        url=optional_text(data, "html_url") or f"{github.web_url}/apps/{slug}",
        settings_url=f"{github.web_url}{of_organization}/settings/apps/{slug}",
    )


async def webhook(github: GitHub) -> HookFact:
    """Get the settings of the App's webhook."""
    data = (await github.as_app("GET", "/app/hook/config")).data
    return HookFact(
        url=optional_text(data, "url") or "",
        content_type=optional_text(data, "content_type") or "form",
        is_insecure=str(data.get("insecure_ssl", "0")) == "1",
    )


async def installed(github: GitHub) -> Sequence[Installed]:
    """List the App's installations, 500 at most."""
    found: list[Installed] = []
    url: str | None = "/app/installations?per_page=100"
    for _ in range(MAX_PAGES):
        if url is None:
            break
        data, url = await github.as_app("GET", url)
        found += [_installed(each) for each in data]
    return found


async def newest_deliveries(github: GitHub) -> Sequence[int]:
    """The statuses with which the newest webhooks of the last day were answered, newest first; 0 for no answer."""
    data = (await github.as_app("GET", "/app/hook/deliveries?per_page=100")).data
    start = github.now() - DAY
    return [int(item.get("status_code") or 0) for item in data if required_time(item, "delivered_at") >= start]


async def has_own_rule(repository: RepositoryClient, environment: str) -> bool:
    """Whether an environment on GitHub asks our App whether a job may deploy there."""
    path = f"{repository.root}/environments/{quote(environment, safe='')}/deployment_protection_rules"
    try:
        data = (await repository.request("GET", path)).data
    except ApiError as error:
        error.raise_unless(404)  # GitHub has no such environment yet
        return False
    rules = data.get("custom_deployment_protection_rules") or ()
    return any(rule.get("enabled") and repository.is_own(rule.get("app")) for rule in rules)


def _installed(data: Any) -> Installed:
    return Installed(
        id=InstallationId(required_number(data, "id")),
        account=required_text(required(data, "account"), "login"),
        is_suspended=data.get("suspended_at") is not None,
        url=optional_text(data, "html_url") or "",
        permissions=_permissions(data),
    )


def _permissions(data: Any) -> Mapping[str, str]:
    return {str(name): str(level) for name, level in (data.get("permissions") or {}).items()}
