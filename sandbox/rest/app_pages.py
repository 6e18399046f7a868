"""GitHub's web pages on which somebody registers an App from a manifest, and installs it."""

import functools
import re
from html import escape

from aiohttp import web
from yarl import URL

from sandbox.accounts import Account
from sandbox.serializers.accounts import app_path
from sandbox.state import State
from sandbox.use_cases import installations, registrations

PAGE = """<!DOCTYPE html>
<html lang=en><head><title>{title}</title><link rel=icon href="data:,"></head><body><h1>{title}</h1>{body}</body>"""
REGISTER = re.compile(r"/(organizations/[^/]+/)?settings/apps/new")
INSTALL = re.compile(r"/(github-)?apps/[^/]+/installations/new")
PERSON = "alice"
"""Who uses these pages: nobody signs in to them."""


def is_page(path: str) -> bool:
    """Whether a path is that of one of these pages, which are no part of the API."""
    return REGISTER.fullmatch(path) is not None or INSTALL.fullmatch(path) is not None


def add_pages(app: web.Application, state: State) -> None:
    """Add the pages."""
    for path in ("/settings/apps/new", "/organizations/{org}/settings/apps/new"):
        app.router.add_post(path, functools.partial(_register, state))
    for root in ("apps", "github-apps"):
        app.router.add_get(f"/{root}/{{slug}}/installations/new", functools.partial(_show_installation, state))
        app.router.add_post(f"/{root}/{{slug}}/installations/new", functools.partial(_install, state))


async def _register(state: State, request: web.Request) -> web.Response:
    """Register an App, and lead back to who sent the manifest, with a code."""
    owner = _owner(state, request)
    if owner is None:
        return _page("Not Found", "<p>There is no such organization.</p>", 404)
    manifest = registrations.read(str((await request.post()).get("manifest", "")))
    wrong = ["Manifest is not a JSON object"] if manifest is None else registrations.problems(state, manifest)
    if manifest is None or wrong:
        items = "".join(f"<li>{escape(problem)}</li>" for problem in wrong)
        return _page("Invalid GitHub App configuration", f"<ul>{items}</ul>", 422)
    code = registrations.register(state, manifest, owner)
    back = URL(manifest["redirect_url"]).update_query(code=code, state=request.query.get("state", ""))
    return web.Response(status=302, headers={"Location": str(back)})


def _owner(state: State, request: web.Request) -> Account | None:
    login = request.match_info.get("org")
    if login is None:
        return state.account(PERSON)
    account = state.accounts.get(login.lower())
    return account if account is not None and account.type == "Organization" else None


async def _show_installation(state: State, request: web.Request) -> web.Response:
    """Show on what the App can be installed."""
    if request.match_info["slug"] != state.app_slug:
        return _page("Not Found", "<p>There is no such App.</p>", 404)
    owner = state.owner
    boxes = "".join(
        f"<p><label><input type=checkbox name=repository value='{escape(repository.full_name)}'> "
        f"{escape(repository.full_name)}</label></p>"
        for repository in state.repositories.values()
        if repository.owner is owner
    )
    form = f"<form method=post><p>Only these repositories, or all if none is chosen:</p>{boxes}<button>Install</button>"
    if installations.find(state, owner):
        form = f"<p>It is installed on {escape(owner.login)}.</p>"
    return _page(f"Install {escape(state.app_slug)} on {escape(owner.login)}", form)


async def _install(state: State, request: web.Request) -> web.Response:
    """Install the App, and lead on to its setup page."""
    chosen = [str(name) for name in (await request.post()).getall("repository", [])]
    if request.match_info["slug"] != state.app_slug or installations.find(state, state.owner):
        return _page("Not Found", "<p>There is no such App, or it is installed already.</p>", 404)
    repositories = [state.repository(name) for name in chosen] or None
    found = installations.install(state, state.owner, repositories, state.account(PERSON))
    leads_to = URL(state.setup_url or f"{request.scheme}://{request.host}{app_path(state)}/installations/new")
    query = {"installation_id": str(found.id), "setup_action": "install"}
    return web.Response(status=302, headers={"Location": str(leads_to.update_query(query))})


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=PAGE.format(title=title, body=body), content_type="text/html")
