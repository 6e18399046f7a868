"""The code against its documents and declarations: every setting, command, route and job is listed and answered for."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pydantic import SecretStr

from api.docs import routes as docs
from api.http.endpoints import AnyEndpoint
from bot.events.event import Event
from bot.github.tokens import OPTIONAL, PURPOSES
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import Job
from bot.rules.config import load
from bot.rules.database_words import WORDS
from bot.settings import PREFIX, Settings, read_settings
from handlers.webhooks import EVENTS
from sandbox.credentials import key_pair
from server import jobs
from server.app import create_app, dialects
from tests.test_shape import OURS, ROOT, is_below, modules, nodes
from web.pages.routes import ROUTES as PAGE_ROUTES
from web.site import pages_of_acts

FILE_NAME = rf"`((?:{'|'.join(OURS)}|docs)/[\w/-]+\.\w+)"
"""A path of ours, as documents name it."""

ROUTES = """
POST /webhooks/github
GET /healthz
GET /readyz
GET /metrics
POST /graphql
GET,POST /api/tokens
GET,DELETE /api/tokens/{}
GET,POST /api/projects
GET,PATCH /api/projects/{}
GET /api/projects/{}/next-version
GET,POST /api/projects/{}/environments
GET,PATCH /api/projects/{}/environments/{}
POST /api/projects/{}/environments/{}/configuration/approvals
GET /api/projects/{}/environments/{}/decision
GET,POST /api/projects/{}/environments/{}/approvals
DELETE /api/projects/{}/environments/{}/approvals/{}
GET,POST,DELETE /api/projects/{}/environments/{}/lock
GET,POST /api/projects/{}/environments/{}/freezes
DELETE /api/projects/{}/environments/{}/freezes/{}
GET,POST /api/projects/{}/freezes
DELETE /api/projects/{}/freezes/{}
GET /api/audit
GET /api/board
GET /api/waiting
GET /api/search
GET,POST /api/freezes
DELETE /api/freezes/{}
POST,DELETE /api/projects/{}/releases/{}/hold
POST,DELETE /api/projects/{}/candidates/{}/ban
POST /api/projects/{}/candidates/{}/promote
GET /api/projects/{}/where
GET /api/projects/{}/releases
GET,PATCH /api/projects/{}/releases/{}
PUT /api/projects/{}/releases/{}/files
GET /api/announcements
POST /api/projects/{}/releases/{}/announcement/approve
POST /api/projects/{}/releases/{}/announcement/reject
GET,PUT /projects/{}
GET,POST /projects/{}/releases.json
GET,POST /projects/{}/releases.xml
GET /projects/{}/releases/pending.json
GET /projects/{}/releases/pending.xml
GET,DELETE /projects/{}/releases/{}
GET,POST /projects/{}/urls.json
GET,POST /projects/{}/urls.xml
GET,PUT,DELETE /projects/{}/urls/{}
GET,POST /api/releases/{}/releases/{}
POST /api/releases/{}/releases/{}/cancel
POST /api/releases/{}/releases/{}/build
GET,POST,PATCH /api/releases/{}/environments/{}/deployments
GET /api/releases/{}/environments/{}/deployments/{}
POST /api/releases/{}/environments/{}/deployments/{}/cancel
POST /api/releases/{}/environments/{}/rollback
GET /api/releases
POST /api/releases/new
GET /api/releases/latest
GET /api/releases/{}
PATCH /api/releases/{}/update_files
GET /api/openapi.json
GET /schema/longshore.json
GET /api/docs
GET /api/docs/start.js
GET /api/docs/swagger-ui.css
GET /api/docs/swagger-ui-bundle.js
GET /api/docs/favicon-32x32.png
* /rest_api/v1
* /rest_api/v1/{}
POST /api/v1/sync-build-github-action
POST /api/v1/sync-deploy-github-action
"""


# --- what the documents list


def manifest() -> Any:
    return yaml.safe_load((ROOT / "app.yml").read_text())


def test_the_manifest_asks_for_the_events_that_have_a_handler() -> None:
    delivered_anyway = {"github_app_authorization", "installation", "installation_repositories", "ping"}
    assert delivered_anyway <= set(EVENTS)
    assert manifest()["default_events"] == sorted(set(EVENTS) - delivered_anyway)


def test_the_manifest_asks_for_the_permissions_that_tokens_are_minted_with_and_no_more() -> None:
    needed: dict[str, str] = {}
    for permissions in PURPOSES.values():
        for name, level in permissions.items():
            needed[name] = max(level, needed.get(name, ""), key=["", "read", "write"].index)
    assert manifest()["default_permissions"] == {name: needed[name] for name in needed if name not in OPTIONAL}


def test_the_page_of_the_app_lists_its_permissions_and_events_as_the_manifest_does() -> None:
    page = (ROOT / "docs" / "github-app.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    names = {row[1].strip("`"): row for row in rows if row[1].startswith("`") and "/" not in row[1]}
    permissions = {name: row[2] for name, row in names.items() if row[2] in ("read", "write")}
    assert permissions == manifest()["default_permissions"]
    assert [name for name in names if name not in permissions] == manifest()["default_events"]
    for name, row in names.items():
        assert row[0] == FORM.get(name, name.replace("_", " ").capitalize()) and len(row[-1]) > len("purpose")


FORM = {"statuses": "Commit statuses", "members": "Members (organization)"}
"""What the form calls permissions that have another name in the API."""


def test_every_purpose_of_a_token_is_that_of_a_request() -> None:
    """A purpose is written where a request is made, as `purpose=…`; reading is the default."""
    used = {"read"}
    for name in (name for name in modules() if is_below(name, "bot.github")):
        named = {getattr(target, "id", ""): node.value for node in nodes(name, ast.Assign) for target in node.targets}
        given = [node.value for node in nodes(name, ast.keyword) if node.arg == "purpose"]
        values = [named.get(value.id) if isinstance(value, ast.Name) else value for value in given]
        used |= {str(value.value) for value in values if isinstance(value, ast.Constant)}
    assert used == set(PURPOSES)


def test_the_example_of_the_environment_lists_every_setting_with_its_default() -> None:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if line]
    places = [place for place, line in enumerate(lines) if not line.startswith("#")]
    listed = {lines[place].partition("=")[0]: lines[place].partition("=")[2] for place in places}
    told = {lines[place].partition("=")[0]: lines[place - 1].removeprefix("# ") for place in places}
    fields = {f"{PREFIX}{name.upper()}": field for name, field in Settings.model_fields.items()}

    def default(field: Any) -> str:
        unset = field.is_required() or field.default is None or isinstance(field.default, SecretStr)
        return "" if unset else str(field.default)

    problem = ".env.example must list the fields of bot/settings.py, each below its description and with its default"
    assert listed == {name: default(field) for name, field in fields.items()}, problem
    assert told == {name: field.description for name, field in fields.items()}, problem


def test_the_documentation_lists_every_word_of_a_database_address() -> None:
    page = (ROOT / "docs" / "postgresql.md").read_text()
    table = page.partition("## The address of a PostgreSQL database")[2].partition("\n## ")[0]
    firsts = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(firsts))) == sorted(WORDS)


def test_the_files_that_the_documents_name_exist() -> None:
    named = {(page.name, path) for page in PAGES for path in re.findall(FILE_NAME, page.read_text())}
    assert [(page, path) for page, path in sorted(named) if not (ROOT / path).exists()] == []


PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "sandbox").glob("*.md")]
LINK = r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_the_documents_leads_somewhere(page: Path) -> None:
    broken = []
    for path, anchor in re.findall(LINK, re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)):
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(path + anchor)
    assert broken == []


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    reached, pending = set[Path](), [ROOT / "README.md"]
    while pending:
        page = pending.pop()
        if page not in reached:
            reached.add(page)
            linked = [(page.parent / path).resolve() for path, _ in re.findall(LINK, page.read_text()) if path]
            pending += [target for target in linked if target.suffix == ".md" and target.exists()]
    assert [page for page in (ROOT / "docs").rglob("*.md") if page not in reached] == []


def test_the_example_of_the_configuration_page_is_valid() -> None:
    example = (ROOT / "docs" / "configuration.md").read_text().split("```yaml\n")[1].split("```")[0]
    assert list(load(example.encode()).config.projects["site"].environments) == ["staging", "production"]


def test_the_documentation_lists_every_alarm() -> None:
    found: set[str] = set()
    pending = [Event]
    while pending:
        below = pending.pop().__subclasses__()
        found |= {each.act for each in below if each.alarm and "act" in vars(each)}
        pending += below
    table = (ROOT / "docs" / "operations.md").read_text().partition("### Alarms")[2].partition("\n## ")[0]
    firsts = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([\w.]+)`", " ".join(firsts))) == found


# --- what is declared, and what answers


def settings() -> Settings:
    return read_settings(github_app_id="1", github_private_key=key_pair()[0], github_webhook_secret="x")


def application() -> web.Application:
    return create_app(settings())


def declared() -> list[AnyEndpoint]:
    """Every endpoint of every dialect that is declared by endpoints."""
    return [endpoint for dialect in dialects() for endpoint in dialect.endpoints]


def program_routes(app: web.Application) -> list[tuple[str, str]]:
    """Every route for programs, without those to HEAD."""
    of_pages = {
        *((route.method, route.path) for route in PAGE_ROUTES),
        *(("GET", act) for act in pages_of_acts(PAGE_ROUTES)),
    }
    pages = {(method, re.sub(r":[^}]*\}", "}", path)) for method, path in of_pages}
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None]
    return [
        (method, path)
        for method, path in routes
        if method != "HEAD" and (method, path) not in pages and not path.startswith("/static/")
    ]


def routed(app: web.Application) -> list[tuple[str, str]]:
    """Every route for programs, without those to HEAD and those with a slash at the end."""
    return [(method, path) for method, path in program_routes(app) if not path.endswith("/")]


def test_every_endpoint_is_routed_once_and_nothing_else_is_below_api() -> None:
    served = routed(application())
    assert len(served) == len(set(served))
    endpoints = [(endpoint.method, endpoint.path.rstrip("/")) for endpoint in declared()]
    found = [route for route in served if route[1].startswith(("/api/", "/projects/", "/graphql", "/schema/"))]
    assert sorted([*endpoints, *(("GET", path) for path in docs.paths())]) == sorted(found)


async def test_every_endpoint_is_reached_by_its_own_path_with_and_without_a_slash() -> None:
    app = application()
    for endpoint in declared():
        for path in (endpoint.path.rstrip("/"), f"{endpoint.path.rstrip('/')}/"):
            request = make_mocked_request(endpoint.method, path.replace("{", "").replace("}", ""))
            match = await app.router.resolve(request)
            assert match.http_exception is None, (endpoint.method, path)
            assert match.route.resource is not None and match.route.resource.canonical == path


def test_the_routes_are_those_that_others_rely_on() -> None:
    promised = {
        (method, path)
        for methods, path in (line.split() for line in ROUTES.strip().splitlines())
        for method in methods.split(",")
    }
    nameless = {
        (method, "/".join("{}" if part.startswith("{") else part for part in path.split("/")))
        for method, path in routed(application())
    }
    assert nameless == promised, "add new routes to ROUTES of this file; those that are there must stay"


def job_types() -> set[type[Job]]:
    """Every kind of job that is declared anywhere."""
    found: set[type[Job]] = set()
    pending = [Job]
    while pending:
        below = pending.pop().__subclasses__()
        found |= {each for each in below if "kind" in vars(each)}
        pending += below
    return found


def constructed(name: str) -> set[str]:
    """The classes that a module makes values of, as far as their names tell."""
    return {getattr(node.func, "id", getattr(node.func, "attr", "")) for node in nodes(name, ast.Call)}


def test_every_kind_of_job_is_performed_and_every_performer_has_work() -> None:
    declared = job_types()
    assert jobs.build_registry(settings()).kinds == {job.kind for job in declared}
    made = set().union(*(constructed(name) for name in modules() if not is_below(name, "sandbox")))
    assert {job.__name__ for job in declared} <= made
    assert len({job.kind for job in declared}) == len(declared)


def test_intake_stores_deliveries_as_jobs_of_the_kind_that_is_performed() -> None:
    statements = [node.value for node in nodes("bot.queue.intake", ast.Constant) if isinstance(node.value, str)]
    assert any(f"'{WebhookDelivery.kind}'" in text for text in statements)
