"""Register an App from a manifest: the simulated App is that one from then on, and not installed anywhere yet.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sandbox.accounts import Account, Registration
from sandbox.state import State

LASTS = timedelta(hours=1)
MAX_NAME = 34  # characters
MAX_CALLBACKS = 10
KEYS = {
    *("name", "url", "hook_attributes", "redirect_url", "callback_urls", "setup_url", "description", "public"),
    *("default_events", "default_permissions", "request_oauth_on_install", "setup_on_update"),
}
LEVELS = {"read": 1, "write": 2, "admin": 3}
PERMISSIONS = {
    *("actions", "administration", "attestations", "checks", "contents", "deployments", "environments", "issues"),
    *("members", "metadata", "packages", "pages", "pull_requests", "repository_hooks", "secrets", "statuses"),
    *("organization_administration", "organization_hooks", "single_file", "workflows"),
}
EVENTS = {
    **dict.fromkeys(("check_run", "check_suite"), "checks"),
    **dict.fromkeys(("commit_comment", "create", "delete", "push", "release"), "contents"),
    **dict.fromkeys(("deployment", "deployment_protection_rule", "deployment_status"), "deployments"),
    **dict.fromkeys(("issue_comment", "issues"), "issues"),
    **dict.fromkeys(("pull_request", "pull_request_review", "pull_request_review_comment"), "pull_requests"),
    **dict.fromkeys(("workflow_dispatch", "workflow_job", "workflow_run"), "actions"),
    "repository": "metadata",
    "status": "statuses",
    "member": "members",
    "team": "members",
}
"""Events that an App can subscribe to, each with the permission that it needs."""


def read(text: str) -> dict[str, Any] | None:
    """Read a manifest; None if it is not a JSON object."""
    try:
        manifest = json.loads(text)
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def problems(state: State, manifest: dict[str, Any]) -> list[str]:
    """Everything for which GitHub refuses a manifest."""
    return [problem for check in _CHECKS for problem in check(state, manifest)]


def register(state: State, manifest: dict[str, Any], owner: Account) -> str:
    """Register an App; returns the code for which its credentials are given out, once, within an hour."""
    code = secrets.token_hex(20)
    state.registrations[code] = Registration(manifest, owner, state.now())
    return code


def convert(state: State, code: str) -> bool:
    """Take a code and act as its App; False if the code was used or is too old."""
    registration = state.registrations.pop(code, None)
    if registration is None or registration.created_at + LASTS <= state.now():
        return False
    manifest, deliverer = registration.manifest, state.deliverer
    state.app_id += 1
    state.key_number += 1
    state.app_slug = _slug(manifest["name"])
    state.client_id = f"Iv23li{secrets.token_hex(7)}"
    state.client_secret = secrets.token_hex(20)
    state.callback_urls = tuple(manifest.get("callback_urls", ()))
    state.setup_url = manifest.get("setup_url", "")
    state.permissions = {"metadata": "read", **manifest.get("default_permissions", {})}
    state.events = list(manifest.get("default_events", ()))
    state.installations.clear()
    state.tokens.clear()
    deliverer.app_id, deliverer.secret = state.app_id, secrets.token_hex(20)
    deliverer.url = manifest["hook_attributes"]["url"]
    return True


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _keys(_: State, manifest: dict[str, Any]) -> Iterator[str]:
    for name in sorted(manifest.keys() - KEYS):
        yield f"{name} is not a permitted key"


def _name(state: State, manifest: dict[str, Any]) -> Iterator[str]:
    name = manifest.get("name")
    if not isinstance(name, str) or not _slug(name):
        yield "Name can't be blank"
    elif len(name) > MAX_NAME:
        yield f"Name is too long (maximum is {MAX_NAME} characters)"
    elif _slug(name) == state.app_slug:
        yield "Name is already taken"


def _urls(_: State, manifest: dict[str, Any]) -> Iterator[str]:
    hook = manifest.get("hook_attributes")
    if not _is_url(manifest.get("url")):
        yield "Url must be a valid URL"
    if not isinstance(hook, dict) or not _is_url(hook.get("url")):
        yield "Hook url can't be blank"
    if not _is_url(manifest.get("redirect_url")):
        yield "Redirect url must be a valid URL"
    callbacks = manifest.get("callback_urls", [])
    if not isinstance(callbacks, list) or len(callbacks) > MAX_CALLBACKS or not all(map(_is_url, callbacks)):
        yield f"Callback urls must be at most {MAX_CALLBACKS} valid URLs"
    if "setup_url" in manifest and not _is_url(manifest["setup_url"]):
        yield "Setup url must be a valid URL"


def _permissions(_: State, manifest: dict[str, Any]) -> Iterator[str]:
    permissions = manifest.get("default_permissions", {})
    if not isinstance(permissions, dict):
        yield "Default permissions must be an object"
        return
    for name, level in permissions.items():
        if name not in PERMISSIONS:
            yield f"Default permission records resource is not included in the list: {name}"
        elif level not in LEVELS:
            yield f"Default permission {name} has an unknown level: {level}"


def _events(_: State, manifest: dict[str, Any]) -> Iterator[str]:
    events, permissions = manifest.get("default_events", []), manifest.get("default_permissions", {})
    if not isinstance(events, list):
        yield "Default events must be a list"
        return
    for name in events:
        if name not in EVENTS:
            yield f"Default events unsupported: {name}"
        elif EVENTS[name] not in {"metadata", *permissions}:
            yield f"Default events are not supported by permissions: {name}"


def _is_url(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"https?://[^\s/?#]+\S*", value) is not None


_CHECKS: tuple[Callable[[State, dict[str, Any]], Iterator[str]], ...] = (_keys, _name, _urls, _permissions, _events)
