"""Set-up: register the App, install it, make the first project, and what comes then.

A step is done when what it makes is found, whoever made it, and wherever.
"""

import json
from dataclasses import dataclass

from aiohttp import web

from bot.errors import DatabaseUnavailable, NotSetUp, Problem, Refusal, Unavailable
from bot.manifest import read_manifest
from bot.operations import app_credentials, app_registration, first_project
from bot.operations.app_credentials import Credentials
from bot.operations.app_registration import Answer
from bot.operations.first_project import NewEnvironment, Offer
from bot.rules import app_manifest
from bot.rules.projects import TIERS
from web import security
from web.requests import PageRequest
from web.routes import Route

ENVIRONMENTS = 4  # rows of the form
REPOSITORIES = 500  # that are suggested


@dataclass(frozen=True)
class AppStep:
    """Whether there is an App that GitHub knows, and what speaks against it otherwise."""

    is_set_up: bool
    problem: Problem | None
    cannot_store: Problem | None


async def show(page: PageRequest) -> web.StreamResponse:
    """Show the steps. What GitHub does not answer is said in its step; the others can be seen meanwhile."""
    app, progress = _app_step(page), await first_project.progress(page.context)
    installed = await first_project.list_installed(page.context)
    offer, no_offer = await _offer(page)
    public_url = page.runtime.public_url
    return await page.render(
        "setup.html",
        app=app,
        setup=page.runtime.setup,
        progress=progress,
        installed=installed.found,
        unknown=installed.problem,
        repositories=installed.repositories[:REPOSITORIES],
        offer=offer,
        no_offer=no_offer,
        rows=_rows(page, offer),
        tiers=TIERS,
        public_url=public_url,
        warning=app_manifest.why_unreachable(public_url),
        default_name=app_manifest.default_name(public_url),
        max_name=app_manifest.MAX_NAME,
        install_url=_install_url(page),
    )


async def register(page: PageRequest) -> web.StreamResponse:
    """Show what will be registered, with the form that goes to GitHub."""
    setup = page.runtime.setup
    api_url = app_manifest.api_url_of(page.field("host")) if setup.may_choose else setup.api_url
    wanted = app_manifest.app_request(page.field("name"), page.field("organization"), api_url)
    manifest = app_manifest.manifest(read_manifest(), wanted.name, page.runtime.public_url)
    state = await app_registration.begin(page.context, setup, page.signed_in.id, api_url)
    response = await page.render(
        "setup_register.html",
        wanted=wanted,
        manifest=manifest,
        text=json.dumps(manifest),
        state=state,
        warning=app_manifest.why_unreachable(page.runtime.public_url),
    )
    security.add_headers(response, form_action=f"'self' {security.origin_of(wanted.form_url)}")
    return response


async def come_back(page: PageRequest) -> web.StreamResponse:
    """Take the App that GitHub has registered, and go on."""
    answer = Answer(page.query("code"), page.query("state"))
    await app_registration.complete(page.context, page.runtime.setup, page.signed_in.id, answer)
    return page.redirect("/setup")


async def enter_credentials(page: PageRequest) -> web.StreamResponse:
    """Replace credentials of the App, or enter those of one that was registered by hand."""
    names = ("app_id", "private_key", "webhook_secret", "client_id", "client_secret")
    entered = Credentials(**{name: page.field(name) for name in names})
    await app_credentials.replace_some(page.context, page.runtime.setup, entered)
    return page.redirect("/setup")


async def create_project(page: PageRequest) -> web.StreamResponse:
    """Create the first project, or another one."""
    await first_project.create(
        page.acting(), page.field("project"), page.field("repo"), page.field("build_workflow"), _entered(page)
    )
    return page.redirect("/setup")


def _app_step(page: PageRequest) -> AppStep:
    setup, github = page.runtime.setup, page.context.github
    cannot_store: Problem | None = None
    if not setup.is_in_settings:
        try:
            setup.encryption()
        except Problem as problem:
            cannot_store = problem
    mistake = None if isinstance(github.mistake, NotSetUp) else github.mistake
    return AppStep(github.is_configured, mistake, cannot_store)


async def _offer(page: PageRequest) -> tuple[Offer | None, Problem | None]:
    """What the repository offers that was chosen, and why it is not known."""
    name = page.field("repo") or page.query("repo")
    if not name:
        return None, None
    try:
        return await first_project.offer(page.context, name), None
    except DatabaseUnavailable:
        raise
    except (Refusal, Unavailable) as problem:
        return None, problem


def _rows(page: PageRequest, offer: Offer | None) -> list[NewEnvironment]:
    """The environments of the form: what was typed if it was refused, else what the workflows use."""
    if page.failed("project") is not None:
        return _typed(page)
    names = [*(offer.environments if offer else ())][:ENVIRONMENTS]
    workflow = next((name for name in offer.dispatchable if "deploy" in name), "") if offer else ""
    rows = [NewEnvironment(name, _usual_tier(name), workflow) for name in names]
    return rows + [NewEnvironment("", "staging", workflow)] * (ENVIRONMENTS - len(rows))


def _entered(page: PageRequest) -> list[NewEnvironment]:
    return [row for row in _typed(page) if row.name]


def _typed(page: PageRequest) -> list[NewEnvironment]:
    fields = ("environment", "tier", "workflow")
    return [NewEnvironment(*(page.field(f"{name}{row}") for name in fields)) for row in range(ENVIRONMENTS)]


def _usual_tier(name: str) -> str:
    if "prod" in name.lower() or name.lower() == "live":
        return "production"
    return "development" if name.lower().startswith("dev") else "staging"


def _install_url(page: PageRequest) -> str:
    """Where the App is installed: on GitHub's page of it if its address is known, else where all Apps are listed."""
    url = page.runtime.app_page()
    return f"{url}/installations/new" if url else f"{page.context.github.web_url}/settings/apps"


ROUTES = (
    Route("GET", "/setup", show, "operator"),
    Route("GET", "/setup/callback", come_back, "operator"),
    Route("POST", "/setup/app", register, "operator", again=show),
    Route("POST", "/setup/credentials", enter_credentials, "operator", again=show),
    Route("POST", "/setup/project", create_project, "operator", again=show),
)
