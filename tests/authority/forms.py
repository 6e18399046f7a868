"""Forms that people send on pages, for each act: where they are sent, and with which fields."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.authority.attempts import Attempt
from tests.web.browsers import Browser, Page, sign_in
from tests.world import World

PROJECT = "/projects/{project}"
CANDIDATE, ENVIRONMENT = f"{PROJECT}/candidates/{{candidate}}", f"{PROJECT}/environments/{{environment}}"
WAITING = "/waiting/deployments/{project}/{environment}/{candidate}/{row}"
ANNOUNCEMENT = "/waiting/announcements/{project}/{release}/{row}"
CHANGE = "/waiting/changes/{project}/{environment}/{commit}"
HERE, BECAUSE = {"environment": "{environment}"}, {"reason": "a test"}


class Form(NamedTuple):
    """A form: its address and fields. `plan` is the page that shows first what the act would do; GET only reads it."""

    path: str
    fields: Mapping[str, str] = {}
    plan: str = ""
    method: str = "POST"


DEPLOY = f"{CANDIDATE}/deploy?environment={{environment}}"
FORMS: Mapping[str, Sequence[Form]] = {
    "cut": [
        Form(f"{PROJECT}/cut", {"version": "{new}", "commit": "{head}"}, f"{PROJECT}/cut?version={{new}}&commit=main")
    ],
    "cancel a build": [Form(f"{CANDIDATE}/cancel")],
    "build again": [Form(f"{CANDIDATE}/rebuild")],
    "hold": [
        Form(f"{PROJECT}/hold", {"release": "{release}", **BECAUSE}),
        Form(f"{CANDIDATE}/hold", BECAUSE),
        Form(f"{WAITING}/hold", BECAUSE),
    ],
    "end a hold": [Form(f"{PROJECT}/unhold", {"release": "{release}"}), Form(f"{CANDIDATE}/unhold")],
    "ban": [Form(f"{CANDIDATE}/ban", BECAUSE), Form(f"{WAITING}/ban", BECAUSE)],
    "end a ban": [Form(f"{CANDIDATE}/unban")],
    "approve an announcement": [Form(f"{ANNOUNCEMENT}/approve")],
    "reject an announcement": [Form(f"{ANNOUNCEMENT}/reject", BECAUSE)],
    "deploy": [Form(f"{CANDIDATE}/deploy", HERE, DEPLOY)],
    "deploy with force": [Form(f"{CANDIDATE}/deploy", {**HERE, **BECAUSE}, f"{DEPLOY}&reason=x")],
    "promote": [Form(f"{CANDIDATE}/deploy", HERE, f"{CANDIDATE}/promote")],
    "promote with force": [Form(f"{CANDIDATE}/deploy", {**HERE, **BECAUSE}, f"{CANDIDATE}/promote")],
    "roll back": [Form(f"{ENVIRONMENT}/rollback", {}, f"{ENVIRONMENT}/rollback")],
    "roll back with force": [
        Form(f"{ENVIRONMENT}/rollback", {"force": "yes", **BECAUSE}, f"{ENVIRONMENT}/rollback?force=yes")
    ],
    "cancel a deployment": [Form("/deployments/{row}/cancel"), Form(f"{WAITING}/cancel")],
    "approve": [Form(f"{CANDIDATE}/approve", HERE), Form(f"{WAITING}/approve")],
    "withdraw one's approval": [Form(f"{CANDIDATE}/withdraw", HERE)],
    "approve a weaker file": [Form(f"{CHANGE}/approve")],
    "approve a weaker file where nobody had to approve": [Form(f"{CHANGE}/approve")],
    "freeze": [Form(f"{ENVIRONMENT}/freeze", BECAUSE)],
    "end a freeze": [Form(f"{ENVIRONMENT}/unfreeze")],
    "freeze a project": [Form(f"{PROJECT}/freeze", BECAUSE)],
    "end the freeze of a project": [Form(f"{PROJECT}/unfreeze")],
    "lock": [Form(f"{ENVIRONMENT}/lock", BECAUSE)],
    "release one's lock": [Form(f"{ENVIRONMENT}/unlock")],
    "release somebody's lock": [Form(f"{ENVIRONMENT}/unlock")],
    "create a project": [Form("/setup/project", {"project": "new-{number}", "repo": "acme/site"})],
    "ask why": [Form(CANDIDATE, method="GET"), Form("/deployments/{row}", method="GET")],
    "ask for the status": [Form(ENVIRONMENT, method="GET"), Form(PROJECT, method="GET")],
}


def addresses() -> set[tuple[str, str]]:
    """The method and the path of every form, and of the pages that show first what it would do."""
    forms = [form for each in FORMS.values() for form in each]
    plans = [("GET", form.plan.partition("?")[0]) for form in forms if form.plan]
    return {*((form.method, form.path) for form in forms), *plans}


async def browsers_of(world: World, names: Sequence[str]) -> dict[str, Browser]:
    """The browsers of people who signed in."""
    return {name: await sign_in(world, name) for name in names}


async def is_sent(world: World, browser: Browser, attempt: Attempt, form: Form, **more: Any) -> bool:
    """Send the form of an attempt; returns whether it took effect. Who may not act is not shown its plan, either.

    That it is for lack of authority follows from the others, who may act on the same rows.
    """
    values = {"head": world.github.head(), **more, **attempt.values}
    if form.plan:
        await look_at_plan(browser, attempt, form.plan.format(**values))
    path, fields = form.path.format(**values), {name: value.format(**values) for name, value in form.fields.items()}
    page = await (browser.open(path) if form.method == "GET" else browser.submit(path, fields))
    assert is_refused(page) or page.status == (200 if form.method == "GET" else 303), (str(attempt), path, page)
    return not is_refused(page)


async def look_at_plan(browser: Browser, attempt: Attempt, path: str) -> None:
    """Open the page that shows what an act would do. That of `promote` is for all who may deploy somewhere."""
    page = await browser.open(path)
    if path.endswith("/promote") and not is_refused(page):
        assert page.status == 303
        page = await browser.open(page.location + ("&reason=x" if "force" in attempt.act.name else ""))
    assert is_refused(page) is not attempt.allowed, (str(attempt), path, page)


def is_refused(page: Page) -> bool:
    """Whether a page says that somebody may not do something, or not see it, or sends them away to sign in."""
    return page.status in (401, 403, 404) or page.location.startswith("/sign-in")
