"""The manifest by which GitHub registers the App: ours, with the addresses of the service.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from bot.errors import Refusal
from bot.rules import addresses

MAX_NAME = 34  # characters of an App's name, as GitHub limits them
AS_IT_IS = ("description", "public", "request_oauth_on_install", "setup_on_update")
_LOGIN = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9_]){0,99}", re.ASCII)
GITHUB = "github.com"


@dataclass(frozen=True)
class AppRequest:
    """The App that somebody wants to register: its name, its owner (an organization, or empty), and GitHub's API."""

    name: str
    organization: str
    api_url: str

    @property
    def form_url(self) -> str:
        """Where GitHub takes the manifest."""
        owner = f"/organizations/{quote(self.organization)}" if self.organization else ""
        return f"{addresses.github_web_url(self.api_url)}{owner}/settings/apps/new"


def app_request(name: str, organization: str, api_url: str) -> AppRequest:
    """Check what somebody has entered. Refuses a name or an organization that GitHub cannot have."""
    if not (0 < len(name) <= MAX_NAME and name.isprintable() and any(map(str.isalnum, name))):
        raise Refusal(f"The App's name must have 1 to {MAX_NAME} characters, with a letter or a digit.", field="name")
    if organization and _LOGIN.fullmatch(organization) is None:
        raise Refusal(
            "The organization must be its name in addresses on GitHub, such as `acme`; empty for your account.",
            field="organization",
        )
    return AppRequest(name, organization, api_url)


def api_url_of(host: str) -> str:
    """GitHub's API on a host: github.com (or empty), a domain of ghe.com, or an Enterprise Server. Refuses others."""
    text = host.strip().rstrip("/").lower()
    if text.removeprefix("https://") in ("", GITHUB):
        return addresses.GITHUB_API
    try:
        url = addresses.base_url(text if "://" in text else f"https://{text}")
        parts = urlsplit(url)
        if parts.path:
            raise ValueError("must be a host without a path")
        if (parts.hostname or "").endswith(".ghe.com"):
            return addresses.github_api_url(f"https://api.{parts.netloc.removeprefix('api.')}")
        return addresses.github_api_url(f"{url}/api/v3")
    except ValueError as error:
        raise Refusal(f"The host of GitHub {error}.", field="host") from None


def manifest(base: Mapping[str, Any], name: str, public_url: str) -> dict[str, Any]:
    """The manifest of an App for the service at a URL; permissions and events are those of `base`."""
    return {
        "name": name,
        "url": f"{public_url}/",
        "hook_attributes": {"url": f"{public_url}/webhooks/github", "active": True},
        "redirect_url": f"{public_url}/setup/callback",
        "callback_urls": [f"{public_url}/auth/github/callback"],
        "setup_url": f"{public_url}/setup",
        **{key: base[key] for key in AS_IT_IS if key in base},
        "default_permissions": dict(base["default_permissions"]),
        "default_events": list(base["default_events"]),
    }


def default_name(public_url: str) -> str:
    """A name for the App that is probably free: names are unique on a GitHub."""
    host = urlsplit(public_url).hostname or ""
    return f"Longshore {host}"[:MAX_NAME].strip(" .-")


def why_unreachable(public_url: str) -> str | None:
    """Why GitHub may not reach the service at its URL, in words; None if nothing speaks against it."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if addresses.is_loopback(host):
        return (
            f"{public_url} leads to this machine only: GitHub cannot send webhooks there. Set LONGSHORE_BASE_URL to "
            "the address at which GitHub reaches this service, and start it again."
        )
    if addresses.is_ip(host) and ip_address(host).is_private:
        return f"{host} is an address of a private network: github.com cannot send webhooks there."
    if parts.scheme == "http":
        return f"{public_url} is not encrypted: serve it over HTTPS, and set LONGSHORE_BASE_URL to that address."
    return None
